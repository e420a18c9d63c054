"""Ranks with ties: what can't be told from the best shares its rank."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from statistics import fmean

from medcot_bench.analysis.contrasts import Part, SeedValues, contrast
from medcot_bench.analysis.inference import difference, holm
from medcot_bench.analysis.values import ahead
from medcot_bench.analysis.verdict import ALPHA


@dataclass(frozen=True, slots=True)
class Rank:
    """A place from 1 on, and whether others share it."""

    place: int
    shared: bool
    score: str
    """What it is a rank by."""

    def __str__(self) -> str:
        return f"{self.place}=" if self.shared else str(self.place)


def ranked(
    values: Mapping[str, SeedValues], groups: Mapping[str, str], score: str, lower: Container[str] = ()
) -> dict[str, Rank]:
    """Return name -> rank by one score, over the seeds and items that all have; `lower` is as in `ahead`.

    The best mean leads; whatever is not told from it (paired by item and seed, 5 %, Holm over those compared)
    shares its rank. The best of the rest leads the next rank, whose place counts all before it. Empty where there
    is no seed or item that all have.
    """
    common = _common(values)
    if not common:
        return {}
    better = sorted(common, key=lambda name: -_mean(common[name], score, lower))
    found: dict[str, Rank] = {}
    while better:
        leader, *others = better
        gaps = [contrast([Part(ahead(common[leader], common[other], score, lower), groups)]) for other in others]
        adjusted = holm([difference(gap) for gap in gaps])
        tied = [leader, *(other for other, p in zip(others, adjusted, strict=True) if p is None or p > ALPHA)]
        place = len(found) + 1
        found |= {name: Rank(place, len(tied) > 1, score) for name in tied}
        better = [name for name in better if name not in found]
    return found


def _mean(values: SeedValues, score: str, lower: Container[str]) -> float:
    zero = {seed: dict.fromkeys(row, 0.0) for seed, row in values.items()}
    return fmean(value for row in ahead(values, zero, score, lower).values() for value in row.values())


def _common(values: Mapping[str, SeedValues]) -> dict[str, SeedValues]:
    """Restrict every row to the seeds and items of all."""
    if not values:
        return {}
    seeds = set.intersection(*(set(row) for row in values.values()))
    items = (set(row[seed]) for row in values.values() for seed in seeds)
    shared = set.intersection(*items) if seeds else set()
    if not shared:
        return {}
    return {
        name: {seed: {item: row[seed][item] for item in sorted(shared)} for seed in sorted(seeds)}
        for name, row in values.items()
    }
