"""What a study can detect: against simulated studies, and against the variances it is made of."""

from __future__ import annotations

import random
from functools import partial
from statistics import fmean

import pytest
from planted_variances import draw
from scipy import stats

from medcot_bench.stats.contrasts import contrast, matched_df
from medcot_bench.stats.power import (
    MOST_SEEDS,
    ItemSet,
    Spread,
    add_groups,
    detectable,
    grow,
    items_for_width,
    items_needed,
    seeds_for_width,
    seeds_needed,
    showable,
    spread_of,
)
from medcot_bench.stats.variance_components import Components, Variances

OWN = Variances(group=0.01, item=0.05, seed_group=0.02, rest=0.08)
SPREAD = Spread((OWN,), seed=0.01)
ITEMS = [ItemSet(36, 18.0)]


@pytest.mark.parametrize("df", [2.0, 10.0, 200.0])
def test_the_detectable_effect_is_found_in_80_percent_of_studies(df: float) -> None:
    effect = detectable(1.0, df)
    found = stats.nct.sf(stats.t.ppf(0.975, df), df, effect)  # the noncentral t: the test's exact power
    assert found == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("seed", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("seeds", [5, 8])
def test_the_half_width_of_a_design_is_the_one_its_studies_get(seed: float, seeds: int) -> None:
    rng = random.Random(2)
    ends = [contrast([draw(rng, (2,) * 18, seeds, OWN, seed)]).interval() for _ in range(150)]
    widths = [(high - low) / 2 for low, high in filter(None, ends)]
    expected = Spread((OWN,), seed).half_width(ITEMS, seeds)
    assert fmean(widths) == pytest.approx(expected, rel=0.12)


def test_with_many_groups_and_seeds_the_error_is_the_sum_of_its_parts() -> None:
    many = [ItemSet(3000, 1000.0)]
    error = (0.01 + 0.02 / 200) / 1000 + (0.05 + 0.08 / 200) / 3000 + 0.01 / 200
    assert SPREAD.half_width(many, 200) == pytest.approx(1.97 * error**0.5, rel=0.01)


def test_below_five_seeds_tests_keep_the_seed_variance_whole() -> None:
    of_items, of_seeds = 0.01 / 18 + 0.05 / 36, (0.01 + 0.02 / 18 + 0.08 / 36) / 3
    df = matched_df([(of_items, 17.0), (of_seeds, 2.0)])
    assert df
    assert SPREAD.detectable(ITEMS, 3) == pytest.approx(detectable((of_items + of_seeds) ** 0.5, df))


def test_more_items_of_the_same_groups_tell_more_until_groups_and_seeds_are_left() -> None:
    sizes = [SPREAD.half_width([ItemSet(n, 18.0)], 5) for n in (18, 36, 100, 1000, 10**9)]
    assert None not in sizes
    assert sizes == sorted(sizes, reverse=True)  # type: ignore[type-var]
    assert sizes[-1] == pytest.approx(Spread((Variances(0.01, 0, 0.02, 0),), 0.01).half_width(ITEMS, 5))


def test_of_several_tests_the_first_is_at_5_percent_divided_by_their_number() -> None:
    t = stats.t(12)
    assert detectable(0.1, 12, 4) == pytest.approx(0.1 * (t.ppf(1 - 0.05 / 2 / 4) + t.ppf(0.8)))
    assert showable(0.1, 12, 4) == pytest.approx(0.1 * (t.ppf(1 - 0.05 / 4) + t.ppf(0.9)))


def test_more_groups_bring_as_many_items_each() -> None:
    assert add_groups([ItemSet(30, 10.0), ItemSet(40, 12.5)], 2.0) == [ItemSet(60, 20.0), ItemSet(80, 25.0)]


def test_one_seed_or_few_groups_give_no_interval() -> None:
    assert SPREAD.half_width(ITEMS, 1) is None
    few = [ItemSet.of(["1"] * 60 + ["2", "3", "4"])]
    assert few[0].groups < 3 < len({"1", "2", "3", "4"})
    assert (SPREAD.half_width(few, 5), SPREAD.detectable(few, 5), SPREAD.showable(few, 5)) == (None, None, None)


@pytest.mark.parametrize("seeds", [3, 5])
def test_the_items_needed_are_enough_and_one_less_is_not(seeds: int) -> None:
    spread, wanted = Spread((OWN,), 0.001), 0.2
    sets_of = partial(grow, ITEMS)
    items = items_needed(spread, wanted, seeds, sets_of)
    assert items
    sizes = [spread.detectable(sets_of(count), seeds) for count in (items, items - 1)]
    assert (sizes[0] or 9) <= wanted < (sizes[1] or 9)


def test_no_number_of_items_makes_up_for_seeds_that_differ_too_much() -> None:
    assert items_needed(Spread((OWN,), 0.05), 0.05, 3, partial(grow, ITEMS)) is None


def test_the_least_number_of_seeds_is_found() -> None:
    found = seeds_needed(SPREAD, 0.15, ITEMS)
    assert found
    assert (SPREAD.detectable(ITEMS, found) or 9) <= 0.15 < (SPREAD.detectable(ITEMS, found - 1) or 9)
    assert seeds_needed(SPREAD, 0.01, ITEMS) is None
    assert seeds_needed(Spread((Variances(0, 0, 0, 1e-9),), 0.0), 0.4, ITEMS) == 3 < MOST_SEEDS  # of a verdict


def test_items_grow_within_their_groups_unless_each_is_one() -> None:
    assert grow([ItemSet(36, 18.0), ItemSet(72, 15.0)], 100) == [ItemSet(100, 18.0), ItemSet(200, 15.0)]
    assert grow([ItemSet(30, 30.0)], 100) == [ItemSet(100, 100.0)]
    assert grow([ItemSet(36, 18.0)], 4) == [ItemSet(4, 4)]


def test_variances_to_plan_by_are_none_below_zero() -> None:
    found = Components((Variances(-0.1, 0.2, -0.3, 0.4),), seed=-0.01, noise=0.03, df=2)
    assert spread_of(found) == Spread((Variances(0.0, 0.2, 0.0, 0.4),), 0.0)
    assert spread_of(found, bounded=True).seed == pytest.approx(0.02 * 2 / stats.chi2.ppf(0.2, 2) - 0.03)


def test_the_floor_is_what_is_left_with_any_number_of_seeds() -> None:
    variances = Variances(group=0.01, item=0.04, seed_group=0.02, rest=0.1)
    spread, sets = Spread((variances,), seed=0.03), [ItemSet(40, 10.0)]
    floor = spread.floor(sets)
    assert floor == pytest.approx(stats.t.ppf(0.975, 9) * (0.01 / 10 + 0.04 / 40) ** 0.5)
    assert spread.half_width(sets, 10_000_000) == pytest.approx(floor, rel=1e-3)
    assert spread.floor(sets, bounded=True) == pytest.approx(floor * (9 / stats.chi2.ppf(0.9, 9)) ** 0.5)
    assert spread.floor([ItemSet(40, 2.0)]) is None
    assert Spread((Variances(0.0, 0.0, 0.1, 0.1),), seed=0.1).floor(sets) == 0.0


def test_widths_are_reached_with_the_least_seeds_and_items() -> None:
    spread, sets = Spread((Variances(0.0, 0.04, 0.0, 0.0),), seed=0.016), [ItemSet(40, 40.0)]

    def width(items: int, seeds: int) -> float:
        return spread.half_width([ItemSet(items, float(items))], seeds) or 9.0

    seeds = seeds_for_width(spread, 0.12, sets, range(5, 21))
    assert seeds == next(n for n in range(5, 21) if width(40, n) <= 0.12)
    assert seeds_for_width(spread, 0.01, sets, range(5, 21)) is None
    items = items_for_width(spread, 0.12, 7, lambda n: [ItemSet(n, float(n))])
    assert items == next(n for n in range(3, 500) if width(n, 7) <= 0.12)
    assert items_for_width(spread, 0.01, 7, lambda n: [ItemSet(n, float(n))]) is None
