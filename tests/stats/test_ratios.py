"""Fieller's sets: against the test that defines them, and where they have no ends."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from scipy.stats import t

from medcot_bench.stats.contrasts import Part, contrast
from medcot_bench.stats.p_values import difference
from medcot_bench.stats.ratios import Ratio, fieller


def pair(rng: random.Random, under: float, over: float, shared: bool) -> tuple[Part, Part]:
    """Two effects of 25 groups and 4 seeds; either about the same items or about others."""
    effect = [rng.gauss(0, 0.1) for _ in range(25)]
    first = {s: {str(g): over + effect[g] + rng.gauss(0, 0.1) for g in range(25)} for s in range(4)}
    prefix = "" if shared else "x"
    second = {s: {f"{prefix}{g}": under + effect[g] + rng.gauss(0, 0.1) for g in range(25)} for s in range(4)}
    groups = {item: item for row in (*first.values(), *second.values()) for item in row}
    return Part(first, groups), Part(second, groups)


def told(over: Part, under: Part, r: float) -> float:
    """How far `over - r * under` lies from zero, in units of what is just told from it."""
    found = contrast([over, replace(under, weight=-r)])
    df = min(contrast([part]).df or 0 for part in (over, under))
    return float(abs(found.value) / (t.ppf(0.975, df) * (found.stderr or 0)))


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("case", range(12))
def test_the_set_ends_where_a_ratio_is_just_told_from_the_data(case: int, shared: bool) -> None:
    over, under = pair(random.Random(case), 0.4, 0.2, shared)
    found = fieller(over, under)
    assert found
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert [told(over, under, end) for end in (found.low, found.high)] == pytest.approx([1, 1])
    assert all(told(over, under, found.low + share * (found.high - found.low)) < 1 for share in (0.1, 0.5, 0.9))
    assert all(told(over, under, r) > 1 for r in (found.low - 0.2, found.high + 0.2, -10, 10))


def test_a_denominator_that_may_be_zero_leaves_the_ratio_unbounded() -> None:
    over, under = pair(random.Random(2), 0.0, 0.2, shared=False)
    assert (difference(contrast([under])) or 0) > 0.05
    found = fieller(over, under)
    assert found
    assert (found.low, found.high) == (None, None)


def test_a_numerator_that_hardly_differs_leaves_the_ratio_unbounded() -> None:
    _, under = pair(random.Random(2), 0.4, 0.2, shared=False)
    rows = {s: {f"{g}": float(g < 1) for g in range(40)} for s in under.values}
    rare = Part(rows, {f"{g}": f"{g}" for g in range(40)})
    assert contrast([rare]).interval() is None
    found = fieller(rare, under)
    assert found
    assert (found.low, found.high) == (None, None)


def test_a_denominator_of_exactly_zero_gives_no_ratio() -> None:
    over, under = pair(random.Random(2), 0.3, 0.2, shared=False)
    nothing = Part({s: dict.fromkeys(row, 0.0) for s, row in under.values.items()}, under.groups)
    assert fieller(over, nothing) == Ratio(None, None, None)


def test_one_group_gives_no_ratio() -> None:
    alone = Part({0: {"a": 1.0}}, {"a": "1"})
    assert fieller(alone, alone) is None
