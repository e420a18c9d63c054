"""The one LaTeX table: its frame, which values are bold, and that it says what is true of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from planted import Made, answers, write

from medcot_bench.analysis.build import build
from medcot_bench.report.exporters.latex import Latex
from medcot_bench.results.folder import load
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.testing.example_leaderboards import boards, places, whole


def scored(
    adapter: str, mean: float, seed: int | None = 0, task: str | None = "k8s_qa", name: str = "answer"
) -> Made:
    values = {name: answers(mean, mean, mean, mean)}
    return Made(adapter=adapter, seed=seed, task=task, scores={"k8s_qa": values, "manuals_qa": values})


def planted(root: Path, *made: Made, primary: str = "answer") -> Leaderboard:
    return replace(build(load(write(root, *made))), primary=primary)


def bold_of(board: Leaderboard) -> dict[str, list[bool]]:
    """Method and training task -> whether each score is bold."""
    rows = [line.removesuffix(r" \\").split(" & ") for line in Latex().export(board).splitlines() if " & " in line]
    return {f"{row[0]} on {row[1]}": [r"\textbf" in cell for cell in row[2:-2]] for row in rows[2:]}


def test_the_best_mean_of_a_training_task_is_bold(tmp_path: Path) -> None:
    board = planted(
        tmp_path,
        scored("none", 0.5, None, None),
        scored("full", 0.75),
        scored("lora", 0.625),
        scored("full", 0.25, task="manuals_qa"),
        scored("lora", 0.625, task="manuals_qa"),
    )
    assert bold_of(board) == {
        "none on base model": [False, False],
        r"full on k8s\_qa": [True, True],
        r"lora on k8s\_qa": [False, False],
        r"full on manuals\_qa": [False, False],
        r"lora on manuals\_qa": [True, True],
    }


def test_less_is_better_of_likelihoods_and_equal_values_are_both_bold(tmp_path: Path) -> None:
    made = [scored("full", 0.5, name="gold_nll"), scored("lora", 0.50001, name="gold_nll")]
    board = planted(tmp_path, *made, scored("ia3", 0.75, name="gold_nll"), primary="gold_nll")
    assert [*bold_of(board).values()] == [[True, True], [True, True], [False, False]]
    assert r"Lower is better on k8s\_qa and manuals\_qa." in Latex().export(board)


def test_the_base_model_is_bold_where_no_training_helps(tmp_path: Path) -> None:
    board = planted(tmp_path, scored("none", 0.75, None, None), scored("full", 0.5), scored("lora", 0.625))
    assert [*bold_of(board).values()] == [[True, True], [False, False], [False, False]]


def test_a_row_without_a_score_is_not_compared(tmp_path: Path) -> None:
    board = planted(tmp_path, scored("full", 0.75), Made(adapter="lora", train=None))
    assert [*bold_of(board).values()] == [[True, True], [False, False]]
    assert r"lora & k8s\_qa & n/a & n/a & n/a & n/a \\" in Latex().export(board)


@pytest.mark.parametrize("kind", boards())
def test_every_kind_of_leaderboard_is_one_even_table(kind: str) -> None:
    text = Latex().export(boards()[kind])
    assert text.startswith(r"% Needs \usepackage{booktabs}.")
    for command in (
        r"\begin{table}",
        r"\begin{tabular}",
        r"\caption{",
        r"\label{tab:medcot-bench}",
        r"\end{table}",
    ):
        assert text.count(command) == 1
    columns = len(re.findall(r"\\begin\{tabular\}\{(l+r+)\}", text)[0])
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {columns - 1}
    assert len(rows) == 2 + len(boards()[kind].rows)


@pytest.mark.parametrize("place", places("x"))
def test_no_text_acts_in_the_table(place: str) -> None:
    board = places("\\input{x} $a_b^c$ 50% #1 & ~ <b> {y}\r\n\n\\end{table}")[place](whole())
    text = Latex().export(board).partition("\n\n")[2]
    assert "\n\n" not in text
    rules = [line for line in text.splitlines() if line == r"\midrule"]
    assert len(text.splitlines()) == 11 + len(rules) + len(board.rows)
    commands = {*re.findall(r"\\([A-Za-z]+)", text)}
    layout = {"begin", "end", "centering", "caption", "label", "toprule", "midrule", "bottomrule", "textbf", "pm"}
    assert commands <= layout | {
        f"text{name}" for name in ("backslash", "asciitilde", "asciicircum", "less", "greater")
    }
    assert text.count(r"\end{") == 2
