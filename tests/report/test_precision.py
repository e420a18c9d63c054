"""What a reader is told of a precision rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from medcot_bench.report.notes import write_notes
from medcot_bench.report.precision import write_precision
from medcot_bench.results.precision_looks import PrecisionLook, PrecisionReport, PrecisionStop
from medcot_bench.study.precision import Aim
from medcot_bench.testing.example_leaderboards import whole

REPORT = PrecisionReport(
    effect=Aim.CHANGE, score="gold_nll", half_width=0.05, max_seeds=20, budget=8 * 3600.0, looks=()
)
LOOK = PrecisionLook(
    seeds=9,
    half_width=0.04812,
    adapter="lora",
    trained="k8s_qa",
    task="manuals_qa",
    floor=0.031,
    items=36,
    items_needed=36,
    spent=7.5 * 3600,
    next_seed=2400.0,
)
ASKED = "0.05 asked (95% CI of the gap's change (DiD) by gold_nll)"
WIDEST = "the widest is of lora trained on k8s_qa"


FLOOR = "36 items per task allow no half width below 0.0701 with any number of seeds"


@pytest.mark.parametrize(
    ("fields", "start", "end"),
    [
        (
            {"stop": PrecisionStop.NARROW},
            "Stopped at 9 seeds by its precision rule",
            f"half width 0.0481 of {ASKED}; {WIDEST}",
        ),
        (
            {"stop": PrecisionStop.SEEDS, "half_width": 0.06},
            "Stopped at 9 seeds by the max_seeds of its precision rule",
            f"half width 0.06 of {ASKED}; {WIDEST}",
        ),
        (
            {"stop": PrecisionStop.BUDGET, "half_width": 0.06},
            "Stopped at 9 seeds by the budget of its precision rule "
            "(7 h 30 min of 8 h spent, 40 min for another seed)",
            f"half width 0.06 of {ASKED}; {WIDEST}",
        ),
        (
            {"stop": PrecisionStop.ITEMS, "floor": 0.0701, "items_needed": 90},
            "Stopped at 9 seeds by its precision rule",
            f"{FLOOR}, {ASKED}; raise --limit to about 90",
        ),
        (
            {"stop": PrecisionStop.ITEMS, "floor": 0.0701, "items_needed": None},
            "Stopped at 9 seeds by its precision rule",
            f"{FLOOR}, {ASKED}; 10,000 items would not do either",
        ),
        (
            {"stop": PrecisionStop.NOTHING, "half_width": None},
            "Stopped at 9 seeds by its precision rule",
            "no interval; groups of items are too few, or results are missing",
        ),
        ({"half_width": 0.081}, "Precision rule, not done at 9 seeds", f"half width 0.081 of {ASKED}; {WIDEST}"),
        ({"half_width": None}, "Precision rule, not done at 9 seeds", f"no interval yet, {ASKED}"),
    ],
)
def test_every_end_of_a_rule_has_its_words(fields: dict[str, Any], start: str, end: str) -> None:
    looks = (replace(LOOK, seeds=8, stop=None), replace(LOOK, **fields))
    assert write_precision(replace(REPORT, looks=looks)) == f"{start}: {end}"


def test_a_rule_without_a_look_says_what_it_asks() -> None:
    assert write_precision(REPORT) == f"Precision rule, no look yet: half width {ASKED}"


def test_the_notes_of_a_leaderboard_have_it() -> None:
    board = whole()
    told = replace(board, precision=replace(REPORT, looks=(replace(LOOK, stop=PrecisionStop.NARROW),)))
    [said] = [note for note in write_notes(told) if note not in write_notes(board)]
    assert said.startswith("Stopped at 9 seeds by its precision rule: half width 0.0481 of 0.05 asked")
