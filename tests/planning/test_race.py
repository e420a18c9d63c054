"""Which learning rates are within the noise of the best, and how they race."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from statistics import stdev

import pytest

from medcot_bench.planning.race import find_kept, follow_race
from medcot_bench.results.trials import Trial

LOW, MIDDLE, HIGH = 1e-4, 3.2e-4, 1e-3
NOISE = (-0.15, -0.10, -0.05, 0.05, 0.10, 0.15)  # of a difference, per item; its mean is 0
ERROR = stdev(NOISE) / sqrt(len(NOISE))  # of the mean of independent items
BASE = {f"item {n}": 1.0 + n for n in range(6)}  # items are unlike each other by far more than that


def trial(
    rate: float, loss: float | Mapping[str, float] | None, seed: int = 0, groups: Mapping[str, str] | None = None
) -> Trial:
    """A trial with these losses per item, or with a mean alone as older records have; None where it diverged."""
    by_group: dict[str, dict[str, float]] = {}
    items = loss if isinstance(loss, Mapping) else {}
    for item, value in items.items():
        by_group.setdefault((groups or {}).get(item, item), {})[item] = value
    mean = sum(items.values()) / len(items) if items else loss if isinstance(loss, float) else None
    return Trial(adapter="lora", task="k8s_qa", seed=seed, rate=rate, loss=mean, losses=by_group, seconds=1.0)


def worse(by: float, noise: float = 1.0) -> dict[str, float]:
    return {item: loss + by + noise * e for (item, loss), e in zip(BASE.items(), NOISE, strict=True)}


def test_the_least_mean_over_seeds_is_the_best() -> None:
    tried = [trial(LOW, 0.5), trial(HIGH, 0.3), trial(LOW, 0.2, seed=1), trial(HIGH, 0.3, seed=1)]
    assert find_kept(tried) == (HIGH,)


def test_a_rate_that_diverged_with_one_seed_is_out() -> None:
    assert find_kept([trial(LOW, 0.5), trial(HIGH, 0.1), trial(LOW, 0.5, seed=1), trial(HIGH, None, seed=1)]) == (
        LOW,
    )
    assert find_kept([trial(HIGH, None)]) == ()


@pytest.mark.parametrize(("errors", "kept"), [(0.5, True), (1.99, True), (2.01, False), (10.0, False)])
def test_rates_within_two_errors_of_the_best_are_kept(errors: float, kept: bool) -> None:
    tried = [trial(LOW, worse(errors * ERROR)), trial(MIDDLE, BASE)]
    assert find_kept(tried) == ((MIDDLE, LOW) if kept else (MIDDLE,))


def test_differences_are_paired_by_item() -> None:
    # The losses of items lie 1.9 apart (standard deviation); what the rates differ by on an item, 0.01.
    assert find_kept([trial(LOW, BASE), trial(MIDDLE, worse(0.02, noise=0.1))]) == (LOW,)


def test_errors_are_by_groups() -> None:
    twice = {f"{item}, {part}": loss for item, loss in BASE.items() for part in "ab"}
    second = {f"{item}, {part}": loss for item, loss in worse(1.7 * ERROR).items() for part in "ab"}
    of_pairs = {item: item.partition(",")[0] for item in twice}
    by_item = stdev([second[item] - twice[item] for item in twice]) / sqrt(len(twice))
    assert by_item * 2 < ERROR * 1.7  # so that twelve independent items would tell the rates apart
    assert find_kept([trial(LOW, twice), trial(MIDDLE, second)]) == (LOW,)
    grouped = [trial(LOW, twice, groups=of_pairs), trial(MIDDLE, second, groups=of_pairs)]
    assert find_kept(grouped) == (LOW, MIDDLE)


def test_seeds_that_disagree_tell_nothing_apart() -> None:
    once = [trial(LOW, BASE), trial(MIDDLE, worse(0.5, noise=0.1))]
    assert find_kept(once) == (LOW,)
    again = [trial(LOW, BASE, seed=1), trial(MIDDLE, worse(-0.4, noise=0.1), seed=1)]
    assert find_kept([*once, *again]) == (LOW, MIDDLE)


def test_one_group_tells_nothing_apart() -> None:
    one = dict.fromkeys(BASE, "page 1")
    assert find_kept([trial(LOW, BASE, groups=one), trial(MIDDLE, worse(3.0), groups=one)]) == (LOW, MIDDLE)


def test_of_older_trials_the_best_alone_is_kept() -> None:
    assert find_kept([trial(LOW, 0.5001), trial(MIDDLE, 0.5)]) == (MIDDLE,)
    assert find_kept([trial(LOW, BASE), trial(MIDDLE, 0.5)]) == (MIDDLE,)


RATES, SEEDS = (LOW, MIDDLE, HIGH), (5, 6, 7)
ROUND_1 = [trial(LOW, BASE, 5), trial(MIDDLE, worse(ERROR), 5), trial(HIGH, worse(1.0), 5)]


def test_the_first_round_tries_every_rate() -> None:
    race = follow_race(RATES, SEEDS, 1, ROUND_1[:2])
    assert (race.kept, race.reached) == ((), {(LOW, 5), (MIDDLE, 5), (HIGH, 5)})
    assert follow_race(RATES, SEEDS, 2, []).reached == {(rate, seed) for rate in RATES for seed in (5, 6)}


def test_what_is_left_goes_on_with_the_next_seed() -> None:
    race = follow_race(RATES, SEEDS, 1, ROUND_1)
    assert (race.kept, race.reached - {(t.rate, t.seed) for t in ROUND_1}) == ((), {(LOW, 6), (MIDDLE, 6)})


def test_a_race_ends_where_one_is_left() -> None:
    second = [trial(LOW, BASE, 6), trial(MIDDLE, worse(ERROR), 6)]
    third = [trial(LOW, BASE, 7), trial(MIDDLE, worse(ERROR, noise=0.1), 7)]
    clear = [trial(LOW, worse(0.5, noise=0.1), 6), trial(MIDDLE, None, 6)]
    race = follow_race(RATES, SEEDS, 1, [*ROUND_1, *clear])
    assert race.kept == (LOW,)
    assert race.reached == {(LOW, 5), (MIDDLE, 5), (HIGH, 5), (LOW, 6), (MIDDLE, 6)}
    assert follow_race(RATES, SEEDS, 1, [*ROUND_1, *second]).reached == {*race.reached, (LOW, 7), (MIDDLE, 7)}
    spent = follow_race(RATES, SEEDS, 1, [*ROUND_1, *second, *third])
    assert (spent.kept, spent.reached) == ((LOW, MIDDLE), {*race.reached, (LOW, 7), (MIDDLE, 7)})


def test_the_lead_may_change_and_a_rate_that_is_out_stays_out() -> None:
    overtaken = [trial(LOW, worse(0.2), 6), trial(MIDDLE, BASE, 6), trial(HIGH, worse(-5.0), 6)]
    race = follow_race(RATES, SEEDS[:2], 1, [*ROUND_1, *overtaken])
    assert race.kept == (MIDDLE, LOW)
    assert (HIGH, 6) not in race.reached


def test_without_a_race_the_search_ends_with_its_own_seeds() -> None:
    assert follow_race(RATES, SEEDS[:1], 1, ROUND_1).kept == (LOW, MIDDLE)
    assert follow_race(RATES, SEEDS[:1], 3, ROUND_1).kept == (LOW, MIDDLE)  # a study of fewer seeds than asked for
