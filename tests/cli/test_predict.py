"""`predict` answers as scoring did, by the same prompt, engine and stop strings; its errors are one line."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import medcot_bench
from medcot_bench import Example, Results, Study
from medcot_bench.cli import main
from medcot_bench.errors import ModelError
from medcot_bench.planning.build import make_plan
from medcot_bench.results.folder import CellResult
from medcot_bench.runner.events import Answered, PhaseStarted, WorkerEvent
from medcot_bench.runner.protocol import Job, Predict
from medcot_bench.runner.supervision import Timeouts
from medcot_bench.testing.tiny import make_tiny_model

QUICK = str(Path(__file__).parents[2] / "docs" / "results" / "quick")
OnPhase = Callable[[PhaseStarted], None]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere", "lora", "Why?"), "nowhere: no study was run here (no plan.json)"),
        ((QUICK, "layer_lora__s0", "Why?"), "k8s_qa__layer_lora__s0-998a7a221d9c: its weights were not kept; "),
        ((QUICK, "none", "Why?"), "base__none-b9357cea8181 has no training task; choose with --task"),
        ((QUICK, "layer_lora__s0", "Why?", "--base"), "task k8s_qa needs a context: add --context TEXT or"),
        ((QUICK, "layer_lora__s0", "Why?", "--base", "--context-file", "x"), "--context-file x: No such file"),
        ((QUICK, "layer_lora__s0", "Why?", "--base", "--option", "A"), "--option A: write LETTER=TEXT"),
        (
            (QUICK, "layer_lora__s0", "?", "--base", "--option", "A=1", "--option", "A=2"),
            "--option A=2: A is given twice",
        ),
    ],
)
def test_what_is_wrong_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert main(["predict", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"medcot-bench: {said}")
    assert output.err.count("\n") == 1


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_is_told_what_takes_a_while(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    def answer_of(job: Job, kind: type[Answered], timeouts: Timeouts, on_phase: OnPhase) -> Answered:
        on_phase(PhaseStarted(cell="3f", phase="restore"))
        on_phase(PhaseStarted(cell="3f", phase="answer"))
        return kind(text="Because.")

    monkeypatch.setattr("medcot_bench.cli.predict.answer_of", answer_of)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert main(["predict", QUICK, "layer_lora__s0", "Why?", "--base", "--context", "A text."]) == 0
    told = "loading the base of k8s_qa__layer_lora__s0-998a7a221d9c to answer ...\nanswering ...\n"
    assert capsys.readouterr() == ("Because.\n", told if terminal else "")


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> list[Predict]:
    """The worker's part done in this process, which has torch already; what was asked for."""
    from medcot_bench.worker.predict import predict

    asked: list[Predict] = []

    def answer_of(job: Job, kind: type[Answered], timeouts: Timeouts, on_phase: OnPhase) -> Answered:
        assert isinstance(job.work, Predict)
        asked.append(job.work)
        events: list[WorkerEvent] = []
        assert predict(job.work, events.append) == 0
        assert isinstance(events[-1], kind)
        return events[-1]

    monkeypatch.setattr("medcot_bench.cli.predict.answer_of", answer_of)
    return asked


def typed(example: Example) -> list[str]:
    """An item as a user types it."""
    context = ["--context", example.context] if example.context else []
    options = [part for letter, text in example.options.items() for part in ("--option", f"{letter}={text}")]
    return [example.question, *context, *options]


@pytest.fixture
def answers(kept: Results, kept_fields: dict[str, Any]) -> Callable[..., tuple[list[Example], list[str]]]:
    """A task's scored items, and what a cell wrote for them when it was scored."""
    plan = make_plan(Study.model_validate(kept_fields))

    def answers(cell: CellResult, task: str) -> tuple[list[Example], list[str]]:
        return plan.items.scored(task), [sample["prediction"] for sample in kept.samples(cell, task)]

    return answers


@pytest.mark.slow
@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("task", ["k8s_qa", "medqa_cot"])
def test_every_adapter_answers_as_it_was_scored(
    kept: Results,
    answers: Callable[..., tuple[list[Example], list[str]]],
    capsys: pytest.CaptureFixture[str],
    task: str,
) -> None:
    every = []
    for cell in kept.cells:
        items, expected = answers(cell, task)
        for example, text in zip(items, expected, strict=True):
            assert main(["predict", str(kept.root), cell.cell.id, "--task", task, *typed(example)]) == 0
            assert capsys.readouterr().out == f"{text}\n"
        every.append(tuple(expected))
    assert len(set(every)) > 2  # the models differ, so that the right one was asked


@pytest.mark.slow
@pytest.mark.usefixtures("in_process")
def test_the_base_of_a_cell_answers_as_the_base(
    kept: Results, answers: Callable[..., tuple[list[Example], list[str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    items, expected = answers(kept.cells[0], "k8s_qa")
    assert main(["predict", str(kept.root), "qlora", "--base", *typed(items[0])]) == 0
    assert capsys.readouterr().out == f"{expected[0]}\n"


@pytest.mark.slow
def test_a_base_that_moved_is_named_and_another_one_refused(
    kept: Results,
    in_process: list[Predict],
    tiny_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    moved, other = shutil.copytree(tiny_model, tmp_path / "moved"), make_tiny_model(tmp_path / "other", seed=1)
    asked = ["predict", str(kept.root), "qlora", "Why?", "--context", "A text."]
    assert main(asked) == 0
    expected = capsys.readouterr().out
    assert main([*asked, "--model", str(moved)]) == 0
    assert capsys.readouterr().out == expected
    assert main([*asked, "--model", str(other)]) == ModelError.exit_code
    assert f"model '{other}' is not the base model of {kept.root} (" in capsys.readouterr().err
    assert [work.model for work in in_process] == [None, str(moved), str(other)]


@pytest.mark.slow
@pytest.mark.usefixtures("in_process")
def test_chat_template_system_prompt_and_solved_examples_are_those_of_scoring(
    kept_fields: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = kept_fields | {
        "adapters": "none,lora",
        "eval_tasks": "",
        "chat_template": True,
        "system_prompt": "Be brief.",
        "scoring": {"max_new_tokens": 8, "num_fewshot": 1},
        "output_dir": str(tmp_path / "chat"),
    }
    results = medcot_bench.run(fields)
    items = make_plan(Study.model_validate(fields)).items.scored("k8s_qa")
    for cell in results.cells:
        for example, sample in zip(items, results.samples(cell, "k8s_qa"), strict=True):
            assert main(["predict", str(results.root), cell.cell.id, "--task", "k8s_qa", *typed(example)]) == 0
            assert capsys.readouterr().out == f"{sample['prediction']}\n"


@pytest.mark.slow
def test_the_program_answers_from_a_pipe_and_passes_errors_of_its_worker_on(
    kept: Results, answers: Callable[..., tuple[list[Example], list[str]]], tmp_path: Path
) -> None:
    items, expected = answers(kept.cells[2], "k8s_qa")
    (tmp_path / "context.txt").write_text(items[0].context or "")
    command = [sys.executable, "-m", "medcot_bench", "predict", str(kept.root), kept.cells[2].cell.id, "-"]
    command += ["--context-file", str(tmp_path / "context.txt")]
    asked = {"input": items[0].question, "capture_output": True, "text": True, "check": False}
    done = subprocess.run(command, **asked)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{expected[0]}\n", "")
    failed = subprocess.run([*command, "--device", "cuda:7"], **asked)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.startswith("medcot-bench: device 'cuda:7' is not usable here: ")
    assert failed.stderr.count("\n") == 1


def test_a_question_is_read_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Job] = []

    def answer_of(job: Job, kind: type[Answered], timeouts: Timeouts, on_phase: OnPhase) -> Answered:
        asked.append(job)
        return kind(text="an answer")

    monkeypatch.setattr("medcot_bench.cli.predict.answer_of", answer_of)
    monkeypatch.setattr("sys.stdin", io.StringIO("Which port?\n"))
    assert main(["predict", QUICK, "none", "-", "--task", "k8s_qa", "--context", "Port 80."]) == 0
    assert capsys.readouterr().out == "an answer\n"
    [job] = asked
    assert (job.offline, job.trusting) == (True, False)
    assert isinstance(job.work, Predict)
    assert (job.work.cell, job.work.task, job.work.base) == ("base__none-b9357cea8181", "k8s_qa", False)
    expected = Example(id="question", group="question", question="Which port?", answer="", context="Port 80.")
    assert job.work.example == expected
