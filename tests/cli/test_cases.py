"""Inputs that failed once, by the command itself: what it says, how it ends, and what it scores."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cases import find_case

import medcot_bench

pytestmark = pytest.mark.slow
TRAINED = ["--set", "training.max_steps=2", "--set", "training.batch_size=2", "--set", "scoring.max_new_tokens=8"]
LEAST = ["--set", "limit=4", "--set", "threads=1", "--device", "cpu"]


def command(*arguments: str, model: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "medcot_bench", *arguments, "--model", str(model), "-o", "out"]
    return subprocess.run(whole, cwd=cwd, capture_output=True, text=True, check=False, timeout=500)


@pytest.mark.parametrize(
    ("case", "asked", "adapters"),
    [
        ("plain", ["--train", "rows.jsonl"], "none,lora"),
        ("labels_in_prompt", ["--train", "rows.jsonl"], "none,lora"),
        ("labels_in_prompt", ["--tasks", "reviews.yaml"], "none,lora"),
        ("symbol_answers", ["--train", "rows.jsonl"], "none"),
        ("same_question_context", ["--train", "rows.jsonl"], "none"),
        ("question_in_answer", ["--train", "rows.jsonl"], "none"),
        ("span", ["--train", "rows.jsonl"], "none,lora"),
        ("chat_system_mid", ["--train", "rows.jsonl"], "none"),
        ("alpaca_system", ["--train", "rows.jsonl"], "none"),
    ],
)
def test_rows_are_scored(case: str, asked: list[str], adapters: str, tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(find_case(case), tmp_path / "own")
    done = command("run", *asked, "--adapters", adapters, *TRAINED, *LEAST, model=tiny_model, cwd=tmp_path / "own")
    assert done.returncode == 0, done.stderr
    results = medcot_bench.load(tmp_path / "own" / "out")
    samples = [s for cell in results.cells for task in cell.evaluations for s in results.samples(cell, task)]
    assert samples
    for sample in samples:
        assert sample["scores"]["gold_nll"] > 0
        if sample["scores"]["answer"] == 1:  # a random model writes no right answer
            assert letters(sample["prediction"]) == letters(sample["target"])


def letters(text: str) -> list[str]:
    """All that a text holds but spaces and points."""
    return [character for character in text.casefold() if character not in " \n\t."]


def test_a_script_called_like_a_library_is_not_imported(tiny_model: Path, tmp_path: Path) -> None:
    for folder in ("shadow", "plain"):
        shutil.copytree(find_case(folder), tmp_path / "own", dirs_exist_ok=True)
    done = command(
        "run", "--train", "rows.jsonl", "--adapters", "none", *LEAST, model=tiny_model, cwd=tmp_path / "own"
    )
    assert done.returncode == 0, done.stderr
    assert "my metric script" not in done.stdout + done.stderr


def test_an_adapter_of_which_half_fits_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    for folder in ("adapter_half", "plain"):
        shutil.copytree(find_case(folder), tmp_path / folder)
    asked = ["--adapters", "none,peft:path=adapter_half", "--eval-tasks", "adapter_half/t.yaml"]
    done = command("run", *asked, *LEAST, model=tiny_model, cwd=tmp_path)
    assert done.returncode == 2
    assert "tensors fit no module, the first is " in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_solved_examples_from_the_scored_rows_are_marked(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(find_case("fewshot_fallback"), tmp_path / "own")
    asked = ["--adapters", "none", "--eval-tasks", "lm_eval:pipes.yaml,num_fewshot=2", "--set", "threads=1"]
    done = command("run", *asked, "--device", "cpu", "--set", "limit=4", model=tiny_model, cwd=tmp_path / "own")
    assert done.returncode == 0, done.stderr
    [cell] = medcot_bench.load(tmp_path / "own" / "out").cells
    marks = [mark for record in cell.evaluations.values() for mark in record.marks]
    assert any("of 4 prompts hold their own answer" in mark for mark in marks), marks


@pytest.mark.parametrize(
    ("case", "asked", "line"),
    [
        ("one_group", ["--train", "rows.jsonl"], "40 rows in 1 group"),
        ("one_row", ["--train", "rows.jsonl"], "1 row in 1 group"),
        ("chat_tools", ["--train", "rows.jsonl"], "tool"),
        ("yaml_bool_column", ["--tasks", "task.yaml"], "given: true; put it in quotes"),
    ],
)
def test_what_can_not_be_read_is_one_line(
    case: str, asked: list[str], line: str, tiny_model: Path, tmp_path: Path
) -> None:
    shutil.copytree(find_case(case), tmp_path / "own")
    done = command("plan", *asked, "--adapters", "none,lora", model=tiny_model, cwd=tmp_path / "own")
    assert done.returncode == 2
    assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "own" / "out").exists()


@pytest.mark.parametrize(
    ("case", "file", "question", "answer", "rows"),
    [
        ("csv_semicolon_blank_first", "rows.csv", "question", "answer", "1 row in 1 group"),
        ("csv_semicolon_quoted_header", "rows.csv", "Question, as asked", "Answer", "1 row in 1 group"),
    ],
)
def test_tables_are_read_and_only_their_rows_too_few(
    case: str, file: str, question: str, answer: str, rows: str, tiny_model: Path, tmp_path: Path
) -> None:
    asked = ["--train", str(find_case(case) / file), "--question", question, "--answer", answer]
    done = command("plan", *asked, "--adapters", "none", model=tiny_model, cwd=tmp_path)
    assert done.returncode == 2
    assert f"no item to score in 'eval'; {rows}, and a group lies in one split" in done.stderr


@pytest.mark.parametrize(
    ("case", "file", "trained", "rows"),
    [
        ("three_rows", "rows.jsonl", 2, "3 rows"),
        ("csv_space_quote", "space_quote.csv", 1, "2 rows"),
        ("csv_space_quote", "space_quote2.csv", 1, "2 rows"),
    ],
)
def test_of_two_or_three_rows_one_is_scored_and_said_to_show_nothing(
    case: str, file: str, trained: int, rows: str, tiny_model: Path, tmp_path: Path
) -> None:
    columns = ["--question", "question", "--answer", "answer"]
    asked = ["--train", str(find_case(case) / file), *columns]
    done = command("plan", *asked, "--adapters", "none,lora", model=tiny_model, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert f"own: {trained} to train on, 1 to score" in said
    assert f"only 1 of {rows} is scored: too few to show any difference" in said
