"""Verdicts: every case has one, written a second time from the words' definitions."""

from __future__ import annotations

import statistics
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.p_values import difference, equivalence
from medcot_bench.stats.verdict import (
    SIGNS,
    Finding,
    GapChange,
    GapSummary,
    Standing,
    Verdict,
    decide,
    finding,
)

FINDINGS = [Finding(sign, negligible) for sign, negligible in product(SIGNS, (True, False))]
CASES = [*product(FINDINGS, FINDINGS, [*FINDINGS, None])]


def axis(found: Finding | None, above: str, below: str, within: str) -> str | None:
    if found is None:
        return None
    side = {"> 0": above, "< 0": below, "n.s.": "inconclusive"}[found.sign]
    return within if found.negligible else side


def summary(in_domain: str, out_of_domain: str, change: str | None) -> str | None:
    """Say by the definitions of the words which of them holds; those that hold exclude each other."""
    behind_on_both = in_domain == out_of_domain == "behind"
    words = {
        "persists": behind_on_both and change == "steady",
        "widens": behind_on_both and change == "grows",
        "shrinks": behind_on_both and change == "shrinks",
        "behind throughout": behind_on_both and change in (None, "inconclusive"),
        "level throughout": in_domain == out_of_domain == "level",
        "ahead throughout": in_domain == out_of_domain == "ahead",
        "emerges": (in_domain, out_of_domain, change) == ("level", "behind", "grows"),
        "vanishes": (in_domain, out_of_domain, change) == ("behind", "level", "shrinks"),
        "reverses": {in_domain, out_of_domain} == {"behind", "ahead"},
    }
    holding = [word for word, holds in words.items() if holds]
    assert len(holding) <= 1
    return holding[0] if holding else None


@pytest.mark.parametrize("seeds", [3, 5])
def test_every_case_has_its_parts_and_the_word_that_follows(seeds: int) -> None:
    for same, shift, change in CASES:
        found = decide(same, shift, change, seeds)
        parts = (
            axis(same, "behind", "ahead", "level"),
            axis(shift, "behind", "ahead", "level"),
            axis(change, "grows", "shrinks", "steady"),
        )
        assert (found.in_domain, found.out_of_domain, found.change) == parts
        assert found.summary == summary(*parts)  # type: ignore[arg-type]  # the gaps have a part
        assert found.inconclusive == ("inconclusive" in parts)
        assert not found.descriptive


def test_every_word_is_reached() -> None:
    reached = {decide(*case, seeds=3).summary for case in CASES}
    assert reached == {*GapSummary, None}


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_never_get_a_verdict(seeds: int) -> None:
    for case in CASES:
        found = decide(*case, seeds=seeds)
        assert (found.in_domain, found.out_of_domain, found.summary) == ("inconclusive", "inconclusive", None)
        assert (found.descriptive, found.inconclusive) == (True, False)
        assert str(found) == "descriptive: fewer than 3 seeds"


def test_exchanging_the_methods_exchanges_behind_and_ahead() -> None:
    """What full fine-tuning is beside the adapter is the mirror of what the adapter is beside it."""
    turned = {"> 0": "< 0", "< 0": "> 0", "n.s.": "n.s."}
    mirror = {Standing.BEHIND: Standing.AHEAD, Standing.AHEAD: Standing.BEHIND}
    for case in CASES:
        found = decide(*case, seeds=3)
        other = decide(*(one and Finding(turned[one.sign], one.negligible) for one in case), seeds=3)  # type: ignore[arg-type]  # signs
        for one, its_mirror in ((found.in_domain, other.in_domain), (found.out_of_domain, other.out_of_domain)):
            assert its_mirror is mirror.get(one, one)


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict(Standing.LEVEL, Standing.BEHIND, GapChange.GROWS), "emerges"),
        (Verdict(Standing.BEHIND, Standing.BEHIND, None), "behind throughout"),
        (
            Verdict(Standing.LEVEL, Standing.BEHIND, GapChange.INCONCLUSIVE),
            "level in domain, behind out of domain",
        ),
        (
            Verdict(Standing.INCONCLUSIVE, Standing.AHEAD, GapChange.SHRINKS),
            "ahead out of domain, gap shrinks",
        ),
        (Verdict(Standing.INCONCLUSIVE, Standing.INCONCLUSIVE, GapChange.STEADY), "gap steady"),
        (Verdict(Standing.INCONCLUSIVE, Standing.INCONCLUSIVE, GapChange.INCONCLUSIVE), "inconclusive"),
        (Verdict(Standing.AHEAD, Standing.INCONCLUSIVE, None), "ahead in domain, change not comparable"),
        (Verdict(Standing.INCONCLUSIVE, Standing.INCONCLUSIVE, None), "inconclusive, change not comparable"),
    ],
)
def test_a_verdict_is_written_as_its_word_or_as_what_is_known(verdict: Verdict, said: str) -> None:
    assert str(verdict) == said


p_values = st.none() | st.floats(0, 1)


@given(st.floats(-1, 1), p_values, p_values)
def test_a_finding_says_no_more_than_its_tests(value: float, different: float | None, equal: float | None) -> None:
    found = finding(value, different, equal)
    assert (found.sign == "n.s.") == (different is None or different > 0.05)
    assert found.negligible == (equal is not None and equal <= 0.05)
    assert found.conclusive == (found.negligible or found.sign != "n.s.")
    if found.sign != "n.s.":
        assert (found.sign == "> 0") == (value > 0)


# Published differences full - LoRA in points: value, standard error, degrees of freedom. The errors of the
# first two are hypothetical, since their source gives none; those of the last are of its three runs.
RUNS = (1.8, 0.5, -0.7)
PUBLISHED = {
    "a reversal": ((4.9, 1.5, 20.0), (-4.7, 1.5, 20.0), "reverses"),
    "the same with errors as large as the differences": ((4.9, 4.0, 20.0), (-4.7, 4.0, 20.0), "inconclusive"),
    "a gap inside the noise of three runs": (
        (statistics.mean(RUNS), statistics.stdev(RUNS) / 3**0.5, 2.0),
        (statistics.mean(RUNS), statistics.stdev(RUNS) / 3**0.5, 2.0),
        "inconclusive",
    ),
}


@pytest.mark.parametrize("case", PUBLISHED)
def test_published_differences(case: str) -> None:
    same, shift, expected = PUBLISHED[case]
    change = (shift[0] - same[0], (same[1] ** 2 + shift[1] ** 2) ** 0.5, same[2])
    effects = [Contrast(value, stderr, df, 100, 20, 3, 20) for value, stderr, df in (same, shift, change)]
    findings = [finding(effect.value, difference(effect), equivalence(effect, 2.0)) for effect in effects]
    assert str(decide(*findings, seeds=3)) == expected
