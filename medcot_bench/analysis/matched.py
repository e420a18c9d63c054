"""Gaps out of domain at a matched in-domain score: is the adapter under-trained, or does it generalise worse?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from statistics import fmean

from medcot_bench.analysis.per_item import Key, base_of, groups_of, paired_difference, references, rows_of
from medcot_bench.results.cells import FINAL
from medcot_bench.results.comparisons import Matched, Reading
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.metrics import TRIED_BY
from medcot_bench.stats.contrasts import Part, contrast, on_common_seeds
from medcot_bench.stats.crossed import Weights, weigh
from medcot_bench.stats.p_values import difference, holm
from medcot_bench.stats.verdict import ALPHA, LEAST_SEEDS

SCORE = TRIED_BY
"""What checkpoints are scored by: lower is better."""
Items = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Crossing:
    """A path where it comes down to a level: items in domain and out of domain, as interpolated."""

    same: Items
    shift: Items
    slope: float
    """How much worse the score out of domain is, per unit that the one in domain is worse."""
    early: bool
    """Whether it lies between the first two points, on neither."""


@dataclass(frozen=True, slots=True)
class Point:
    """A model on its way: its items in domain and out of domain."""

    same: Items
    shift: Items
    counts: tuple[Items, Items]
    """What each of these counts in a mean; proportions matter."""

    @property
    def level(self) -> float:
        """The mean on the training task."""
        return _mean(self.same, self.counts[0])

    @property
    def shifted(self) -> float:
        """The mean out of domain."""
        return _mean(self.shift, self.counts[1])


def _mean(items: Items, counts: Items) -> float:
    return fmean(items.values(), [counts[item] for item in items])


Paths = tuple[Sequence[Point], Sequence[Point]]
"""Full fine-tuning's and an adapter's, from the base model to the end of training."""


@dataclass(frozen=True, slots=True)
class EqualLevel:
    """Gaps out of domain at the end of training, and at one in-domain score."""

    further: float
    end: Part
    levels: Mapping[int, float]
    """Of the seeds that are compared at one."""
    left_out: int
    """The other seeds, whose crossings are early."""
    matched: Sequence[Part]
    """Items out of domain at that level; and those in domain, which say where a path is to be cut: zero in the
    mean, each as much as the slope of that path makes of it out of domain. Empty without levels."""


def match_gaps(results: Results) -> tuple[Matched, ...]:
    """Return every adapter's gap out of domain, for every shift, at a matched in-domain score.

    A seed's path goes from the base model over its checkpoints to the final model. The level of a seed is the
    worse of the two ends; on a path, items at a level between two points are interpolated linearly, at the first
    crossing. Where a path is cut rests on the items in domain, so the interval holds their error too (delta
    method): a difference there counts for what the slope of the path makes of it out of domain. Empty without
    checkpoints, base model or full fine-tuning.

    A seed with a crossing between the base model and the first checkpoint is left out: most is learnt there, and
    not along a straight line; its chord would be taken for a better or worse generalisation.

    Models at learning rates that were tried and not chosen are rows of their own, full fine-tuning among them,
    where they got less far than full: a gap between two rates of one method is not one between methods.
    """
    rows = rows_of(results)
    if not any(cell.checkpoints for cells in rows.values() for cell in cells):
        return ()
    others = _at_other_rates(results)
    of_base = base_of(rows)
    base = rows[of_base][0] if of_base else None
    against = references(rows, others)
    rows |= others
    found: list[Matched] = []
    for at_others in (False, True):
        family = [
            matched
            for key, full in against.items()
            if base and key != full and (key in others) is at_others
            for matched in _under_shifts(results, str(key[1]), key[0], base, rows[full], rows[key])
        ]
        found += _read(family) if family else []
    return tuple(found)


def _at_other_rates(results: Results) -> dict[Key, list[CellResult]]:
    rows: dict[Key, list[CellResult]] = {}
    for cell in (*results.other_rates, *results.kept_rates):
        if cell.record:
            rate = cell.record.request["recipe"]["lr"]
            rows.setdefault((f"{cell.cell.adapter} at lr {rate:g}", cell.cell.task), []).append(cell)
    return rows


def _is_at_other_rate(results: Results, cell: CellResult) -> bool:
    return any(other is cell for other in (*results.other_rates, *results.kept_rates))


def _under_shifts(
    results: Results,
    task: str,
    adapter: str,
    base: CellResult,
    full: Sequence[CellResult],
    cells: Sequence[CellResult],
) -> Iterator[Matched]:
    shifts = [
        t for t in results.tasks if any(c.evaluations[t].relation == "shift" for c in full if t in c.evaluations)
    ]
    for shift in shifts:
        paths: dict[int, Paths] = {}
        groups: tuple[dict[str, str], dict[str, str]] = ({}, {})
        for one, other in ((a, b) for a in full for b in cells if a.cell.seed == b.cell.seed):
            both = (_path(results, base, one, task, shift), _path(results, base, other, task, shift))
            if not all(both) or one.cell.seed is None:
                continue
            # Between the base model and its end such a path knows nothing.
            if _is_at_other_rate(results, other) and both[1][-1].level < both[0][-1].level:
                continue
            paths[one.cell.seed] = both
            for known, scored in zip(groups, (task, shift), strict=True):
                known |= groups_of(results.items(one, scored).groups, scored)
        if found := at_equal_level(paths, *groups, results.analysis.weights):
            explained = [found.end, *(part.weighed(-1.0) for part in found.matched)]
            yield Matched(
                task=task,
                adapter=adapter,
                shift=shift,
                seeds=len(found.levels),
                left_out=found.left_out,
                level=fmean(found.levels.values()) if found.levels else None,
                further=found.further,
                gap_at_end=contrast([found.end]),
                gap_at_level=contrast(found.matched) if found.matched else None,
                explained=contrast(on_common_seeds(explained)) if found.matched else None,
                reading=Reading.INCONCLUSIVE,
            )


def at_equal_level(
    paths: Mapping[int, Paths],
    same_groups: Mapping[str, str],
    shift_groups: Mapping[str, str],
    alike: Weights = "items",
) -> EqualLevel | None:
    """Return what the gap is made of at the level that both paths of a seed reach, None where no seed's do.

    `paths` are seed -> full's and the adapter's.
    """
    ends: tuple[dict[int, Items], dict[int, Items]] = ({}, {})
    crossed: tuple[dict[int, Items], dict[int, Items]] = ({}, {})
    of_level: dict[int, Items] = {}
    levels, further = {}, {}
    for seed, both in paths.items():
        level = max(path[-1].level for path in both)
        full, own = (cut_at(path, level) for path in both)
        if full is None or own is None:
            continue
        further[seed] = both[1][-1].level - both[0][-1].level
        for side, path in zip(ends, both, strict=True):
            side[seed] = path[-1].shift
        if full.early or own.early:
            continue
        levels[seed] = level
        for side, found in zip(crossed, (full, own), strict=True):
            side[seed] = found.shift
        slope = (full if further[seed] > 0 else own).slope  # of the path that is cut
        of_level[seed] = {i: slope * (full.same[i] - value) for i, value in own.same.items() if i in full.same}
    if not further:
        return None
    end = on_common_seeds([Part(paired_difference(*ends, SCORE), shift_groups, alike=alike)])
    at_level = [
        Part(paired_difference(*crossed, SCORE), shift_groups, alike=alike),
        Part(of_level, same_groups, alike=alike),
    ]
    matched = on_common_seeds(at_level)
    if not end or (levels and not matched):
        return None
    return EqualLevel(fmean(further.values()), end[0], levels, len(further) - len(levels), matched)


def _path(results: Results, base: CellResult, cell: CellResult, task: str, shift: str) -> list[Point]:
    """Return the points from the base model to the final one, empty where a score or every checkpoint is missing.

    Models at other rates have no checkpoints.
    """
    names = sorted({name for name, _ in cell.checkpoints}, key=Fraction)
    if (not names and not _is_at_other_rate(results, cell)) or any(
        (name, t) not in cell.checkpoints for name in names for t in (task, shift)
    ):
        return []
    if any(t not in c.evaluations for c in (base, cell) for t in (task, shift)):
        return []
    steps = [(base, FINAL), *((cell, name) for name in names), (cell, FINAL)]
    sides = [[_items(results, c, t, name) for c, name in steps] for t in (task, shift)]
    shared = [set.intersection(*map(set, side)) for side in sides]
    if not all(shared):
        return []
    kept = [[{i: items[i] for i in on} for items in side] for side, on in zip(sides, shared, strict=True)]
    alike = results.analysis.weights
    counts = [
        _counts(results.items(cell, t).groups, on, alike) for t, on in zip((task, shift), shared, strict=True)
    ]
    return [Point(same, moved, (counts[0], counts[1])) for same, moved in zip(*kept, strict=True)]


def _counts(groups: Mapping[str, str], items: Iterable[str], alike: Weights) -> Items:
    order = sorted(items)
    return dict(zip(order, weigh([groups[item] for item in order], alike), strict=True))


def _items(results: Results, cell: CellResult, task: str, checkpoint: str) -> Items:
    return results.items(cell, task, checkpoint).scores.get(SCORE, {})


def cut_at(path: Sequence[Point], level: float) -> Crossing | None:
    """Return the items where a path first comes down to a level, None where it never does."""
    for place, (before, after) in enumerate(pairwise(path)):
        high, low = before.level, after.level
        if high >= level >= low:
            weight = (high - level) / (high - low) if high > low else 1.0
            same, shift = (
                {i: (1 - weight) * value + weight * later[i] for i, value in earlier.items()}
                for earlier, later in ((before.same, after.same), (before.shift, after.shift))
            )
            slope = (before.shifted - after.shifted) / (high - low) if high > low else 0.0
            return Crossing(same, shift, slope, early=place == 0 and high > level > low)
    return None


def _read(family: Sequence[Matched]) -> list[Matched]:
    """Read what the gaps mean together, their tests adjusted for all of them."""
    significant = [
        [p is not None and p <= ALPHA for p in holm([difference(one) if one else None for one in column])]
        for column in zip(
            *((found.gap_at_level, found.gap_at_end, found.explained) for found in family), strict=True
        )
    ]
    readings = []
    for found, at_level, at_end, explained in zip(family, *significant, strict=True):
        readings.append(_reading(found, at_level, at_end, explained))
    return [replace(found, reading=reading) for found, reading in zip(family, readings, strict=True)]


def _reading(found: Matched, at_level: bool, at_end: bool, explained: bool) -> Reading:
    """Read one line from its three tests."""
    if found.gap_at_level is None or found.explained is None:
        return Reading.EARLY
    if found.seeds < 2:
        return Reading.DESCRIPTIVE
    if found.seeds < LEAST_SEEDS:
        return Reading.INCONCLUSIVE
    if at_level:
        return Reading.FULL_GENERALISES if found.gap_at_level.value > 0 else Reading.ADAPTER_GENERALISES
    less = found.further > 0
    same_side = (found.gap_at_end.value > 0) == (found.explained.value > 0) == less
    if at_end and explained and same_side:
        return Reading.UNDER_TRAINED if less else Reading.FURTHER_TRAINED
    return Reading.INCONCLUSIVE
