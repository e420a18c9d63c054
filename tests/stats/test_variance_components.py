"""The components of an effect's error: by hand, by planted variances, and by the error that they add up to."""

from __future__ import annotations

import random
from dataclasses import astuple, replace
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted_variances import SEED, TRUE, draw
from scipy.stats import chi2

from medcot_bench.stats.contrasts import Part, forms_of, read_tables
from medcot_bench.stats.variance_components import (
    Components,
    Variances,
    effective_number,
    estimate_components,
    mean_components,
)

NAMES = ("group", "item", "seed_group", "rest")


def found(part: Part) -> Components:
    components = estimate_components([part])
    assert components
    return components


def test_planted_variances_are_found_on_average() -> None:
    rng = random.Random(0)
    drawn = [found(draw(rng)) for _ in range(400)]
    for name in NAMES:
        values = [getattr(one.sets[0], name) for one in drawn]
        assert abs(fmean(values) - getattr(TRUE, name)) < 4 * stdev(values) / 20, name
    values = [one.seed for one in drawn]
    assert abs(fmean(values) - SEED) < 4 * stdev(values) / 20


def test_the_bound_of_the_seed_variance_holds_in_80_percent() -> None:
    rng = random.Random(1)
    holds = [found(draw(rng)).seed_bound >= SEED for _ in range(400)]
    assert fmean(holds) == pytest.approx(0.8, abs=4 * 0.02)


def test_three_groups_of_two_items_by_hand() -> None:
    """The differences of the seeds are 0, -2 | 2, 4 | 2, 0; the items' means 1, 4 | 4, 9 | 1, 2."""
    values = {
        0: {"a": 1.0, "b": 3.0, "c": 5.0, "d": 11.0, "e": 2.0, "f": 2.0},
        1: {"a": 1.0, "b": 5.0, "c": 3.0, "d": 7.0, "e": 0.0, "f": 2.0},
    }
    components = found(Part(values, dict(zip("abcdef", "112233", strict=True))))
    (own,) = components.sets
    # Without both means the differences' halves are -.5, -1.5 | .5, 1.5 | .5, -.5, and their opposites.
    assert own.rest == pytest.approx(2 * 3 * 0.5 / 3)
    assert own.seed_group == pytest.approx((2 * 2 * (1 + 1 + 0) - 2 * 1) / (6 - 12 / 6))
    assert own.item == pytest.approx((4.5 + 12.5 + 0.5) / 3 - 1 / 2)
    assert own.group == pytest.approx((2 * (1 + 9 + 4) - 2 * (16 / 3 + 1 / 2)) / 4 - 1.5 / 2)
    assert components.noise == pytest.approx(1.5 / 3 + 1 / 6)
    assert components.seed == pytest.approx(0.5 - 2 / 3)  # the seeds' means are 4 and 3
    assert components.df == 1


@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(2, 4))
def test_with_equal_groups_they_add_up_to_the_variance_of_the_contrast(number: int, seeds: int, size: int) -> None:
    part = draw(random.Random(number), (size,) * 6, seeds)
    variances = forms_of(read_tables([part]))
    assert variances
    (own,), seed = found(part).sets, found(part).seed
    total = (own.group + own.seed_group / seeds) / 6 + (own.item + own.rest / seeds) / (6 * size) + seed / seeds
    assert total == pytest.approx(variances[2], abs=1e-12)


def test_without_two_items_in_any_group_items_count_as_groups() -> None:
    own = found(draw(random.Random(2), (1,) * 12)).sets[0]
    assert (own.item, own.rest) == (0.0, 0.0)
    assert own.group
    assert own.seed_group > 0


def test_a_difference_has_the_variances_of_both_sets_and_a_seed_variance_of_its_own() -> None:
    rng = random.Random(3)
    one, other = draw(rng), draw(rng, (2,) * 9)
    other = replace(other, groups={item: f"other {group}" for item, group in other.groups.items()}, weight=-1.0)
    both = estimate_components([one, other])
    assert both
    assert both.sets == (found(one).sets[0], found(replace(other, weight=1.0)).sets[0])
    means = [fmean(one.values[s].values()) - fmean(other.values[s].values()) for s in range(3)]
    assert both.seed + both.noise == pytest.approx(stdev(means) ** 2)


def test_the_same_items_are_paired() -> None:
    rng = random.Random(4)
    one = draw(rng)
    shifted = {
        s: {item: value + rng.gauss(0, 0.1) for item, value in row.items()} for s, row in one.values.items()
    }
    both = estimate_components([Part(shifted, one.groups), replace(one, weight=-1.0)])
    assert both
    difference = {s: {i: shifted[s][i] - one.values[s][i] for i in row} for s, row in one.values.items()}
    [of_both], [of_difference] = both.sets, found(Part(difference, one.groups)).sets
    assert astuple(of_both) == pytest.approx(astuple(of_difference), rel=1e-12)
    assert both.seed == pytest.approx(found(Part(difference, one.groups)).seed)


def test_a_single_seed_or_group_says_nothing() -> None:
    assert estimate_components([Part({0: {"a": 0.0, "b": 1.0}}, {"a": "a", "b": "b"})]) is None
    assert estimate_components([Part({0: {"a": 0.0}, 1: {"a": 1.0}}, {"a": "a"})]) is None
    one = Part({s: {"a": 0.0 + s, "b": 1.0} for s in range(2)}, {"a": "1", "b": "1"})
    other = Part({s: {"c": 0.5, "d": 1.0 - s} for s in range(2)}, {"c": "1", "d": "2"}, weight=-1.0)
    assert estimate_components([one, other]) is None


def test_the_bound_is_by_chi_square_less_what_items_add() -> None:
    components = Components((), seed=0.01, noise=0.005, df=2)
    assert components.seed_bound == pytest.approx(0.015 * 2 / chi2.ppf(0.2, 2) - 0.005)
    assert Components((), seed=-0.004, noise=0.005, df=4).seed_bound == 0.0


def test_means_are_of_each_component() -> None:
    one = Components((Variances(1.0, 2.0, 3.0, 4.0),), 5.0, 6.0, 2)
    other = Components((Variances(3.0, 4.0, 5.0, 6.0),), 7.0, 8.0, 4)
    assert mean_components([one, other]) == Components((Variances(2.0, 3.0, 4.0, 5.0),), 6.0, 7.0, 2)


def test_effective_groups_are_fewer_than_groups_that_differ_in_size() -> None:
    assert effective_number([5] * 7) == pytest.approx(7)
    assert effective_number([60] + [2] * 11) == pytest.approx(82**2 / (3600 + 44))
