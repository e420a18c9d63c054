"""`compare --items`: a planted folder in 80 columns, hostile answers, and a run for real."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from planted import Made, answers, write

from medcot_bench import Results
from medcot_bench.cli import main

SECRET = "hf_" + "aB3" * 11


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def plant(root: Path, full: str | None = "/maps", **texts: Any) -> Path:
    def made(adapter: str, said: str | None, *values: float) -> Made:
        items = {item: {"prediction": said, "target": " /maps", **texts} for item in "abcd"}
        return Made(adapter=adapter, scores={"k8s_qa": {"answer": answers(*values)}}, said=items)

    return write(root, made("full", full, 1, 0, 1, 1), made("lora", "7809", 0, 0, 0.5, 1))


def test_items_are_shown_with_question_right_answer_and_every_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = plant(tmp_path, question="Which path?", options={"A": "/maps", "B": "/"})
    assert main(["compare", str(root), "--items", "1"]) == 0
    assert capsys.readouterr().out == (
        "Trained on k8s_qa, scored on k8s_qa by answer: 2 items differ between methods; 1\n"
        "with the largest difference:\n\n"
        "1. a: Which path?\n"
        "Options: A: /maps; B: /\n"
        "Right answer: /maps\n"
        "method  score  answer\n"
        "---------------------\n"
        "full    1.000  /maps\n"
        "lora    0.000  7809\n\n"
        "Scores are means over seeds; the answer is that of the first seed.\n"
    )


def test_folders_without_questions_are_shown_without_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(plant(tmp_path, full=None)), "--items", "9"]) == 0
    shown = capsys.readouterr().out
    assert "\n2. c\nRight answer: /maps\n" in shown
    assert "full    1.000  not generated\n" in shown
    assert "Questions are missing: these samples were made before they kept them.\n" in shown


def test_long_and_hostile_texts_stay_in_their_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = f"\x1b[2J[bold]\r\n\u202e{SECRET} " + "x" * 5000
    assert (
        main(
            [
                "compare",
                str(plant(tmp_path, full=hostile, question=hostile, options={hostile: hostile})),
                "--items",
                "2",
            ]
        )
        == 0
    )
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert not any(character in shown for character in "\x1b\r\u202e")
    assert "[bold]" in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--items", "0"], "--items takes a number from 1 on, not 0"),
        (
            ["--items", "2", "--baseline", "full"],
            "--items compares every row with every other; leave out --baseline",
        ),
        (["--items", "2", "--score", "charm"], "no two rows have the score charm on an evaluation task"),
        (["--items", "2", "--require", "k8s_qa.answer >= 1"], "--items and --require are two questions"),
    ],
)
def test_wrong_use_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["compare", str(plant(tmp_path)), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_run_keeps_what_it_asked(kept: Results, examples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.loads(line) for line in (examples / "k8s_qa.jsonl").read_text().splitlines()]
    questions = {row["question"] for row in rows}
    samples = kept.samples("full", "k8s_qa")
    assert {sample["question"] for sample in samples} <= questions
    assert len(samples) == 3
    assert main(["compare", str(kept.root), "--items", "1", "--score", "gold_nll"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert any(f": {' '.join(question.split())} Right answer: " in shown for question in questions)
    assert main(["verify", str(kept.root)]) == 0
