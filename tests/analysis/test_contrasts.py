"""Contrasts: against plain numpy on balanced tables, against hand-made cases, and by what must not matter."""

from __future__ import annotations

import math
import random

import numpy
import pytest
from scipy import stats

from medcot_bench.analysis.contrasts import Contrast, Part, SeedValues, contrast
from medcot_bench.analysis.estimates import clustered


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
    """Variance of the mean from the mean squares of a two-way layout without replication, its df, and the mean."""
    array = numpy.array([list(row.values()) for row in values.values()])
    seeds, groups = array.shape
    of_groups = array.mean(axis=0).var(ddof=1) / groups
    of_seeds = array.mean(axis=1).var(ddof=1) / seeds
    left = array - array.mean(axis=0) - array.mean(axis=1, keepdims=True) + array.mean()
    rest = (left**2).sum() / ((seeds - 1) * (groups - 1)) / (seeds * groups)
    variance = max(of_groups + of_seeds - rest, of_groups, of_seeds)
    df = variance**2 / (of_groups**2 / (groups - 1) + of_seeds**2 / (seeds - 1))
    return variance, df, array.mean()


@pytest.mark.parametrize("case", range(20))
def test_a_balanced_table_agrees_with_the_mean_squares(case: int) -> None:
    rng = random.Random(case)
    values = table(rng, groups=rng.randint(2, 30), seeds=rng.randint(2, 6), spread=rng.choice([0.0, 1.0]))
    found = contrast([Part(values, own_groups(values))])
    variance, df, mean = by_anova(values)
    assert found.stderr is not None
    assert (found.value, found.stderr**2, found.df) == pytest.approx((mean, variance, df), rel=1e-9)
    low, high = found.interval() or (0, 0)
    half = stats.t.ppf(0.975, df) * math.sqrt(variance)
    assert (low, high) == pytest.approx((mean - half, mean + half))


def test_one_seed_gives_the_clustered_standard_error() -> None:
    rng = random.Random(3)
    values = {f"{n}": rng.random() for n in range(40)}
    groups = {item: str(int(item) % 7) for item in values}
    found, expected = contrast([Part({5: values}, groups)]), clustered(values, groups)
    assert (found.value, found.stderr) == pytest.approx((expected.mean, expected.stderr))
    assert (found.df, found.items, found.seeds) == (pytest.approx(6), 40, 1)


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
    assert contrast([Part({0: {"a": 1.0, "b": 0.0}}, {"a": "1", "b": "1"})]) == Contrast(0.5, None, None, 2, 1, 1)
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
