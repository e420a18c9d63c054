"""Power: the smallest effect that a study can detect, and what it takes to detect a given one."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from medcot_bench.stats.contrasts import Part, contrast, effective_groups, forms, matched_df, shared_items

POWER = 0.8
MOST_GROUPS = 100_000
MOST_SEEDS = 20
"""Training runs of one method that a study may be expected to pay for."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The variances that make up an effect's error: of groups, of seeds, and of what is left of both.

    Of a DiD they are such that its groups are counted by `contrasts.effective_groups`.
    """

    groups: float
    seeds: float
    rest: float

    def stderr(self, groups: float, seeds: int) -> float:
        """Return the standard error that so many groups and seeds can be expected to give."""
        return float((self.groups / groups + self.seeds / seeds + self.rest / (groups * seeds)) ** 0.5)

    def df(self, groups: float, seeds: int) -> float:
        """Return the degrees of freedom of that standard error."""
        of_groups = ((self.groups + self.rest / seeds) / groups, groups - 1)
        of_seeds = (self.seeds / seeds, seeds - 1)
        return matched_df([of_groups, *([of_seeds] if seeds > 1 else [])]) or float(groups - 1)


def detectable(stderr: float, df: float) -> float:
    """Return the smallest effect that is significant (5%, two-sided) in 80% of studies.

    (t[0.975] + t[0.8]) * stderr, each quantile at these degrees of freedom.
    """
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.975) + stdtrit(df, POWER)) * stderr


def showable(stderr: float, df: float) -> float:
    """Return the smallest margin within which an effect of zero is shown to lie in 80% of studies.

    Two one-sided tests at 5%: (t[0.95] + t[0.9]) * stderr, each quantile at these degrees of freedom.
    """
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.95) + stdtrit(df, (1 + POWER) / 2)) * stderr


def largest(score_is_share: bool, *, did: bool) -> float:
    """Return how large a gap, or a DiD of two, can be: means of shares differ by no more than 1."""
    return (2.0 if did else 1.0) if score_is_share else math.inf


def spread_of(parts: Sequence[Part]) -> Spread | None:
    """Return the variances behind a contrast of a pilot, None where it is sparse or has a single group or seed.

    From its V_groups, V_seeds and V_rest (see `contrasts.contrast`): each of the first two holds V_rest once.
    What a pilot estimates below zero is taken as zero.
    """
    found, variances = contrast(parts), forms(parts)
    if variances is None or found.seeds < 2 or found.sparse:
        return None
    of_groups, of_seeds, total, *_ = variances
    rest = of_groups + of_seeds - total
    groups = effective_groups([{part.groups[item] for item in shared_items(part.values)} for part in parts])
    return Spread(
        groups=max(of_groups - rest, 0.0) * groups,
        seeds=max(of_seeds - rest, 0.0) * found.seeds,
        rest=max(rest, 0.0) * groups * found.seeds,
    )


def mean_spread(spreads: Sequence[Spread]) -> Spread:
    """Return the mean of each variance."""
    return Spread(
        groups=fmean(spread.groups for spread in spreads),
        seeds=fmean(spread.seeds for spread in spreads),
        rest=fmean(spread.rest for spread in spreads),
    )


def groups_needed(spread: Spread, wanted: float, seeds: int) -> int | None:
    """Return the least number of groups that makes a wanted effect detectable, None where no number does."""
    floor = Spread(0.0, spread.seeds, 0.0)
    if seeds > 1 and floor.seeds and detectable(floor.stderr(1, seeds), seeds - 1) >= wanted:
        return None

    def enough(groups: int) -> bool:
        return detectable(spread.stderr(groups, seeds), spread.df(groups, seeds)) <= wanted

    if not enough(MOST_GROUPS):
        return None
    return bisect_left(range(MOST_GROUPS), True, lo=2, key=enough)


def seeds_needed(spread: Spread, wanted: float, groups: int) -> int | None:
    """Return the least number of seeds, from 2 to MOST_SEEDS, that makes a wanted effect detectable, or None."""
    for seeds in range(2, MOST_SEEDS + 1):
        if detectable(spread.stderr(groups, seeds), spread.df(groups, seeds)) <= wanted:
            return seeds
    return None


GAP, DID = "gap", "did"


class Varying(NamedTuple):
    """The effect that variances are known of."""

    kind: str
    """`gap`, or `did` for difference-in-differences."""
    score: str
    trained: str
    task: str
    """Scored on."""
