"""Tests of zero, of equivalence, of several at once and of paired right answers: against scipy and by hand."""

from __future__ import annotations

import random

import numpy
import pytest
from scipy import stats

from medcot_bench.stats.contrasts import Contrast, Part, contrast
from medcot_bench.stats.p_values import difference, equivalence, holm, mcnemar


def of(values: list[float]) -> Contrast:
    """The mean of independent values, one seed: Student's one-sample t."""
    row = {str(n): value for n, value in enumerate(values)}
    return contrast([Part({0: row}, {item: item for item in row})])


@pytest.mark.parametrize("case", range(10))
def test_the_two_tests_agree_with_the_one_sample_t_test(case: int) -> None:
    rng = random.Random(case)
    values = [rng.gauss(0.05, 0.3) for _ in range(rng.randint(3, 40))]
    found = of(values)
    assert difference(found) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, rel=1e-9)
    above = stats.ttest_1samp(values, -0.2, alternative="greater").pvalue
    below = stats.ttest_1samp(values, 0.2, alternative="less").pvalue
    assert equivalence(found, 0.2) == pytest.approx(max(above, below), rel=1e-9)


@pytest.mark.parametrize("case", range(20))
def test_equivalence_is_shown_where_the_90_percent_interval_lies_within_the_margin(case: int) -> None:
    rng = random.Random(case)
    found = of([rng.gauss(0, 0.3) for _ in range(20)])
    low, high = found.interval(0.90) or (0, 0)
    p = equivalence(found, 0.12)
    assert p is not None
    assert (p <= 0.05) == (low > -0.12 and high < 0.12)


def test_without_error_the_value_alone_decides() -> None:
    nothing, something = of([0.0] * 4), of([0.25] * 4)
    assert (difference(nothing), difference(something)) == (1.0, 0.0)
    assert (equivalence(nothing, 0.3), equivalence(something, 0.3)) == (None, None)


def test_no_difference_is_told_by_few_groups() -> None:
    few, enough = (of([1.0] * n + [0.0] * 40) for n in (4, 5))
    assert few.interval() is None
    assert difference(few) is None
    assert difference(enough) is not None


def test_equivalence_takes_groups_that_differ() -> None:
    few, enough = (of([1.0, -1.0] * pairs + [0.0] * 400) for pairs in (2, 3))
    assert (few.differing, enough.differing) == (4, 6)
    assert equivalence(few, 0.1) is None
    assert (equivalence(enough, 0.1) or 1) < 0.05


def test_one_group_tests_nothing() -> None:
    alone = of([0.4])
    assert difference(alone) is None
    assert equivalence(alone, 0.1) is None


def of_seeds(seeds: int, rng: numpy.random.Generator, of_seed: float, groups: int = 18) -> Contrast:
    """The mean of a table of seeds by groups without any effect."""
    drawn = rng.normal(0, 1, (1, groups)) + rng.normal(0, of_seed, (seeds, 1)) + rng.normal(0, 1, (seeds, groups))
    values = {s: {str(g): float(drawn[s, g]) for g in range(groups)} for s in range(seeds)}
    return contrast([Part(values, {str(g): str(g) for g in range(groups)})])


@pytest.mark.parametrize("seeds", [2, 3, 4])
def test_few_seeds_are_tested_by_the_variances_that_they_leave_possible(seeds: int) -> None:
    """Against the definition by a million random draws instead of evenly spread points."""
    rng = numpy.random.default_rng(seeds)
    found = of_seeds(seeds, rng, 0.5)
    parts = found.estimates
    assert parts
    assert [parts.groups[0].df, parts.seeds.df, parts.rest.df] == [17, seeds - 1, 17 * (seeds - 1)]
    of_groups, of_seed, of_rest = (
        one.variance * one.df / rng.chisquare(one.df, 1_000_000)
        for one in (*parts.groups, parts.seeds, parts.rest)
    )
    sds = numpy.sqrt(of_groups + numpy.maximum(of_seed - of_rest, 0))
    assert difference(found) == pytest.approx(2 * stats.norm.sf(abs(found.value) / sds).mean(), rel=0.01)
    one_sided = [stats.norm.sf((1.0 + sign * found.value) / sds).mean() for sign in (1, -1)]
    assert equivalence(found, 1.0) == pytest.approx(max(one_sided), rel=0.02)


@pytest.mark.parametrize("seeds", [2, 3, 4])
def test_few_seeds_that_agree_by_chance_give_no_tiny_p_values(seeds: int) -> None:
    rng = numpy.random.default_rng(seeds)
    p_values = [difference(of_seeds(seeds, rng, 1.0)) or 0.0 for _ in range(2000)]
    assert sum(p <= 0.05 for p in p_values) / 2000 <= 0.06
    assert sum(p <= 0.005 for p in p_values) / 2000 <= 0.0075


def test_five_seeds_are_tested_by_student_s_t() -> None:
    found = of_seeds(5, numpy.random.default_rng(0), 0.5)
    assert found.stderr
    assert found.df
    assert difference(found) == pytest.approx(2 * stats.t.sf(abs(found.value) / found.stderr, found.df), rel=1e-9)


@pytest.mark.parametrize("case", range(20))
def test_holm_agrees_with_its_definition(case: int) -> None:
    rng = random.Random(case)
    p_values = [round(rng.random() ** 3, 2) for _ in range(rng.randint(0, 6))]
    adjusted = holm(p_values)
    for level in (0.01, 0.05, 0.2, 0.5):
        rejected = set()
        for rank, place in enumerate(numpy.argsort(p_values, kind="stable")):
            if p_values[place] > level / (len(p_values) - rank):
                break
            rejected.add(int(place))
        assert {place for place, p in enumerate(adjusted) if p <= level + 1e-12} == rejected


def test_some_tests_of_a_larger_family_are_adjusted_as_if_the_others_were_not_significant() -> None:
    some: list[float | None] = [0.004, None, 0.001, 0.02]
    assert holm(some, tests=10) == holm([*some, *[1.0] * 7])[:4]
    assert holm(some, tests=2) == holm(some)


def test_mcnemar_counts_the_items_that_only_one_gets_right() -> None:
    one = dict.fromkeys("abcdefghij", 1.0)
    other = {item: float(item in "hij") for item in one}
    assert mcnemar(one, other) == pytest.approx(2 * 0.5**7)
    assert mcnemar(one, one) == 1.0
    assert mcnemar({"a": 1.0, "x": 1.0}, {"a": 0.0, "y": 1.0}) == 1.0
    with pytest.raises(ValueError, match="right or wrong"):
        mcnemar({"a": 0.5}, {"a": 1.0})
