"""Gaps under shift between models that do equally well on their own task: learnt less, or generalises better?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean

from medcot_bench.analysis.per_item import Key, base_of, paired_difference, references, rows_of
from medcot_bench.results.cells import FINAL, cluster
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.leaderboard import Matched
from medcot_bench.results.metrics import TRIED_BY
from medcot_bench.stats.contrasts import Part, contrast, on_common_seeds
from medcot_bench.stats.inference import difference, holm
from medcot_bench.stats.verdict import ALPHA

SCORE = TRIED_BY
"""What checkpoints are scored by: lower is better."""
Items = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Crossing:
    """A path where it comes down to a level: items on the training task and under shift, as interpolated."""

    same: Items
    shift: Items
    slope: float
    """How much worse the value under shift is, a unit that the one on the training task is worse."""


@dataclass(frozen=True, slots=True)
class Point:
    """A model on its way: its items on the training task and under shift."""

    same: Items
    shift: Items

    @property
    def level(self) -> float:
        """The mean on the training task."""
        return fmean(self.same.values())


Paths = tuple[Sequence[Point], Sequence[Point]]
"""Full fine-tuning's and an adapter's, from the untouched base to the end of training."""


@dataclass(frozen=True, slots=True)
class EqualLevel:
    """Gaps under shift at the end of training, and at one level on the training task."""

    seeds: int
    level: float
    further: float
    end: Part
    matched: Sequence[Part]
    """Items under shift at that level; and those of the training task, which say where a path is to be cut: zero
    in the mean, each as much as the slope of that path makes of it under shift."""


def matched_gaps(results: Results) -> tuple[Matched, ...]:
    """Return every adapter's gap under every shift at equal value on the training task.

    A seed's path goes from the untouched base over its checkpoints to the final model. The level of a seed is the
    worse of the two ends; on a path, items at a level between two points are interpolated linearly, at the first
    crossing. Where a path is cut rests on the items of the training task, so the interval holds their error too
    (delta method): a difference there counts for what the slope of the path makes of it under shift. Empty without
    checkpoints, base or full fine-tuning.

    Models at learning rates that were tried and not chosen are rows of their own, full fine-tuning among them,
    where they got less far than full: a gap between two rates of one method at equal value is none of methods.
    """
    rows = rows_of(results)
    if not any(cell.checkpoints for cells in rows.values() for cell in cells):
        return ()
    others = _at_other_rates(results)
    untouched = base_of(rows)
    base = rows[untouched][0] if untouched else None
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
    for cell in results.other_rates:
        if cell.record:
            rate = cell.record.request["recipe"]["lr"]
            rows.setdefault((f"{cell.cell.adapter} at lr {rate:g}", cell.cell.task), []).append(cell)
    return rows


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
            # Between the base and its end such a path knows nothing.
            if other in results.other_rates and both[1][-1].level < both[0][-1].level:
                continue
            paths[one.cell.seed] = both
            for known, scored in zip(groups, (task, shift), strict=True):
                known |= {s["id"]: cluster(scored, s["group"]) for s in results.samples(one, scored)}
        if found := at_equal_level(paths, *groups):
            yield Matched(
                task=task,
                adapter=adapter,
                shift=shift,
                seeds=found.seeds,
                level=found.level,
                further=found.further,
                plain=contrast([found.end]),
                gap=contrast(found.matched),
                explained=contrast([found.end, *(replace(part, weight=-1.0) for part in found.matched)]),
                reading="",
            )


def at_equal_level(
    paths: Mapping[int, Paths], same_groups: Mapping[str, str], shift_groups: Mapping[str, str]
) -> EqualLevel | None:
    """Return what the gap is made of at the level that both paths of a seed reach, None where no seed's do.

    `paths` are seed -> full's and the adapter's.
    """
    ends: tuple[dict[int, Items], dict[int, Items]] = ({}, {})
    crossed: tuple[dict[int, Items], dict[int, Items]] = ({}, {})
    of_level: dict[int, Items] = {}
    levels, further = [], []
    for seed, both in paths.items():
        level = max(path[-1].level for path in both)
        full, own = (at(path, level) for path in both)
        if full is None or own is None:
            continue
        levels.append(level)
        further.append(both[1][-1].level - both[0][-1].level)
        for side, path, found in zip((0, 1), both, (full, own), strict=True):
            ends[side][seed] = path[-1].shift
            crossed[side][seed] = found.shift
        slope = (full if further[-1] > 0 else own).slope  # of the path that is cut
        of_level[seed] = {i: slope * (full.same[i] - value) for i, value in own.same.items() if i in full.same}
    if not levels:
        return None
    parts = [Part(paired_difference(*sides, SCORE), shift_groups) for sides in (ends, crossed)]
    kept = on_common_seeds([*parts, Part(of_level, same_groups)])
    return EqualLevel(len(levels), fmean(levels), fmean(further), kept[0], kept[1:]) if kept else None


def _path(results: Results, base: CellResult, cell: CellResult, task: str, shift: str) -> list[Point]:
    """Return the points from the base to the final model, empty where a score or every checkpoint is missing.

    Models at other rates have no checkpoints.
    """
    names = sorted({name for name, _ in cell.checkpoints}, key=lambda name: int(name.split("/")[0]))
    if (not names and cell not in results.other_rates) or any(
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
    return [Point(*pair) for pair in zip(*kept, strict=True)]


def _items(results: Results, cell: CellResult, task: str, checkpoint: str) -> Items:
    samples = results.samples(cell, task, checkpoint)
    return {s["id"]: s["scores"][SCORE] for s in samples if SCORE in s["scores"]}


def at(path: Sequence[Point], level: float) -> Crossing | None:
    """Return the items where a path first comes down to a level, None where it never does."""
    for before, after in pairwise(path):
        high, low = before.level, after.level
        if high >= level >= low:
            weight = (high - level) / (high - low) if high > low else 1.0
            same, shift = (
                {i: (1 - weight) * value + weight * later[i] for i, value in earlier.items()}
                for earlier, later in ((before.same, after.same), (before.shift, after.shift))
            )
            fallen = fmean(before.shift.values()) - fmean(after.shift.values())
            return Crossing(same, shift, fallen / (high - low) if high > low else 0.0)
    return None


def _read(family: Sequence[Matched]) -> list[Matched]:
    """Say what the gaps mean together, their tests adjusted for all of them."""
    told = [
        [p is not None and p <= ALPHA for p in holm([difference(one) for one in column])]
        for column in zip(*((found.gap, found.plain, found.explained) for found in family), strict=True)
    ]
    readings = []
    for found, gap, plain, explained in zip(family, *told, strict=True):
        less = found.further > 0
        if found.seeds < 2:
            readings.append("descriptive: one seed")
        elif gap:
            readings.append(f"{'full' if found.gap.value > 0 else found.adapter} generalises better")
        elif plain and explained and (found.plain.value > 0) == (found.explained.value > 0) == less:
            readings.append(f"{found.adapter} learnt {'less' if less else 'more'}")
        else:
            readings.append("undetermined")
    return [replace(found, reading=text) for found, text in zip(family, readings, strict=True)]
