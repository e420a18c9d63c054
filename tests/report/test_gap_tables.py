"""The verdicts, what they rest on, and what stands under them: margin, seeds, groups, tuning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from planted import Made, write

from medcot_bench.analysis.build import build
from medcot_bench.report.exporters.html import Html
from medcot_bench.report.exporters.latex import Latex
from medcot_bench.report.exporters.markdown import Markdown
from medcot_bench.report.gap_tables import basis, limits, rates, verdicts
from medcot_bench.results.folder import load
from medcot_bench.results.leaderboard import Effect, Leaderboard
from medcot_bench.results.trials import Trial
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.power import detectable
from medcot_bench.stats.verdict import Verdict


def planted(root: Path, items: int, seeds: int) -> Leaderboard:
    made = []
    for adapter, apart in (("full", 0.0), ("lora", 0.001)):
        values = {str(n): n / items + apart * (-1) ** n for n in range(items)}
        scores = {task: {"answer": values, "gold_nll": values} for task in ("k8s_qa", "manuals_qa")}
        made += [Made(adapter=adapter, seed=seed, scores=scores) for seed in range(seeds)]
    return build(load(write(root, *made)))


def test_little_is_said_of_a_study_that_is_sound(tmp_path: Path) -> None:
    board = planted(tmp_path, items=20, seeds=3)
    trials = [
        Trial(adapter=adapter, task="k8s_qa", seed=0, rate=rate, loss=0.5, seconds=1.0, chosen=rate == 1e-4)
        for adapter in ("full", "lora")
        for rate in (1e-5, 1e-4, 1e-3)
    ]
    board = replace(board, trials=tuple(trials))
    (margin, told) = limits(board, "answer")
    assert margin == "The margin is 0.02."
    (found,) = (one for one in board.persistence if one.score == "answer")
    sizes = (detectable(e.found.stderr or 0, e.found.df or 0) for e in (found.same.gap, found.shift.gap))
    same, under_shift = (f"{size:.3f}" for size in sizes)
    start = "With errors as large as here, 80 % of studies tell gaps on training tasks of "
    assert told.startswith(f"{start}{same}, gaps under shift of {under_shift}")
    assert rates(board) == "Learning rates were chosen for each adapter and task on validation items, of 3."
    board = replace(board, trials=tuple(trials[:3]))
    assert rates(board).endswith(" on validation items, of 3, but for lora, untuned.")


def test_one_seed_and_few_groups_are_said(tmp_path: Path) -> None:
    assert limits(planted(tmp_path, items=9, seeds=1), "answer") == [
        "The margin is 0.02.",
        "One seed describes these models; how their methods differ takes more.",
        "Intervals that rest on 9 groups of items are rough.",
    ]


def test_what_two_seeds_can_t_tell_is_said(tmp_path: Path) -> None:
    said = limits(planted(tmp_path, items=40, seeds=2), "answer")
    assert said[1].startswith("Two seeds tell little of how much seeds differ: even an effect twice ")


def test_untuned_rates_are_said_once_under_the_verdicts_and_in_the_notes(tmp_path: Path) -> None:
    board = planted(tmp_path, items=20, seeds=3)
    said = "ntuned: learning rates are as given, and a gap may be one of recipes"
    assert Markdown().export(board).count(said) == 2
    assert f"u{said}" in board.notes
    assert Markdown().export(replace(board, persistence=())).count(said) == 1


def test_a_score_without_a_margin_says_so(tmp_path: Path) -> None:
    board = planted(tmp_path, items=20, seeds=3)
    board = replace(board, persistence=tuple(replace(found, margin=None) for found in board.persistence))
    assert limits(board, "answer")[0] == "Without a margin in the study no gap is called none."


@pytest.mark.parametrize("declared", [True, False])
def test_what_is_no_hypothesis_is_marked(tmp_path: Path, declared: bool) -> None:
    board = planted(tmp_path, items=20, seeds=3)
    board = replace(board, persistence=tuple(replace(found, declared=declared) for found in board.persistence))
    _, rows = verdicts(board, "answer")
    assert [row[-1] for row in rows] == ["no gap in domain" + ("" if declared else " (exploration)")]


def test_what_is_not_comparable_says_so_in_both_tables_and_in_the_verdict(tmp_path: Path) -> None:
    board = planted(tmp_path, items=20, seeds=3)
    (same, *_) = board.persistence
    board = replace(board, persistence=(replace(same, change=None, ratio=None, verdict=Verdict.NOT_COMPARABLE),))
    _, (estimates,) = verdicts(board, "answer")
    _, (tests,) = basis(board, "answer")
    assert estimates[5:] == ["not comparable", "", "not comparable"]
    assert tests[5:] == ["not comparable", "not comparable"]
    text = Markdown().export(board)
    assert len([line for line in text.splitlines() if line.count("| not comparable") == 2]) == 2


@pytest.mark.parametrize(
    ("value", "difference", "equivalence", "seeds", "told"),
    [
        (0.148, 0.065, 0.97, 3, "open (0.065, 0.97)"),
        (0.148, 0.04, 0.97, 3, "above (0.04, 0.97)"),
        (-0.01, 0.001, 0.002, 3, "below, within the margin (0.001, 0.002)"),
        (0.001, 0.6, 0.002, 3, "open, within the margin (0.6, 0.002)"),
        (0.148, 0.04, None, 3, "above (0.04)"),
        (0.148, None, None, 3, "open"),
        (0.148, 0.04, 0.97, 1, "descriptive (0.04, 0.97)"),
    ],
)
def test_the_tests_that_decide_are_shown_beside_the_verdict(
    value: float, difference: float | None, equivalence: float | None, seeds: int, told: str, tmp_path: Path
) -> None:
    board = planted(tmp_path, items=20, seeds=3)
    effect = Effect(Contrast(value, 0.05, 10.0, 20, 20, seeds, 20), difference, equivalence)
    found = board.persistence[0]
    board = replace(board, persistence=(replace(found, same=replace(found.same, gap=effect)),))
    headers, rows = basis(board, "answer")
    assert headers[3:] == ["gap on that task", "gap under shift", "change", "verdict"]
    assert [row[3] for row in rows] == [told]
    assert rows[0][-1] == "no gap in domain"
    for exporter in (Markdown(), Html(), Latex()):
        text = exporter.export(board)
        assert told in text
        assert "Intervals are not adjusted" in text
