"""The variances of a sum of means over items and seeds: of groups, items, seeds, and what is left."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from numpy import float64, int64
    from numpy.typing import NDArray

    Array = NDArray[float64]

Weights = Literal["items", "groups"]
"""What counts alike in a mean: items, or groups however many items they have."""


@dataclass(frozen=True)
class Table:
    """A part's values, seeds by items, and what they add to a contrast. What is asked for again is kept."""

    values: Array
    items: list[str]
    groups: list[str]
    """The group of each item."""
    weights: Array
    """What each item counts in the mean; proportions matter, not their sum."""

    @cached_property
    def mean(self) -> float:
        """The mean over items and seeds."""
        means = [math.fsum(row) / self._total for row in (self.values * self.weights).tolist()]
        mean = math.fsum(means) / len(means)
        # Of equal values exactly that value, whatever the rounding.
        return min(max(mean, float(self.values.min())), float(self.values.max()))

    @cached_property
    def differing(self) -> int:
        """Groups with a value other than the commonest."""
        counts = Counter(self.values.ravel().tolist())
        most = max(counts.values())
        commonest = min(value for value, count in counts.items() if count == most)
        differs = (self.values != commonest).any(axis=0).tolist()
        return len({group for group, differs_here in zip(self.groups, differs, strict=True) if differs_here})

    @cached_property
    def names(self) -> list[str]:
        """The groups, each once."""
        return [*dict.fromkeys(self.groups)]

    @cached_property
    def shares(self) -> Array:
        """How much of the mean each group makes."""
        from numpy import bincount

        return bincount(self._codes, self.weights / self._total, len(self.names)).astype(float)

    @cached_property
    def by_item(self) -> Array:
        """What each item adds around the mean, the mean over seeds."""
        by_item: Array = self._adds.sum(axis=0) / len(self.values)
        return by_item

    @cached_property
    def by_group(self) -> Array:
        """Groups by seeds: what each adds around the mean."""
        from numpy import arange, bincount

        seeds, size = len(self.values), len(self.names)
        places = self._codes + size * arange(seeds)[:, None]
        added = bincount(places.ravel(), self._adds.ravel(), size * seeds).astype(float)
        return added.reshape(seeds, size).T

    @cached_property
    def _total(self) -> float:
        return math.fsum(self.weights.tolist())

    @cached_property
    def _adds(self) -> Array:
        return self.weights / self._total * (self.values - self.mean)

    @cached_property
    def _codes(self) -> NDArray[int64]:
        from numpy import array

        return array([*map(_places(self.names).__getitem__, self.groups)])


Weighed = tuple[float, Table]
"""A table, and how its mean counts in a sum of means."""


def read_table(
    values: Mapping[int, Mapping[str, float]],
    groups: Mapping[str, str],
    seeds: Sequence[int],
    alike: Weights,
) -> Table:
    """Return the values (seed -> item -> value) of the items that all seeds have. Raises ValueError for none."""
    from numpy import array

    rows = [values[seed] for seed in seeds]
    items = sorted(set.intersection(*map(set, rows)))
    if not items:
        raise ValueError("no item has a value for every seed")
    table = array([[*map(row.__getitem__, items)] for row in rows], dtype=float)
    own = [*map(groups.__getitem__, items)]
    return Table(table, items, own, array(weigh(own, alike)))


def weigh(groups: Sequence[str], alike: Weights) -> list[float]:
    """Return what each item counts in a mean, given the group of each; proportions matter.

    >>> weigh(["a", "b", "b"], "groups")
    [1.0, 0.5, 0.5]
    """
    if alike == "items":
        return [1.0] * len(groups)
    sizes = Counter(groups)
    return [1 / sizes[group] for group in groups]


@dataclass(frozen=True)
class Block:
    """What the groups and items of parts that share groups add to a contrast."""

    groups: Array
    """Groups by seeds: what each adds around the mean."""
    items: Array
    """The same of each item, the mean over seeds."""
    shares: Array
    """How much of the mean each group makes; proportions matter, not their sum."""

    @cached_property
    def effective(self) -> float:
        """Effective groups."""
        total = math.fsum(self.shares.tolist())
        # Rounded, so that three equal groups are three.
        return round(total * total / _squares(self.shares), 9)


def join(tables: Sequence[Weighed]) -> list[Block]:
    """Join tables that share a group: groups of one block are independent of those of another."""
    joined: list[tuple[set[str], list[Weighed]]] = []
    for one in tables:
        names, together = {*one[1].names}, [one]
        for other in [other for other in joined if other[0] & names]:
            joined.remove(other)
            names, together = names | other[0], [*other[1], *together]
        joined.append((names, together))
    return [_block_of(together) for _, together in joined]


def _block_of(tables: Sequence[Weighed]) -> Block:
    if len(tables) == 1:
        [(weight, table)] = tables
        return Block(weight * table.by_group, weight * table.by_item, abs(weight) * table.shares)
    from numpy import zeros

    group_places = _places(name for _, table in tables for name in table.names)
    item_places = _places(name for _, table in tables for name in table.items)
    seeds, size = len(tables[0][1].values), len(group_places)
    groups, items, shares = zeros((size, seeds)), zeros(len(item_places)), zeros(size)
    for weight, table in tables:
        own = [*map(group_places.__getitem__, table.names)]
        groups[own] += weight * table.by_group
        shares[own] += abs(weight) * table.shares
        items[[*map(item_places.__getitem__, table.items)]] += weight * table.by_item
    return Block(groups, items, shares)


def _places(names: Iterable[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def variances_of(blocks: Sequence[Block], seeds: int) -> tuple[list[float], list[float], float, float]:
    """Return V_groups and V_items of every block, V_seeds and V_rest; the last two are 0 with one seed."""
    of_groups = [_squares(block.groups.sum(axis=1) / seeds, around=True) for block in blocks]
    of_items = [_squares(block.items, around=True) for block in blocks]
    if seeds < 2:
        return of_groups, of_items, 0.0, 0.0
    pairs = seeds * (seeds - 1)
    of_seeds = _squares(sum(block.groups.sum(axis=0) for block in blocks))
    return of_groups, of_items, of_seeds / pairs, math.fsum(map(_rest, blocks)) / pairs


def _rest(block: Block) -> float:
    size, seeds = block.groups.shape
    of_groups, of_seeds = block.groups.sum(axis=1, keepdims=True) / seeds, block.groups.sum(axis=0) / size
    left = block.groups - of_groups - of_seeds + of_seeds.sum() / seeds
    return float(size / (size - 1) * _squares(left.ravel()))


def _squares(adds: Array, around: bool = False) -> float:
    """Return the sum of squares; `around` a mean that was estimated from them, n / (n - 1) of it."""
    total = math.fsum((adds * adds).tolist())
    return total * len(adds) / (len(adds) - 1) if around else total
