"""Contrasts: against plain numpy on balanced tables, against hand-made cases, and by what must not matter."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Mapping
from dataclasses import replace

import numpy
import pytest
from scipy import stats

from medcot_bench.stats.contrasts import Contrast, Part, SeedValues, contrast


def table(rng: random.Random, groups: int, seeds: int, spread: float = 1.0, prefix: str = "") -> SeedValues:
    """One item a group, with effects of group, seed and both."""
    of_group = [rng.gauss(0, spread) for _ in range(groups)]
    of_seed = [rng.gauss(0, 0.5) for _ in range(seeds)]
    return {
        s: {f"{prefix}{g}": 1 + of_group[g] + of_seed[s] + rng.gauss(0, 0.3) for g in range(groups)}
        for s in range(seeds)
    }


def own_groups(values: SeedValues) -> dict[str, str]:
    return {item: item for row in values.values() for item in row}


def by_anova(values: SeedValues) -> tuple[float, float, float]:
    """Variance of the mean from the mean squares of a two-way layout, half its interval, and the mean."""
    array = numpy.array([list(row.values()) for row in values.values()])
    seeds, groups = array.shape
    of_groups = array.mean(axis=0).var(ddof=1) / groups
    of_seeds = array.mean(axis=1).var(ddof=1) / seeds
    left = array - array.mean(axis=0) - array.mean(axis=1, keepdims=True) + array.mean()
    rest = (left**2).sum() / ((seeds - 1) * (groups - 1)) / (seeds * groups)
    variance = max(of_groups + of_seeds - rest, of_groups, of_seeds)
    quantiles = stats.t.ppf(0.975, [groups - 1, seeds - 1]) ** 2
    half = math.sqrt(quantiles @ [of_groups, variance - of_groups])
    return variance, half, array.mean()


@pytest.mark.parametrize("case", range(20))
def test_a_balanced_table_agrees_with_the_mean_squares(case: int) -> None:
    rng = random.Random(case)
    values = table(rng, groups=rng.randint(3, 30), seeds=rng.randint(2, 6), spread=rng.choice([0.0, 1.0]))
    found = contrast([Part(values, own_groups(values))])
    variance, half, mean = by_anova(values)
    assert found.stderr is not None
    assert (found.value, found.stderr**2) == pytest.approx((mean, variance), rel=1e-9)
    assert found.interval() == pytest.approx((mean - half, mean + half), rel=1e-9)


def one_seed(values: Mapping[str, float], groups: Mapping[str, str]) -> Contrast:
    return contrast([Part({5: values}, groups)])


def test_one_seed_gives_the_clustered_standard_error_computed_by_hand() -> None:
    values = {"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.0, "e": 0.0, "f": 1.0}
    groups = {"a": "1", "b": "1", "c": "2", "d": "2", "e": "2", "f": "3"}
    found = one_seed(values, groups)
    # Mean 0.5; deviations of the groups: 1, -1.5, 0.5; sqrt(3/2 * (1 + 2.25 + 0.25)) / 6.
    assert (found.value, found.items, found.groups, found.seeds) == (0.5, 6, 3, 1)
    assert found.stderr == pytest.approx(math.sqrt(5.25) / 6)
    # Shares 2/6, 3/6, 1/6: 36 / (4 + 9 + 1) effective groups.
    assert (found.effective, found.df) == (pytest.approx(36 / 14), pytest.approx(36 / 14 - 1))
    assert found.interval() is None  # fewer than three


def test_groups_that_count_alike_make_the_mean_of_their_means_with_its_plain_error() -> None:
    numbers = random.Random(8)
    sizes = {"a": 1, "b": 2, "c": 3, "d": 60}
    values = {f"{group}{item}": numbers.gauss(0, 1) for group, size in sizes.items() for item in range(size)}
    part = Part({5: values}, {item: item[0] for item in values}, alike="groups")
    found = contrast([part])
    means = [statistics.fmean(value for item, value in values.items() if item[0] == group) for group in sizes]
    assert found.value == pytest.approx(statistics.fmean(means))
    assert found.stderr == pytest.approx(statistics.stdev(means) / 2)
    assert (found.effective, found.df) == (4, 3)
    by_items = contrast([replace(part, alike="items")])
    assert by_items.value == pytest.approx(statistics.fmean(values.values()))
    assert (by_items.effective or 0) < 1.3


def test_of_equal_groups_it_is_the_same_whether_items_or_groups_count_alike() -> None:
    values = {s: {f"{i}": random.Random(9 * s + i).random() for i in range(12)} for s in range(4)}
    part = Part(values, {f"{i}": f"{i % 4}" for i in range(12)}, -2.0)
    by_items, by_groups = contrast([part]), contrast([replace(part, alike="groups")])
    assert (by_groups.value, by_groups.stderr, by_groups.df) == pytest.approx(
        (by_items.value, by_items.stderr, by_items.df)
    )


def test_with_one_item_a_group_and_one_seed_it_is_the_plain_standard_error() -> None:
    numbers = random.Random(1)
    values = {f"item{number}": numbers.gauss(2, 3) for number in range(40)}
    found = one_seed(values, {item: item for item in values})
    assert found.value == pytest.approx(statistics.fmean(values.values()))
    assert found.stderr == pytest.approx(statistics.stdev(values.values()) / math.sqrt(40))


def test_copies_of_an_item_in_its_group_add_no_certainty() -> None:
    once = {"a": 0.0, "b": 1.0, "c": 0.25}
    thrice = {f"{item}{copy}": value for item, value in once.items() for copy in range(3)}
    alone = one_seed(once, {item: item for item in once})
    together = one_seed(thrice, {item: item[0] for item in thrice})
    apart = one_seed(thrice, {item: item for item in thrice})
    assert (together.value, together.items) == (alone.value, 9)
    assert together.stderr == pytest.approx(alone.stderr)
    assert apart.stderr is not None
    assert apart.stderr < 0.6 * (together.stderr or 0)


def test_equal_values_have_no_error_and_unused_groups_do_not_count() -> None:
    found = one_seed({"a": 0.25, "b": 0.25}, {"a": "1", "b": "2", "c": "3"})
    assert (found.value, found.stderr, found.groups) == (0.25, 0.0, 2)
    assert found.interval() is None  # values that are alike by chance have no interval of no width


def test_parts_of_other_groups_add_and_the_effect_of_a_seed_on_both_cancels() -> None:
    rng = random.Random(4)
    first, second = table(rng, 12, 3), table(rng, 9, 3, prefix="x")
    apart = contrast([Part(first, own_groups(first)), Part(second, own_groups(second), -1.0)])
    moved = {s: 7.0 * s for s in first}
    first = {s: {item: v + moved[s] for item, v in row.items()} for s, row in first.items()}
    second = {s: {item: v + moved[s] for item, v in row.items()} for s, row in second.items()}
    together = contrast([Part(first, own_groups(first)), Part(second, own_groups(second), -1.0)])
    assert (together.value, together.stderr) == pytest.approx((apart.value, apart.stderr))


def test_a_part_less_itself_is_nothing_without_error() -> None:
    values = table(random.Random(5), 10, 3)
    part = Part(values, own_groups(values))
    found = contrast([part, Part(values, own_groups(values), -1.0)])
    assert (found.value, found.stderr) == pytest.approx((0, 0), abs=1e-12)


def test_seeds_and_items_that_a_part_lacks_do_not_count() -> None:
    whole = {0: {"a": 1.0, "b": 0.0, "c": 9.0}, 1: {"a": 0.0, "b": 0.0}, 2: {"a": 5.0}}
    part = Part(whole, {"a": "1", "b": "2", "c": "3"})
    other = Part({0: {"z": 0.0, "y": 0.0}, 1: {"z": 0.0, "y": 0.0}}, {"z": "8", "y": "9"})
    found = contrast([part, other])
    assert (found.value, found.items, found.seeds) == (0.25, 4, 2)


def test_too_little_gives_no_error_or_no_contrast() -> None:
    assert contrast([Part({0: {"a": 1.0, "b": 0.0}}, {"a": "1", "b": "1"})]) == Contrast(
        0.5, None, None, 2, 1, 1, 1, 1.0
    )
    assert contrast([Part({0: {"a": 1.0}}, {"a": "1"})]).interval() is None
    for values in ({}, {0: {}}, {0: {"a": 1.0}, 1: {"b": 1.0}}):
        with pytest.raises(ValueError, match=r"no (seed|item)"):
            contrast([Part(values, {"a": "1", "b": "2"})])


def test_the_intervals_of_a_known_truth_cover_it() -> None:
    """Monte Carlo with groups of three items, seeds, and binary answers; the benchmark has the whole study."""
    rng = numpy.random.default_rng(7)
    covered = 0
    repetitions = 400
    for _ in range(repetitions):
        chance = numpy.clip(0.5 + rng.normal(0, 0.15, (1, 20, 1)) + rng.normal(0, 0.04, (3, 1, 1)), 0, 1)
        answers = rng.random((3, 20, 3)) < chance
        values = {s: {f"{g}.{i}": float(answers[s, g, i]) for g in range(20) for i in range(3)} for s in range(3)}
        groups = {item: item.partition(".")[0] for item in values[0]}
        low, high = contrast([Part(values, groups)]).interval() or (0.0, 0.0)
        covered += low <= 0.5 <= high
    assert 0.93 <= covered / repetitions <= 0.995


def test_where_nearly_no_group_differs_there_is_no_interval() -> None:
    """Of 18 groups, those that are not right (or wrong) like all others."""
    for common, rare in ((0.0, 1.0), (1.0, 0.0)):
        for differing in range(8):
            values = {f"{n}": rare if n < differing else common for n in range(18)}
            found = contrast([Part({0: values}, own_groups({0: values}))])
            assert found.differing == differing
            assert (found.interval() is None) == found.sparse == (differing < 5)


def test_of_few_groups_all_but_one_have_to_differ() -> None:
    assert contrast([Part({0: {"a": 0.5, "b": 0.25, "c": 1.0}}, {n: n for n in "abc"})]).interval()
    assert not contrast([Part({0: {"a": 0.5, "b": 0.5, "c": 1.0}}, {n: n for n in "abc"})]).interval()


SIZES = {
    "equal": ([4] * 15, 15.0),
    "one huge": ([60] + [2] * 11, 82**2 / (60**2 + 11 * 4)),
    "geometric": ([30, 15, 8, 4, 2, 2, 2, 1, 1], 65**2 / (900 + 225 + 64 + 16 + 12 + 2)),
    "three equal": ([7, 7, 7], 3.0),
}


@pytest.mark.parametrize("kind", SIZES)
def test_groups_count_as_far_as_each_makes_up_the_mean(kind: str) -> None:
    sizes, effective = SIZES[kind]
    rng = random.Random(kind)
    values = {0: {f"{g}.{i}": rng.gauss(g, 1) for g, size in enumerate(sizes) for i in range(size)}}
    found = contrast([Part(values, {item: item.partition(".")[0] for item in values[0]})])
    assert found.effective == pytest.approx(effective)
    assert found.df == pytest.approx(max(effective - 1, 1))
    assert found.sparse == (effective < 3)
    # Weights do not matter, other parts do: of two sets the one with fewer counts.
    part = Part(values, {item: item.partition(".")[0] for item in values[0]}, weight=-2.0)
    other = table(rng, groups=20, seeds=1, prefix="x")
    assert contrast([part, Part(other, own_groups(other))]).effective == pytest.approx(min(effective, 20))


def test_one_huge_group_gives_no_interval_that_seldom_holds_the_truth() -> None:
    """Most items in one group: intervals that took it for one of twelve held the truth in 64%."""
    rng = numpy.random.default_rng(3)
    sizes = [60] + [2] * 11
    for _ in range(20):
        effects = rng.normal(0, 1, len(sizes))
        values = {0: {f"{g}.{i}": effects[g] + rng.normal() for g, size in enumerate(sizes) for i in range(size)}}
        assert contrast([Part(values, {item: item.partition(".")[0] for item in values[0]})]).interval() is None


def test_items_of_a_group_are_taken_to_be_no_less_alike_than_independent_ones() -> None:
    """Two items a group whose deviations cancel: all groups have one mean, and it is uncertain still."""
    rng = random.Random(2)
    values, groups = {}, {}
    for g in range(12):
        apart = rng.gauss(0, 1)
        values |= {f"{g}a": apart, f"{g}b": -apart}
        groups |= {f"{g}a": f"{g}", f"{g}b": f"{g}"}
    found = one_seed(values, groups)
    assert found.stderr == pytest.approx(statistics.stdev(values.values()) / math.sqrt(24))
