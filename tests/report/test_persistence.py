"""What stands under the table of verdicts: margin, seeds, groups, tuning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from planted import Made, write

from medcot_bench.analysis.leaderboard import Leaderboard, build
from medcot_bench.report.persistence import limits, verdicts
from medcot_bench.results import load
from medcot_bench.tuning import Trial


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
    assert limits(replace(board, trials=tuple(trials)), "answer") == [
        "The margin is 0.02.",
        "Learning rates were chosen for each adapter and task on validation items, of 3.",
    ]


def test_one_seed_few_groups_and_untuned_rates_are_said(tmp_path: Path) -> None:
    assert limits(planted(tmp_path, items=9, seeds=1), "answer") == [
        "The margin is 0.02.",
        "One seed describes these models; how their methods differ takes more.",
        "Intervals that rest on 9 groups of items are rough.",
        "Untuned: learning rates are as given, and a gap may be one of recipes.",
    ]


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
