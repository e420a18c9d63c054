"""`verify`: every damage is named, set aside, and what is left is as good as before."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from planted import Made, answers, failed, write

from medcot_bench.cli import main
from medcot_bench.results import study_file
from medcot_bench.results.folder import load
from medcot_bench.results.quarantine import QUARANTINE
from medcot_bench.results.verify import verify

SCORES = {"answer": answers(1, 0, 1, 1)}
Damage = Callable[[Path], None]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    scores = {"k8s_qa": SCORES, "manuals_qa": SCORES}
    made = [Made(adapter=name, scores=scores) for name in ("full", "lora")]
    made.append(Made(adapter="qlora", scores=scores, attempts=[failed("oom", "no memory")]))
    root = write(tmp_path / "out", *made)
    (root / "study.yaml").write_bytes(study_file.written("tasks: k8s_qa\n"))
    return root


def flip(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize("damage", [flip, cut, empty, become_folder, become_link])
@pytest.mark.parametrize(
    ("file", "aside", "lost_runs", "lost_evaluations"),
    [
        ("plan.json", ["plan.json"], 0, 0),
        ("study.yaml", ["study.yaml"], 0, 0),
        ("cells/*full*/cell.json", ["cells/*full*"], 1, 2),
        ("cells/*full*/scores/k8s*", ["cells/*full*/scores/k8s*", "cells/*full*/samples/k8s*"], 0, 1),
        ("cells/*full*/samples/k8s*", ["cells/*full*/scores/k8s*", "cells/*full*/samples/k8s*"], 0, 1),
        ("cells/*qlora*/attempts/1/error.json", ["cells/*qlora*/attempts/1"], 0, 0),
    ],
)
def test_each_damage_is_named_and_set_aside(
    out: Path,
    damage: Damage,
    file: str,
    aside: list[str],
    lost_runs: int,
    lost_evaluations: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (path,) = out.glob(file)
    whole = verify(out)
    damage(path)
    assert main(["verify", str(out)]) == 3
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{path}: ")
    assert len(said) == 3
    assert said[2] == f"`medcot-bench verify {out} --repair` moves it to {out / QUARANTINE}."
    assert main(["verify", str(out), "--repair"]) == 0
    again = (
        "the command that made it" if file == "study.yaml" else f"`medcot-bench run {out / 'study.yaml'} -o {out}`"
    )
    assert f"{again} makes it again." in capsys.readouterr().out
    for pattern in aside:
        assert [*(out / QUARANTINE).glob(pattern)]
        assert not [*out.glob(pattern)]
    left = verify(out)
    assert left.damages == []
    assert whole.cells - left.cells == lost_runs
    assert whole.evaluations - left.evaluations == lost_evaluations
    assert main(["verify", str(out)]) == 0


def test_two_damages_of_one_name_are_both_kept(out: Path) -> None:
    for text in ("first", "second"):
        (out / "plan.json").write_text(text)
        assert main(["verify", str(out), "--repair"]) == 0
    assert (out / QUARANTINE / "plan.json").read_text() == "first"
    assert (out / QUARANTINE / "plan.json.2").read_text() == "second"


def test_all_good_is_one_line(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(out)]) == 0
    assert capsys.readouterr().out == "3 training runs and 6 evaluations are intact.\n"


def test_linked_cells_are_set_aside_and_not_followed(out: Path, tmp_path: Path) -> None:
    before = load(out).cells
    (folder,) = out.glob("cells/*full*")
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    (found,) = verify(out).damages
    assert (found.path, found.reason) == (folder, "is a symbolic link, which is never followed")
    assert main(["verify", str(out), "--repair"]) == 0
    assert (tmp_path / "elsewhere" / "cell.json").is_file()
    assert [cell.record for cell in load(out).cells][1:] == [cell.record for cell in before][1:]


@pytest.mark.parametrize("linked", ["", "/*full*/scores", "/*full*/attempts", "/*full*/samples"])
def test_repair_and_lock_touch_nothing_behind_a_link(out: Path, tmp_path: Path, linked: str) -> None:
    (cell,) = out.glob("cells/*full*")
    (cell / "attempts").mkdir()
    (path,) = out.glob(f"cells{linked}")
    victim = Path(shutil.copytree(path, tmp_path / "victim"))
    for name in (".writing-1-x", ".making-x", "cell-0123/.writing-1-x", "k8s_qa-tax.json", "7/log"):
        (victim / name).parent.mkdir(parents=True, exist_ok=True)
        (victim / name).write_text("of somebody else")
    (victim / "one" / "attempts" / "1").mkdir(parents=True)
    before = sorted(victim.rglob("*"))
    shutil.rmtree(path)
    path.symlink_to(victim)
    assert main(["verify", str(out)]) == 3
    assert main(["verify", str(out), "--repair"]) == 0
    assert sorted(victim.rglob("*")) == before
    assert not path.is_symlink()


def test_damaged_weights_leave_a_folder_to_be_filled_again(out: Path) -> None:
    (cell,) = out.glob("cells/*__lora__*")
    (cell / "adapter").mkdir()
    (cell / "adapter" / "adapter_model.safetensors").write_bytes(b"half")
    (found,) = verify(out).damages
    assert (found.path, found.reason) == (cell, "adapter/adapter_model.safetensors is truncated")
    assert main(["verify", str(out), "--repair"]) == 0
    assert list((cell / "adapter").iterdir()) == []
    assert main(["verify", str(out)]) == 0


def test_published_studies_are_intact(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("quick", "study"):
        assert main(["verify", f"docs/results/{name}"]) == 0
    assert "220 records of an older version without a digest" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["", "scores", "samples", "adapter", "attempts"])
def test_a_file_in_place_of_a_folder_is_named_and_set_aside(out: Path, name: str) -> None:
    (cell,) = out.glob("cells/*full*")
    path = cell / name if name else out / "cells"
    shutil.rmtree(path, ignore_errors=True)
    path.write_text("text")
    (found,) = verify(out).damages
    assert (found.path, found.reason) == (path, "is no folder")
    assert main(["verify", str(out), "--repair"]) == 0
    assert not path.is_file()
    assert main(["verify", str(out)]) == 0


def test_evaluations_without_their_training_run_are_of_nobody_knows_what(out: Path) -> None:
    (cell,) = out.glob("cells/*full*")
    (cell / "cell.json").unlink()
    (found,) = verify(out).damages
    assert (found.path, found.reason) == (cell / "cell.json", "is not there, though its evaluations are")
    assert main(["verify", str(out), "--repair"]) == 0
    assert not cell.exists()


def test_what_an_editor_leaves_is_no_record(out: Path) -> None:
    before = load(out).cells
    for path in [*out.glob("cells/*/scores/*.json"), *out.glob("cells/*/samples/*.jsonl")]:
        path.with_name(f"{path.name}~").write_text("{")
    (cell,) = out.glob("cells/*qlora*")
    (cell / "attempts" / "1 (copy)").mkdir()
    assert load(out).cells == before
    assert main(["verify", str(out)]) == 0


def test_a_folder_without_a_study_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".writing-mine").write_text("text")
    assert main(["verify", str(tmp_path), "--repair"]) == 2
    assert "no study was run here" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [".writing-mine"]


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path / "nothing"), "--repair"]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


def again(out: Path) -> str:
    return f"`medcot-bench run {out / 'study.yaml'} -o {out}` makes them."


def test_what_is_planned_and_not_there_is_said_and_is_no_damage(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in out.glob("cells/*full*/s*/k8s*"):
        path.unlink()
    assert main(["verify", str(out)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "3 training runs and 5 evaluations are intact.",
        f"Missing of what is planned: 1 evaluation; {again(out)}",
    ]
    for folder in (*out.glob("cells/*__lora__*"), *out.glob("cells/*qlora*")):
        shutil.rmtree(folder)
    (out / "study.yaml").unlink()
    assert main(["verify", str(out), "--repair"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 training run and 1 evaluation are intact.",
        "Missing of what is planned: 2 training runs and 5 evaluations; the command that made it makes them.",
    ]


@pytest.mark.parametrize(
    ("file", "missing"),
    [
        ("cells/*full*/cell.json", "2 training runs and 4 evaluations"),
        ("cells/*full*/scores/k8s*", "1 training run and 3 evaluations"),
        ("plan.json", None),
    ],
)
def test_what_is_damaged_is_not_missing(
    out: Path, file: str, missing: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = out.glob(file)
    flip(path)
    assert main(["verify", str(out)]) == 3
    assert "Missing" not in capsys.readouterr().out
    (folder,) = out.glob("cells/*qlora*")
    shutil.rmtree(folder)
    assert main(["verify", str(out), "--repair"]) == 0
    said = capsys.readouterr().out
    assert ("Missing of what is planned: 1 training run and 2 evaluations; " in said) == (missing is not None)
    assert main(["verify", str(out)]) == 0
    assert (f"Missing of what is planned: {missing}; " in capsys.readouterr().out) == (missing is not None)


def test_each_file_is_read_once(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def note(path: Path, most: int | None = None) -> bytes:
        read.append(path)
        return path.read_bytes()

    monkeypatch.setattr("medcot_bench.results.files.read_regular", note)
    assert verify(out).damages == []
    records = {path for path in out.glob("cells/**/*.json*") if path.name != "train_log.jsonl"}
    assert sorted(read) == sorted({out / "plan.json", out / "study.yaml", *records})
    assert len(records) == 3 + 6 + 6 + 1  # training runs, evaluations, samples, an attempt
