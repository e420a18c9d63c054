"""The race of learning rates by seeds: which rates are within the noise of the best, and which trials are due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from medcot_bench.results.trials import Trial
from medcot_bench.stats.contrasts import Part, contrast

ERRORS = 2.0
"""Paired standard errors of the mean validation loss within which a rate is kept beside the best."""


@dataclass(frozen=True, slots=True)
class Race:
    """How far the rates of one adapter on one task have come."""

    kept: tuple[float, ...]
    """The rates that are left, the best first; empty as long as trials are due, and where every rate diverged."""
    reached: frozenset[tuple[float, int]]
    """Rate and seed of every trial that is made or due."""


def follow_race(rates: Sequence[float], seeds: Sequence[int], first: int, trials: Sequence[Trial]) -> Race:
    """Return what the trials of one adapter on one task made of its rates.

    Every rate is tried with the `first` seeds. Those that `find_kept` keeps go on with one seed more each, until
    one is left or the seeds are spent. Trials that the race has not come to count for nothing.
    """
    made = {(trial.rate, trial.seed): trial for trial in trials}
    left, reached = tuple(rates), set[tuple[float, int]]()
    for count in range(min(first, len(seeds)), len(seeds) + 1):
        entered = [(rate, seed) for rate in left for seed in seeds[:count]]
        reached.update(entered)
        if not all(entry in made for entry in entered):
            return Race((), frozenset(reached))
        left = find_kept([made[entry] for entry in entered])
        if len(left) < 2:
            break
    return Race(left, frozenset(reached))


def find_kept(trials: Sequence[Trial]) -> tuple[float, ...]:
    """Return the rates within two paired standard errors of the best, the best first.

    The trials are of one adapter on one task, every rate with the same seeds. The best has the least mean loss
    over seeds; a rate that diverged with one is out. Differences from the best are paired by seed and validation
    item, their errors by groups and, from two seeds on, by seeds. Where groups are too few for an error, all are
    kept; of older trials, without losses per item, the best alone is.
    """
    by_rate: defaultdict[float, list[Trial]] = defaultdict(list)
    for trial in trials:
        by_rate[trial.rate].append(trial)
    means = {}
    for rate, tried in by_rate.items():
        losses = [trial.loss for trial in tried if trial.loss is not None]
        if len(losses) == len(tried):
            means[rate] = fmean(losses)
    order = sorted(means, key=means.__getitem__)
    return tuple(rate for rate in order if rate == order[0] or _is_tied(by_rate[rate], by_rate[order[0]]))


def _is_tied(own: Sequence[Trial], best: Sequence[Trial]) -> bool:
    """Whether a rate's losses are within the noise of the best's."""
    of_best = {trial.seed: _by_item(trial) for trial in best}
    groups = {item: group for trial in own for group, losses in trial.losses.items() for item in losses}
    differences = {
        trial.seed: {
            item: loss - of_best[trial.seed][item]
            for item, loss in _by_item(trial).items()
            if item in of_best[trial.seed]
        }
        for trial in own
    }
    if not all(differences.values()):
        return False
    found = contrast([Part(differences, groups)])
    return found.sparse or found.stderr is None or found.value <= ERRORS * found.stderr


def _by_item(trial: Trial) -> dict[str, float]:
    return {item: loss for losses in trial.losses.values() for item, loss in losses.items()}
