"""A pipe or a device in the place of a file is refused at once, wherever a user names a file."""

from __future__ import annotations

import os
from pathlib import Path

import planted
import pytest

from medcot_bench.cli import main
from medcot_bench.security.regular_files import read_regular

REFUSED = "not a regular file (a pipe or a device)"


@pytest.fixture(params=["fifo", "/dev/zero"])
def endless(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where reading waits for ever, or never ends."""
    path = tmp_path / "endless.yaml"
    if request.param == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(request.param)
    return path


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "FILE"],
        ["validate", "FILE"],
        ["show", "FILE"],
        ["plan", "--tasks", "FILE"],
        ["plan", "--tasks", "k8s_qa", "--data", "k8s_qa=file:FILE"],
        ["plan", "--tasks", "k8s_qa", "--data", "k8s_qa=file:FILE.csv"],
        ["plan", "--tasks", "k8s_qa", "--data", "k8s_qa=file:FILE.parquet"],
        ["plan", "--tasks", "k8s_qa", "--general-text", "FILE"],
        ["plan", "--train", "FILE", "--question", "q", "--answer", "a"],
        ["plan", "--tasks", "k8s_qa", "--eval-tasks", "lm_eval:FILE"],
        ["plan", "--tasks", "k8s_qa", "--eval-tasks", "lm_eval:data.yaml"],
    ],
)
def test_it_is_one_line(
    arguments: list[str],
    endless: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.yaml").write_text(
        "task: a\ndataset_path: json\ndataset_kwargs: {data_files: {test: endless.yaml}}\n"
    )
    for suffix in (".csv", ".parquet"):
        (tmp_path / f"endless.yaml{suffix}").symlink_to(endless)
    given = [word.replace("FILE", "./endless.yaml") for word in arguments]
    model = ["--model", str(tiny_model), "--adapters", "none"] if given[0] == "plan" else []
    assert main([*given, *model]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert any("not a regular file" in line and "endless.yaml" in line for line in lines), lines
    assert len(lines) <= 2


@pytest.mark.timeout(60)
def test_the_context_of_a_question_is_a_file_too(
    endless: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = {"k8s_qa": {"answer": planted.answers(0, 0, 1, 1)}}
    root = planted.write(tmp_path / "out", planted.Made(adapter="none", seed=None, task=None, scores=scores))
    (root / "study.yaml").write_text("model: m\ntasks: k8s_qa\nadapters: none\n")
    asked = ["predict", str(root), "base__none", "Which port?", "--task", "k8s_qa", "--context-file", str(endless)]
    assert main(asked) == 2
    assert capsys.readouterr().err == f"medcot-bench: --context-file {endless}: {REFUSED}\n"


def test_files_and_folders_are_as_ever(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert read_regular(tmp_path / "a") == b"abc"
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "b")
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path)
    with pytest.raises(OSError, match="at most 0 MB"):
        read_regular(tmp_path / "a", most=2)
