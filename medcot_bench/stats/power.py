"""Power: the smallest effect that a design can detect, and what it takes to detect a given one."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from medcot_bench.stats.contrasts import LEAST_EFFECTIVE, matched_df
from medcot_bench.stats.crossed import Weights
from medcot_bench.stats.p_values import ENOUGH_SEEDS
from medcot_bench.stats.variance_components import Components, Variances, effective_number
from medcot_bench.stats.verdict import ALPHA, LEAST_SEEDS

POWER = 0.8
FLOOR_CONFIDENCE = 0.9
"""With which items are said not to allow an interval: the plain estimate of few seeds would say so too often."""
MOST_ITEMS = 10_000
"""Items per task that a study may be expected to score."""
MOST_SEEDS = 30
"""Training runs of one method that a study may be expected to pay for."""
GAP, DID = "gap", "did"


class Varying(NamedTuple):
    """The effect that variances are known of."""

    kind: str
    """`gap`, or `did` for difference-in-differences."""
    score: str
    trained: str
    task: str
    """Scored on."""


@dataclass(frozen=True, slots=True)
class ItemSet:
    """The items that an effect is estimated from."""

    items: int
    groups: float
    """Effective number, 1 / sum of squared shares."""
    design_effect: float = 1.0
    """How many times larger the items' part of a mean's variance is than if items counted alike (Kish 1965)."""

    @classmethod
    def of(cls, groups: Iterable[str], alike: Weights = "items") -> ItemSet:
        """Return the set whose items have these groups, one for each item; what counts alike as in a `Part`.

        >>> ItemSet.of("aaab", "groups").groups
        2.0
        """
        sizes = [*Counter(groups).values()]
        items = sum(sizes)
        if alike == "items":
            return cls(items, effective_number(sizes))
        return cls(items, float(len(sizes)), items * math.fsum(1 / size for size in sizes) / len(sizes) ** 2)


@dataclass(frozen=True, slots=True)
class Spread:
    """The variances that make up an effect's error, none below zero: of each set of items, and of seeds."""

    sets: tuple[Variances, ...]
    seed: float

    def half_width(self, sets: Sequence[ItemSet], seeds: int) -> float | None:
        """Return half the 95% interval to be expected with these items; None with too few groups or one seed."""
        from scipy.special import stdtrit

        error = self._error(sets, seeds, whole=False)
        return error and float(stdtrit(error.df, 0.975)) * error.stderr

    def floor(self, sets: Sequence[ItemSet], *, bounded: bool = False) -> float | None:
        """Return the half width that no number of seeds gets below with these items; None with too few groups.

        `bounded` takes the lower bound of its variance (one-sided, 90%), by the chi-square of the groups' means.
        """
        from scipy.special import chdtri, stdtrit

        if min(one.groups for one in sets) < LEAST_EFFECTIVE:
            return None
        parts = [
            (own.group / given.groups + own.item * given.design_effect / given.items, given.groups - 1)
            for own, given in zip(self.sets, sets, strict=True)
        ]
        df = matched_df(parts)
        if df is None:
            return 0.0
        share = df / float(chdtri(df, 1 - FLOOR_CONFIDENCE)) if bounded else 1.0
        return float(stdtrit(df, 0.975)) * math.sqrt(share * math.fsum(variance for variance, _ in parts))

    def detectable(self, sets: Sequence[ItemSet], seeds: int, tests: int = 1) -> float | None:
        """Return the smallest effect that is detected in 80% of studies (see `detectable`), None as above."""
        error = self._error(sets, seeds, whole=seeds < ENOUGH_SEEDS)
        return error and detectable(error.stderr, error.df, tests)

    def showable(self, sets: Sequence[ItemSet], seeds: int, tests: int = 1) -> float | None:
        """Return the smallest margin that is shown in 80% of studies (see `showable`), None as above."""
        error = self._error(sets, seeds, whole=seeds < ENOUGH_SEEDS)
        return error and showable(error.stderr, error.df, tests)

    def _error(self, sets: Sequence[ItemSet], seeds: int, *, whole: bool) -> _Error | None:
        """Return the error to be expected; `whole` leaves in the variance of seeds what items add to it."""
        if seeds < 2 or min(one.groups for one in sets) < LEAST_EFFECTIVE:
            return None
        parts, noise = [], 0.0
        for own, given in zip(self.sets, sets, strict=True):
            per_item = given.design_effect / given.items
            of_both = (own.seed_group / given.groups + own.rest * per_item) / seeds
            of_items = own.group / given.groups + own.item * per_item
            parts.append((of_items if whole else of_items + of_both, given.groups - 1))
            noise += of_both
        of_seeds = self.seed / seeds
        parts.append((of_seeds + noise if whole else _above_zero(of_seeds, noise, seeds - 1), seeds - 1))
        df = matched_df(parts)
        return None if df is None else _Error(math.sqrt(math.fsum(variance for variance, _ in parts)), df)


class _Error(NamedTuple):
    stderr: float
    df: float


def _above_zero(variance: float, noise: float, df: float) -> float:
    """Return what is found in the mean of a variance that noise is taken off, where below zero counts as zero.

    The difference taken as normal: it has the variance of the first, 2 (variance + noise)^2 / df.
    """
    spread = (variance + noise) * math.sqrt(2 / df)
    if not spread:
        return 0.0
    z = variance / spread
    return variance * (1 + math.erf(z / math.sqrt(2))) / 2 + spread * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def spread_of(found: Components, *, bounded: bool = False) -> Spread:
    """Return the variances to plan by; `bounded` takes the upper bound of the seed variance."""
    sets = (
        Variances(max(v.group, 0.0), max(v.item, 0.0), max(v.seed_group, 0.0), max(v.rest, 0.0))
        for v in found.sets
    )
    return Spread(tuple(sets), found.seed_bound if bounded else max(found.seed, 0.0))


def detectable(stderr: float, df: float, tests: int = 1) -> float:
    """Return the smallest effect that is significant (5%, two-sided) in 80% of studies.

    (t[0.975] + t[0.8]) * stderr, each quantile at these degrees of freedom; the first at 1 - 0.025/m where the
    effect has to be significant at 5% divided by m tests.
    """
    from scipy.special import stdtrit

    return float(stdtrit(df, 1 - ALPHA / 2 / tests) + stdtrit(df, POWER)) * stderr


def showable(stderr: float, df: float, tests: int = 1) -> float:
    """Return the smallest margin within which an effect of zero is shown to lie in 80% of studies.

    Two one-sided tests at 5%: (t[0.95] + t[0.9]) * stderr, each quantile at these degrees of freedom; the first
    at 1 - 0.05/m as in `detectable`.
    """
    from scipy.special import stdtrit

    return float(stdtrit(df, 1 - ALPHA / tests) + stdtrit(df, (1 + POWER) / 2)) * stderr


def largest(score_is_share: bool, *, did: bool) -> float:
    """Return how large a gap, or a DiD of two, can be: means of shares differ by no more than 1."""
    return (2.0 if did else 1.0) if score_is_share else math.inf


def items_needed(
    spread: Spread, wanted: float, seeds: int, sets_of: Callable[[int], Sequence[ItemSet]], most: int = MOST_ITEMS
) -> int | None:
    """Return the least number of items per task that makes a wanted effect detectable, None where `most` do not.

    `sets_of` gives the sets that so many items make.
    """
    return _least_items(lambda items: spread.detectable(sets_of(items), seeds), wanted, most)


def items_for_width(
    spread: Spread, wanted: float, seeds: int, sets_of: Callable[[int], Sequence[ItemSet]], most: int = MOST_ITEMS
) -> int | None:
    """Return the least number of items per task that lets half the interval be expected as narrow as wanted.

    None where `most` do not make it so; `sets_of` as in `items_needed`.
    """
    return _least_items(lambda items: spread.half_width(sets_of(items), seeds), wanted, most)


def seeds_for_width(spread: Spread, wanted: float, sets: Sequence[ItemSet], seeds: Iterable[int]) -> int | None:
    """Return the first number of seeds that lets half the interval be expected as narrow as wanted.

    None where no number does.
    """
    widths = ((n, spread.half_width(sets, n)) for n in seeds)
    return next((n for n, width in widths if width is not None and width <= wanted), None)


def _least_items(size_of: Callable[[int], float | None], wanted: float, most: int) -> int | None:
    def enough(items: int) -> bool:
        size = size_of(items)
        return size is not None and size <= wanted

    return bisect_left(range(most), True, lo=2, key=enough) if enough(most) else None


def seeds_needed(spread: Spread, wanted: float, sets: Sequence[ItemSet]) -> int | None:
    """Return the least number of seeds that makes a wanted effect detectable, None where MOST_SEEDS do not."""
    for seeds in range(LEAST_SEEDS, MOST_SEEDS + 1):
        size = spread.detectable(sets, seeds)
        if size is not None and size <= wanted:
            return seeds
    return None


def grow(sets: Sequence[ItemSet], items: int) -> list[ItemSet]:
    """Return sets scaled so that the smallest has so many items.

    More items come from the same groups, except where each item is a group of its own.
    """
    factor = items / min(one.items for one in sets)
    return [_scaled(one, factor) for one in sets]


def add_groups(sets: Sequence[ItemSet], factor: float) -> list[ItemSet]:
    """Return sets with so many times the groups, and their items, as those there are."""
    return [replace(one, items=round(one.items * factor), groups=one.groups * factor) for one in sets]


def _scaled(given: ItemSet, factor: float) -> ItemSet:
    items = round(given.items * factor)
    groups = float(items) if given.groups == given.items else min(given.groups, items)
    return replace(given, items=items, groups=groups)
