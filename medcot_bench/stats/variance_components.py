"""What makes up the error of a gap: groups, items in groups, seeds, seeds x groups, and seeds x items.

    value[s, i] = mean + group[g(i)] + item[i] + seed[s] + seed_group[s, g(i)] + rest[s, i]

estimated by moments: each sum of squares is set equal to its expectation (Searle, Casella & McCulloch 1992,
chapter 5), for groups of any sizes, with a value of every item for every seed. An estimate may lie below zero.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from medcot_bench.stats.contrasts import Contrast, Part, contrast, read_tables
from medcot_bench.stats.crossed import Weighed

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

    from medcot_bench.stats.crossed import Array

CONFIDENCE = 0.8
"""Of the upper bound of a seed variance (Browne 1995, Statistics in Medicine 14:1933)."""


@dataclass(frozen=True, slots=True)
class Variances:
    """The variances of one set of items."""

    group: float
    item: float
    seed_group: float
    rest: float


@dataclass(frozen=True, slots=True)
class Components:
    """The variances that make up an effect's error, as they were estimated."""

    sets: tuple[Variances, ...]
    """Of each set of items: one of a gap, and both of a difference of gaps whose items are others."""
    seed: float
    """Of the whole effect, since one trained model answers all sets."""
    noise: float
    """What seeds x groups and seeds x items added to the variance of the seeds' means that `seed` is from."""
    df: int
    """Degrees of freedom of that variance: seeds less one."""

    @property
    def seed_bound(self) -> float:
        """The upper bound of the seed variance (one-sided, 80%), by the chi-square of the seeds' means."""
        from scipy.special import chdtri

        least = float(chdtri(self.df, CONFIDENCE))
        return max((self.seed + self.noise) * self.df / least - self.noise, self.seed, 0.0)


def estimate_components(parts: Sequence[Part], found: Contrast | None = None) -> Components | None:
    """Return the components of a contrast, `found` if it is known; parts that share items are paired item by item.

    None where it is sparse or has a single group or seed. Raises ValueError as `contrast` does.
    """
    found = found or contrast(parts)
    if found.seeds < 2 or found.sparse:
        return None
    item_sets = _item_sets(read_tables(parts))
    if any(len({*groups}) < 2 for _, groups in item_sets):
        return None
    sets = [_within_set(values, groups) for values, groups in item_sets]
    means = [math.fsum(of_seed) for of_seed in zip(*(one.seed_means for one in sets), strict=True)]
    centre, noise = fmean(means), math.fsum(one.noise for one in sets)
    spread = math.fsum((mean - centre) ** 2 for mean in means) / (found.seeds - 1)
    return Components(tuple(one.variances for one in sets), spread - noise, noise, found.seeds - 1)


def mean_components(several: Sequence[Components]) -> Components:
    """Return the means of components that have equally many sets; their estimates are not independent."""
    sets = zip(*(one.sets for one in several), strict=True)
    return Components(
        sets=tuple(
            Variances(
                group=fmean(one.group for one in alike),
                item=fmean(one.item for one in alike),
                seed_group=fmean(one.seed_group for one in alike),
                rest=fmean(one.rest for one in alike),
            )
            for alike in sets
        ),
        seed=fmean(one.seed for one in several),
        noise=fmean(one.noise for one in several),
        df=min(one.df for one in several),
    )


def effective_number(sizes: Sequence[int]) -> float:
    """Return how many groups of equal size would make a mean as uncertain: 1 / sum of squared shares.

    >>> effective_number([2, 2, 2, 2]), effective_number([6, 1, 1])
    (4.0, 1.6842105263157894)
    """
    return sum(sizes) ** 2 / sum(size * size for size in sizes)


@dataclass(frozen=True, slots=True)
class _WithinSet:
    variances: Variances
    seed_means: Sequence[float]
    noise: float


def _item_sets(tables: Sequence[Weighed]) -> list[tuple[Array, Sequence[str]]]:
    """Return the weighted values, seeds by items, and the items' groups, of each set of items."""
    apart: list[tuple[Array, Sequence[str]]] = [(weight * table.values, table.groups) for weight, table in tables]
    if len(tables) != 2:
        return apart
    one, other = (dict(zip(table.items, table.groups, strict=True)) for _, table in tables)
    common = [item for item, group in one.items() if other.get(item) == group]
    if not common:
        return apart
    of_common = []
    for (_, table), (values, _) in zip(tables, apart, strict=True):
        places = {item: place for place, item in enumerate(table.items)}
        of_common.append(values[:, [*map(places.__getitem__, common)]])
    return [(of_common[0] + of_common[1], [*map(one.__getitem__, common)])]


def _within_set(values: Array, groups: Sequence[str]) -> _WithinSet:
    """Return what one set of items has to say; where no group has two items, items count as groups."""
    from numpy import array

    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    own = array([*map(places.__getitem__, groups)])
    seeds, count = values.shape
    sizes = Counter(groups)
    squares = sum(size * size for size in sizes.values())
    within, between, spread = count - len(sizes), len(sizes) - 1, count - squares / count

    seed_means = values.mean(axis=1)
    overall = seed_means.mean()
    item_means = values.mean(axis=0)
    left = values - item_means - (seed_means - overall)[:, None]
    of_rest = [_squares(row, own) for row in left]
    rest_within, rest_between = (math.fsum(squared) / (seeds - 1) for squared in zip(*of_rest, strict=True))
    mean_within, mean_between = _squares(item_means - overall, own)

    rest = rest_within / within if within else 0.0
    seed_group = (rest_between - between * rest) / spread
    item = mean_within / within - rest / seeds if within else 0.0
    group = (mean_between - between * (item + rest / seeds)) / spread - seed_group / seeds
    noise = seed_group * squares / count**2 + rest / count
    return _WithinSet(Variances(group, item, seed_group, rest), seed_means.tolist(), noise)


def _squares(values: Array, groups: NDArray[int64]) -> tuple[float, float]:
    """Return the sums of squares within and between groups of values whose mean is zero."""
    from numpy import bincount

    between = math.fsum((bincount(groups, values) ** 2 / bincount(groups)).tolist())
    return math.fsum((values * values).tolist()) - between, between
