"""Scores of short texts: what counts, what does not, and numbers that are wrong."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import resolve_task
from medcot_bench.study.spec_strings import parse_specs
from medcot_tasks.bundled import LEVELS, SHIFTS
from medcot_tasks.text_answer import score_text


@pytest.mark.parametrize(
    ("reference", "answer", "exact", "f1"),
    [
        ("30 minutes", "the 30 Minutes.", 1, 1),
        ("30 minutes", "20 minutes", 0, 0),
        ("30 minutes", "minutes", 0, 0),
        ("30 minutes", "30 hours", 0, 0.5),
        ("-5", "5", 0, 0),
        ("-5 °C", "\u22125°C", 1, 1),
        ("17%", "17", 0, 1),
        ("17 %", "17%", 1, 1),
        ("5 °C", "5 c", 0, 1),
        ("1,250 m", "1250 m", 1, 1),
        ("3.0 bar", "3 bar", 0, 0.8),
        ("E-05", "E05", 0, 0),
        ("2.14.3", "2.14.4", 0, 0),
        ("02:10", "02:11", 0, 0),
        ("2/3", "1/3", 0, 0),
        ("4 A", "4", 0, 2 / 3),
        ("12Gi", "12 Gi", 1, 1),
        ("0.5", ".5", 1, 1),
        ("-5", "\u20135", 1, 1),
        ("5%-10%", "5% - 10%", 0, 1),
        ("10-15 bar", "15 bar", 0, 0.8),
        ("`web-5`", '"web-5"', 1, 1),
        ("web-5", "web-6", 0, 0),
        ("yes", "Yes!", 1, 1),
        ("30 minutes", '"30 minutes."', 1, 1),
        ("the", "a", 0, 0),
        ("unlock the cover", "Unlock cover", 1, 1),
        ("It has 3 pods that all run on one node", "pods run", 0, 4 / 12),
    ],
)
def test_what_counts(reference: str, answer: str, exact: float, f1: float) -> None:
    assert score_text(reference, answer) == {"exact": exact, "answer": pytest.approx(f1)}


@given(st.integers(-9999, 9999), st.integers(-9999, 9999), st.sampled_from(["", " bar", "%", " °C", "m"]))
def test_another_number_is_never_right(right: int, wrong: int, unit: str) -> None:
    same = right == wrong
    assert score_text(f"{right}{unit}", f"{wrong}{unit}") == {"answer": float(same), "exact": float(same)}


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_breaks_it_and_every_text_is_its_own_answer(reference: str, answer: str) -> None:
    for name, value in score_text(reference, answer).items():
        assert value is None or 0 <= value <= 1, name
    if reference.strip():
        assert score_text(reference, reference) == {"answer": 1.0, "exact": 1.0}


@pytest.mark.parametrize("name", ["k8s_qa", "manuals_qa"])
@pytest.mark.parametrize("level", LEVELS)
def test_every_gold_answer_scores_1(name: str, level: str) -> None:
    for shift in ("", *(f"@{shift}" for shift in SHIFTS)):
        task = resolve_task(parse_specs(f"{name}{shift}:level={level}")[0], installed()).task
        for item in islice(task.examples("eval"), 200):
            assert score_text(item.answer, task.target(item).text) == {"answer": 1.0, "exact": 1.0}
