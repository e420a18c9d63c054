"""What a study can detect: against simulated tests, and against the variances it is made of."""

from __future__ import annotations

import random
import statistics

import pytest
from scipy import stats

from medcot_bench.stats.contrasts import Part, contrast
from medcot_bench.stats.power import Spread, detectable, groups_needed, spread_of


def draw(rng: random.Random, spread: Spread, groups: int, seeds: int, mean: float = 0.0) -> Part:
    of_group = [rng.gauss(0, spread.groups**0.5) for _ in range(groups)]
    of_seed = [rng.gauss(0, spread.seeds**0.5) for _ in range(seeds)]
    values = {
        s: {str(g): mean + of_group[g] + of_seed[s] + rng.gauss(0, spread.rest**0.5) for g in range(groups)}
        for s in range(seeds)
    }
    return Part(values, {str(g): str(g) for g in range(groups)})


@pytest.mark.parametrize("df", [2.0, 10.0, 200.0])
def test_the_detectable_effect_is_found_in_80_percent_of_studies(df: float) -> None:
    effect = detectable(1.0, df)
    found = stats.nct.sf(stats.t.ppf(0.975, df), df, effect)  # the noncentral t: the test's exact power
    assert found == pytest.approx(0.8, abs=0.05)


def test_a_pilot_s_variances_are_those_it_was_drawn_from() -> None:
    true = Spread(groups=0.04, seeds=0.01, rest=0.02)
    rng = random.Random(1)
    pilots = [spread_of([draw(rng, true, 30, 6)]) for _ in range(200)]
    assert all(pilots)
    for name in ("groups", "seeds", "rest"):
        mean = statistics.fmean(getattr(pilot, name) for pilot in pilots)
        assert mean == pytest.approx(getattr(true, name), rel=0.1)


def test_the_standard_error_of_a_design_is_the_one_its_studies_get() -> None:
    true = Spread(groups=0.04, seeds=0.01, rest=0.02)
    rng = random.Random(2)
    found = [contrast([draw(rng, true, 40, 3)]) for _ in range(300)]
    mean = statistics.fmean((one.stderr or 0) ** 2 for one in found) ** 0.5
    assert mean == pytest.approx(true.stderr(40, 3), rel=0.05)


@pytest.mark.parametrize("spread", [Spread(0.04, 0.0, 0.02), Spread(0.04, 0.0005, 0.02)])
@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_the_groups_needed_are_enough_and_few_less_are_not(spread: Spread, seeds: int) -> None:
    wanted = 0.08
    groups = groups_needed(spread, wanted, seeds)
    assert groups is not None
    assert detectable(spread.stderr(groups, seeds), spread.df(groups, seeds)) <= wanted
    fewer = groups - 1
    assert detectable(spread.stderr(fewer, seeds), spread.df(fewer, seeds)) > wanted


def test_no_number_of_groups_makes_up_for_seeds_that_differ_too_much() -> None:
    assert groups_needed(Spread(0.04, 0.01, 0.02), 0.05, seeds=3) is None


def test_one_seed_or_one_group_is_no_pilot() -> None:
    assert spread_of([Part({0: {"a": 0.0, "b": 1.0}}, {"a": "a", "b": "b"})]) is None
    assert spread_of([Part({0: {"a": 0.0}, 1: {"a": 1.0}}, {"a": "a"})]) is None
