"""Bad input: one line an error with the file and line where there is one, exit status 2, nothing written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from medcot_bench.cli import main, parser
from medcot_bench.results import study_file
from medcot_bench.study.loading import load_study


class Program:
    """The program called in this process, in a folder of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path):
        self._capsys = capsys
        self.folder = folder

    def fails(self, *arguments: str) -> list[str]:
        """Run it; return its error lines after checking what every expected error has in common."""
        before = sorted(self.folder.rglob("*"))
        assert main(arguments) == 2
        output = self._capsys.readouterr()
        assert output.out == ""
        lines = output.err.splitlines()
        assert all(line.startswith("medcot-bench: ") for line in lines)
        assert sorted(self.folder.rglob("*")) == before
        return [line.removeprefix("medcot-bench: ") for line in lines]


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.chdir(tmp_path)
    return Program(capsys, tmp_path)


@pytest.fixture
def good(tiny_model: Path, examples: Path) -> list[str]:
    """Arguments of a study without an error."""
    return [
        *("run", "--model", str(tiny_model), "--tasks", "k8s_qa", "--adapters", "none,lora"),
        *("--data", f"k8s_qa=file:{examples / 'k8s_qa.jsonl'}"),
    ]


def test_an_unknown_task(program: Program, good: list[str]) -> None:
    assert program.fails(*good, "--eval-tasks", "k8s_qu") == ["no task 'k8s_qu'; did you mean k8s_qa?"]


def test_rates_to_try_are_named_once(program: Program, good: list[str]) -> None:
    assert program.fails(*good, "--lr", "1e-4,1e-3", "--tune-lr", "3") == [
        "--lr 1e-4,1e-3: several rates are a search, and so is --tune-lr 3; give one"
    ]
    [error] = program.fails(*good, "--lr", "1e-4,fast")
    assert error.startswith("training.tune_lr: ")
    assert "distinct rates above 0" in error


def test_an_unknown_adapter(program: Program, good: list[str]) -> None:
    assert program.fails(*good, "--adapters", "lorra") == ["no adapter 'lorra'; did you mean lora or qlora?"]


@pytest.mark.parametrize(
    ("adapter", "line"),
    [
        ("none:r=3", "adapter none: no option 'r'; known: none"),
        ("lora:r=many", "adapter lora: r=many: not an int"),
        ("full:select=top,k=99", "select: k=99 is not from 0 to 4, the model's number of blocks"),
        ("lora:select=layers,layers=2+9", "selector layers: block 9 of a model with blocks 0 to 3"),
        ("lora:select=best", "no selector 'best'; known: all, bottom, ends, every, layers, middle, random, top"),
        (
            "lora:targets=atention",
            "adapter lora:targets=atention: targets=atention matches no module of this model",
        ),
        ("lora:lr=-1", "adapter lora:lr=-1: lr: Input should be greater than 0 (given: -1.0)"),
    ],
)
def test_a_wrong_option(program: Program, good: list[str], adapter: str, line: str) -> None:
    [found] = program.fails(*good, "--adapters", adapter)
    assert found.startswith(line)


def test_an_unknown_option_lists_the_valid_ones(program: Program, good: list[str]) -> None:
    [found] = program.fails(*good, "--adapters", "layer_lora:yy=2")
    assert found.startswith("adapter layer_lora: no option 'yy'; known: r, alpha, dropout, dora, rslora, pissa, ")
    assert ", select, targets, k, lr, " in found


def test_a_missing_file(program: Program, good: list[str]) -> None:
    assert program.fails(*good, "--data", "k8s_qa=file:none.jsonl") == ["none.jsonl: no such file"]


def test_no_data(program: Program, good: list[str]) -> None:
    assert program.fails(*good, "--eval-tasks", "k8s_qa:context=none", "--data", "k8s_qa=bundled") == [
        "task k8s_qa: no data given; add --data k8s_qa=hub or --data k8s_qa=file:PATH"
    ]


def test_a_line_that_is_no_json(program: Program, good: list[str]) -> None:
    row = json.dumps({"question": "q", "answer": "a", "context": "c"})
    (program.folder / "rows.jsonl").write_text(f"{row}\n\n{{'question': 1}}\n")
    [found] = program.fails(*good, "--data", "k8s_qa=file:rows.jsonl")
    assert found.startswith("rows.jsonl:3: not JSON: ")


def test_a_row_without_the_field(program: Program, good: list[str]) -> None:
    (program.folder / "rows.jsonl").write_text('{"question": "q"}\n')
    said = "rows.jsonl:1: field 'answer' is missing or empty; fill it in, or take the row out"
    assert program.fails(*good, "--data", "k8s_qa=file:rows.jsonl") == [said]


def test_a_model_folder_without_tokenizer(program: Program, good: list[str], tiny_model: Path) -> None:
    copy = program.folder / "model"
    shutil.copytree(tiny_model, copy, ignore=shutil.ignore_patterns("tokenizer*"))
    assert program.fails(*good, "--model", "model") == [
        "model 'model': the folder has no tokenizer (tokenizer.json or tokenizer.model)"
    ]


def test_a_model_that_is_not_there(program: Program, good: list[str]) -> None:
    assert program.fails(*good, "--model", "./nowhere") == [
        "model './nowhere': not a model folder and not a GGUF file"
    ]


def test_all_errors_at_once(program: Program, good: list[str]) -> None:
    lines = program.fails(
        *good,
        *("--tasks", "k8s_qa,nope", "--adapters", "lora:x=1,qlorra", "--max-steps", "-3", "--seeds", "1,1"),
        *("--set", "training.warm=0.1", "--data", "k8s_qa=file:gone.jsonl", "--model", "./nowhere"),
    )
    beginnings = [
        "seeds: give distinct seeds from 0 up",
        "training.max_steps: Input should be greater than or equal to 0 (given: -3)",
        "training.warm: no such field; did you mean warmup?",
        "gone.jsonl: no such file",
        "no task 'nope'",
        "adapter lora: no option 'x'",
        "no adapter 'qlorra'",
        "model './nowhere'",
    ]
    assert len(lines) == len(beginnings)
    for line, beginning in zip(lines, beginnings, strict=True):
        assert line.startswith(beginning)


def test_nothing_named(program: Program) -> None:
    (program.folder / "empty.yaml").write_text("seeds: [0]\n")
    lines = program.fails("run", "empty.yaml", "--model", "./nowhere")
    assert [line.partition(":")[0] for line in lines] == ["no adapter", "no task", "model './nowhere'"]


def test_a_study_file_that_is_none(program: Program) -> None:
    (program.folder / "study.yaml").write_text("tasks: [k8s_qa\n")
    assert program.fails("run", "study.yaml")[0].startswith("study.yaml: not YAML")
    assert program.fails("run", "other.yaml")[0] == "other.yaml: No such file or directory"


def test_a_folder_without_results(program: Program) -> None:
    assert program.fails("export", "out") == ["out: no study was run here (no plan.json)"]
    (program.folder / "out" / "quick").mkdir(parents=True)
    (program.folder / "out" / "quick" / "plan.json").write_text("{}")
    assert program.fails("export", "out") == [
        "out: no study was run here (no plan.json); there is one in out/quick"
    ]
    assert program.fails("show", "nothing")[0].startswith("no plugin or preset 'nothing'; known: all, bottom")


def test_an_unknown_format(program: Program) -> None:
    assert program.fails("export", "out", "--format", "docx") == [
        "no exporter 'docx'; known: csv, html, json, latex, latex-all, lm-eval, md, model-card, summary"
    ]


def test_a_study_file_of_a_run_that_was_changed_is_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(study_file.written("tasks: k8s_qa\nlimit: 3\n").replace(b"limit: 3", b"limit: 4"))
    assert main(["plan", str(path)]) == 3
    said = capsys.readouterr().err
    assert said.startswith(f"medcot-bench: {path}: changed since a run wrote it; delete its first line to run it")


def test_memory_that_ends_outside_of_a_run_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def too_much(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("medcot_bench.cli.validate.execute", too_much)
    monkeypatch.setattr("medcot_bench.cli.plan.execute", too_much)
    assert main(["plan"]) == 1
    assert capsys.readouterr().err == "medcot-bench: out of memory; nothing finished is lost\n"


LONG = "x" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        *([*command, "PATH"] for command in (["run"], ["plan"], ["validate"], ["init"], ["export"], ["verify"])),
        *([*command, "PATH"] for command in (["verify", "--repair"], ["compare"], ["doctor", "-o"])),
        *(["predict", "PATH", "run", "question"], ["merge", "PATH", "run", "to"], ["merge", "out", "run", "PATH"]),
        *(["export", "out", "-o", "PATH"], ["plan", "--from", "PATH"], ["run", "--train", "PATH"]),
        ["predict", "out", "run", "question", "--context-file", "PATH"],
    ],
    ids=" ".join,
)
def test_a_path_that_can_not_be_is_one_line_in_every_command(program: Program, arguments: list[str]) -> None:
    for path, why in (
        (LONG, "File name too long"),
        ("", "an empty path; write ."),
        ("~no-such-user/x", "home dir"),
    ):
        [line] = program.fails(*(path if part == "PATH" else part for part in arguments))
        assert line.startswith(f"'{path[:50]}")
        assert why in line


def test_the_output_folder_of_a_study_is_such_a_path_too(
    program: Program, good: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for named in (["-o", LONG], ["--set", f"output_dir={LONG}"]):
        [line] = program.fails(*good, *named)
        assert line.startswith("output_dir: File name too long (given: 'xxx")
    empty = "output_dir: an empty path; write . for the working directory (given: '')"
    assert program.fails(*good, "-o", "") == [empty]
    monkeypatch.setenv("MEDCOT_OUTPUT_DIR", "")
    assert program.fails(*good) == [empty]


def test_a_cache_that_can_not_be_is_named_by_its_variable(
    program: Program, good: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDCOT_CACHE", LONG)
    [line] = program.fails(*good, "--model", "smollm2-135m")
    assert line.startswith("MEDCOT_CACHE='xxx")
    assert line.endswith(": File name too long")


def test_a_tilde_is_the_home_folder_in_every_output_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    study, errors = load_study(overrides=[("output_dir", "~/out")])
    assert (errors, study.output_dir) == ([], f"{tmp_path}/out")
    for command in ("export", "verify", "compare"):
        assert main([command, "~/out"]) == 2
        assert f"{tmp_path}/out" in capsys.readouterr().err
    assert parser().parse_args(["doctor", "-o", "~/out"]).output_dir == tmp_path / "out"
