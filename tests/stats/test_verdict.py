"""The table of verdicts: every case has one, written a second time as conditions that exclude each other."""

from __future__ import annotations

import statistics
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.p_values import difference, equivalence
from medcot_bench.stats.verdict import SIGNS, Finding, Verdict, decide, finding

FINDINGS = [Finding(sign, negligible) for sign, negligible in product(SIGNS, (True, False))]
CASES = [*product(FINDINGS, repeat=3)]


def conditions(same: Finding, shift: Finding, change: Finding) -> dict[Verdict, bool]:
    """Say for each verdict, by itself, whether it holds."""
    gap = same.sign == "> 0" and not same.negligible
    persists = shift.sign == "> 0" and change.negligible
    vanishes = shift.negligible and change.sign == "< 0" and not persists
    moved = gap and not persists and not vanishes
    reverses = moved and shift.sign == "< 0"
    widens = moved and shift.sign == change.sign == "> 0"
    shrinks = moved and shift.sign == "> 0" and change.sign == "< 0"
    open_ = same.sign == "n.s." and not same.negligible
    return {
        Verdict.NO_GAP: same.negligible,
        Verdict.ADAPTER_BETTER: same.sign == "< 0" and not same.negligible,
        Verdict.PERSISTS: gap and persists,
        Verdict.VANISHES: gap and vanishes,
        Verdict.REVERSES: reverses,
        Verdict.WIDENS: widens,
        Verdict.SHRINKS: shrinks,
        Verdict.INCONCLUSIVE: open_ or (moved and not (reverses or widens or shrinks)),
    }


def test_every_case_has_exactly_one_verdict() -> None:
    for case in CASES:
        holding = [verdict for verdict, holds in conditions(*case).items() if holds]
        assert holding == [decide(*case, seeds=2)], case


def test_every_verdict_is_reached() -> None:
    reached = {decide(*case, seeds=3) for case in CASES}
    assert reached == set(Verdict) - {Verdict.DESCRIPTIVE, Verdict.NOT_COMPARABLE}


def test_one_seed_never_gets_a_verdict() -> None:
    assert {decide(*case, seeds=1) for case in CASES} == {Verdict.DESCRIPTIVE}


p_values = st.none() | st.floats(0, 1)


@given(st.floats(-1, 1), p_values, p_values)
def test_a_finding_says_no_more_than_its_tests(value: float, different: float | None, equal: float | None) -> None:
    found = finding(value, different, equal)
    assert (found.sign == "n.s.") == (different is None or different > 0.05)
    assert found.negligible == (equal is not None and equal <= 0.05)
    if found.sign != "n.s.":
        assert (found.sign == "> 0") == (value > 0)


# Published differences full - LoRA in points: value, standard error, degrees of freedom. The errors of the
# first two are hypothetical, since their source gives none; those of the last are of its three runs.
RUNS = (1.8, 0.5, -0.7)
PUBLISHED = {
    "a reversal": ((4.9, 1.5, 20.0), (-4.7, 1.5, 20.0), Verdict.REVERSES),
    "the same with errors as large as the differences": (
        (4.9, 4.0, 20.0),
        (-4.7, 4.0, 20.0),
        Verdict.INCONCLUSIVE,
    ),
    "a gap inside the noise of three runs": (
        (statistics.mean(RUNS), statistics.stdev(RUNS) / 3**0.5, 2.0),
        (statistics.mean(RUNS), statistics.stdev(RUNS) / 3**0.5, 2.0),
        Verdict.INCONCLUSIVE,
    ),
}


@pytest.mark.parametrize("case", PUBLISHED)
def test_published_differences(case: str) -> None:
    same, shift, expected = PUBLISHED[case]
    change = (shift[0] - same[0], (same[1] ** 2 + shift[1] ** 2) ** 0.5, same[2])
    effects = [Contrast(value, stderr, df, 100, 20, 3, 20) for value, stderr, df in (same, shift, change)]
    findings = [finding(effect.value, difference(effect), equivalence(effect, 2.0)) for effect in effects]
    assert decide(*findings, seeds=3) is expected
