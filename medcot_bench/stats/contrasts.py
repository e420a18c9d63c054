"""Differences of means over items and seeds, with the uncertainty of both.

Items of a group are not independent, and neither are the items that one trained model answered: the variance is
crossed, groups by seeds (Cameron, Gelbach & Miller 2011, "Robust inference with multiway clustering").
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

from medcot_bench.stats.crossed import Table, Weighed, Weights, join, read_table, variances_of

TAIL = 0.975
LEAST_DIFFERING = 5
"""Groups that must not be as most values are, for a contrast to have an interval; of few groups, all but one."""
LEAST_EFFECTIVE = 3
"""Effective groups that a contrast must have for an interval."""
SeedValues = Mapping[int, Mapping[str, float]]
"""Seed -> item -> value."""


@dataclass(frozen=True)
class Part:
    """Values of one set of items for every seed, and the group of each item."""

    values: SeedValues
    groups: Mapping[str, str]
    weight: float = 1.0
    """How the part's mean counts in a sum of parts: -1 for what is subtracted."""
    alike: Weights = "items"
    """What counts alike within the mean."""

    @cached_property
    def table(self) -> Table:
        """The values of all its seeds, read once. Raises ValueError where the seeds share no item."""
        return read_table(self.values, self.groups, sorted(self.values), self.alike)

    def weighed(self, weight: float) -> Part:
        """Return the same part with another weight; it keeps the table."""
        part = replace(self, weight=weight)
        vars(part)["table"] = self.table
        return part


class VarianceEstimate(NamedTuple):
    """An estimated variance."""

    variance: float
    df: float


@dataclass(frozen=True, slots=True)
class VarianceEstimates:
    """What a contrast's variance is made of: V_groups of each set of groups, V_seeds, V_rest (see `contrast`)."""

    groups: tuple[VarianceEstimate, ...]
    seeds: VarianceEstimate
    rest: VarianceEstimate


@dataclass(frozen=True, slots=True)
class Contrast:
    """A sum of means with its standard error; None where two groups are not there to estimate it from."""

    value: float
    stderr: float | None
    df: float | None
    """Degrees of freedom (see `matched_df`)."""
    items: int
    groups: int
    """Groups of the part that has the fewest."""
    seeds: int
    differing: int
    """Groups with a value other than the commonest, of the part that has the fewest."""
    effective: float | None = None
    """Effective groups, 1 / sum of their squared shares of the mean, of the part that has the fewest: of equal
    groups all; where one holds most items, little more than one."""
    estimates: VarianceEstimates | None = field(default=None, repr=False, compare=False)
    """None with one seed and where there is no standard error."""

    @property
    def sparse(self) -> bool:
        """Whether too few groups differ, or make up the mean, to say how far others may.

        Two models that are nearly always wrong agree on nearly every item: that says that such items are rare, and
        not that there are none (docs/simulation.md, the settings at the floor).
        """
        too_few = self.effective is not None and self.effective < LEAST_EFFECTIVE
        return not self.stderr or too_few or self.differing < min(LEAST_DIFFERING, self.groups - 1)

    def interval(self, level: float = 0.95) -> tuple[float, float] | None:
        """Return the confidence interval of Student's t, None without a standard error and where it is sparse."""
        if self.stderr is None or self.df is None or self.sparse:
            return None
        from scipy.special import stdtrit

        half = float(stdtrit(self.df, (1 + level) / 2)) * self.stderr
        return self.value - half, self.value + half


def contrast(parts: Sequence[Part]) -> Contrast:
    """Return the weighted sum of the parts' means over items and seeds.

    With G groups, N items and S seeds, c[s, g] is what group g adds to the mean of seed s, less its share of the
    overall mean, and c[s, i] the same of an item (a share 1/N of its value; where groups count alike, 1/G divided
    by the items of its group). The variance is V_groups + V_seeds - V_rest, and no less than
    the larger of the first two:

        V_groups = G/(G-1) * sum over g of (mean over s of c[s, g])^2
        V_items  = N/(N-1) * sum over i of (mean over s of c[s, i])^2
        V_seeds  = sum over s of (sum over g of c[s, g])^2 / (S(S-1))
        V_rest   = G/(G-1) * sum over s, g of (what is left of c[s, g] without both)^2 / (S(S-1))

    V_items takes the place of V_groups where it is larger: items of a group are no more alike than independent
    ones. Parts with the same groups share them; seeds are shared by all parts, since one model answers them all.
    With one seed only V_groups is known: the contrast describes these models. Groups have as many degrees of
    freedom as there are effective ones, less one. Raises ValueError where the parts have no seed in common, or a
    part no item.
    """
    return contrast_of(read_tables(parts))


def contrast_of(tables: Sequence[Weighed]) -> Contrast:
    """Return the contrast of parts that are read: see `contrast`."""
    value = math.fsum(weight * table.mean for weight, table in tables)
    items = sum(len(table.items) for _, table in tables)
    seeds = len(tables[0][1].values)
    differing = min(table.differing for _, table in tables)
    blocks = join(tables)
    groups, effective = min(len(block.groups) for block in blocks), min(block.effective for block in blocks)
    if groups < 2:
        return Contrast(value, None, None, items, groups, seeds, differing, effective)
    of_groups, of_items, of_seeds, rest = variances_of(blocks, seeds)
    if math.fsum(of_items) > math.fsum(of_groups):
        of_groups = of_items
    variance = max(math.fsum(of_groups) + of_seeds - rest, math.fsum(of_groups), of_seeds)
    # Below two effective groups a contrast is sparse; its degrees of freedom only have to be some.
    dfs = [max(block.effective - 1, 1.0) for block in blocks]
    of_each_block = tuple(map(VarianceEstimate, of_groups, dfs))
    all_estimates = None
    beside = []
    if seeds > 1:
        beside = [VarianceEstimate(max(variance - math.fsum(of_groups), 0.0), seeds - 1)]
        of_rest = VarianceEstimate(rest, math.fsum(dfs) * (seeds - 1))
        all_estimates = VarianceEstimates(of_each_block, VarianceEstimate(of_seeds, seeds - 1), of_rest)
    df = matched_df([*of_each_block, *beside]) or min(dfs)
    return Contrast(value, math.sqrt(variance), df, items, groups, seeds, differing, effective, all_estimates)


def shared_items(values: SeedValues) -> set[str]:
    """Return the items that have a value for every seed, none where there is no seed."""
    return set.intersection(*map(set, values.values())) if values else set()


def on_common_seeds(parts: Sequence[Part]) -> list[Part]:
    """Return the parts on the seeds that all have and on which each has an item; empty where there are none."""
    seeds = set.intersection(*(set(part.values) for part in parts))
    kept = [_on_seeds(part, seeds) for part in parts]
    return kept if all(shared_items(part.values) for part in kept) else []


def matched_df(variances: Sequence[tuple[float, float]]) -> float | None:
    """Return the degrees of freedom of a sum of variances, each given with its own; None where all are zero.

    Those at which the square of Student's 97.5% quantile is the mean of the squares of the parts' quantiles,
    weighted by variance, so that half the 95% interval is sqrt(sum of (t_i * s_i)^2) (Howe 1974, JASA 69:789).
    Welch-Satterthwaite's are too many where few seeds make most of the variance: of studies simulated with three
    such seeds, their intervals hold the truth in 93%, these in 95%.
    """
    from scipy.special import stdtridf

    total = math.fsum(variance for variance, _ in variances)
    if not total:
        return None
    lowest, highest = min(df for v, df in variances if v), max(df for v, df in variances if v)
    if lowest == highest:
        return float(lowest)
    wanted = math.fsum(v * _quantile(df) ** 2 for v, df in variances if v) / total
    return min(max(float(stdtridf(TAIL, math.sqrt(wanted))), lowest), highest)


@lru_cache(maxsize=1024)
def _quantile(df: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, TAIL))


def forms_of(tables: Sequence[Weighed]) -> tuple[float, float, float, float, float] | None:
    """Return what a contrast's variance is the largest of: V_groups, V_seeds, V_groups + V_seeds - V_rest, V_items
    and V_items + V_seeds - V_rest.

    Each is a quadratic form of the weights. None where a part has a single group.
    """
    blocks = join(tables)
    if any(len(block.groups) < 2 for block in blocks):
        return None
    each_of_groups, each_of_items, of_seeds, rest = variances_of(blocks, len(tables[0][1].values))
    of_groups, of_items = math.fsum(each_of_groups), math.fsum(each_of_items)
    return of_groups, of_seeds, of_groups + of_seeds - rest, of_items, of_items + of_seeds - rest


def read_tables(parts: Sequence[Part]) -> list[Weighed]:
    """Return each part's weight and table, on the seeds that all have. Raises ValueError as `contrast` does."""
    seeds = sorted(set.intersection(*(set(part.values) for part in parts)))
    if not seeds or not all(part.values[seed] for part in parts for seed in seeds):
        raise ValueError("no seed has values of every part")
    return [(part.weight, _on_seeds(part, seeds).table) for part in parts]


def _on_seeds(part: Part, seeds: Collection[int]) -> Part:
    """Return the part on these seeds, of those that it has."""
    if len(seeds) == len(part.values):
        return part
    return replace(part, values={seed: part.values[seed] for seed in sorted(seeds)})
