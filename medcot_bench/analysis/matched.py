"""Gaps under shift between models that do equally well on their own task: learnt less, or generalises better?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from statistics import fmean

from medcot_bench.analysis.contrasts import Contrast, Part, contrast, on_common_seeds
from medcot_bench.analysis.inference import difference, holm
from medcot_bench.analysis.values import Key, ahead, base_of, references, rows_of
from medcot_bench.analysis.verdict import ALPHA
from medcot_bench.plan import FINAL, TRIED_BY
from medcot_bench.results import CellResult, Results

SCORE = TRIED_BY
"""What checkpoints are scored by: lower is better."""
Items = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Matched:
    """Full fine-tuning and an adapter under one shift, at one level on their training task."""

    task: str
    adapter: str
    shift: str
    seeds: int
    """Those in which both reach one level; all, where all do."""
    level: float
    """The value on the training task at which both are looked at: that of the one that got less far."""
    further: float
    """How much further full got on the training task."""
    plain: Contrast
    """How much better full is under shift at the end of training."""
    gap: Contrast
    """How much better full is under shift at that level."""
    explained: Contrast
    """The first less the second: what having learnt more or less makes of the gap."""
    reading: str


@dataclass(frozen=True, slots=True)
class Point:
    """A model on its way: its items on the training task and under shift."""

    same: Items
    shift: Items

    @property
    def level(self) -> float:
        """The mean on the training task."""
        return fmean(self.same.values())


def matched_gaps(results: Results) -> tuple[Matched, ...]:
    """Return every adapter's gap under every shift at equal value on the training task.

    A seed's path goes from the untouched base over its checkpoints to the final model. The level of a seed is the
    worse of the two ends; on a path, items at a level between two points are interpolated linearly, at the first
    crossing. The interval takes levels and weights as given. Empty without checkpoints, base or full fine-tuning.

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
    for reference, at_others in product(dict.fromkeys(against.values()), (False, True)) if base else ():
        family = [
            matched
            for key, full in against.items()
            if base and full == reference and key != full and (key in others) is at_others
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
    shifts = [t for t in results.tasks if any(c.scores[t].relation == "shift" for c in full if t in c.scores)]
    for shift in shifts:
        at_level: tuple[dict[int, Items], dict[int, Items]] = ({}, {})
        at_end: tuple[dict[int, Items], dict[int, Items]] = ({}, {})
        levels: list[float] = []
        further: list[float] = []
        groups: dict[str, str] = {}
        for one, other in ((a, b) for a in full for b in cells if a.cell.seed == b.cell.seed):
            paths = [_path(results, base, cell, task, shift) for cell in (one, other)]
            if not all(paths) or one.cell.seed is None:
                continue
            # Between the base and its end such a path knows nothing.
            if other in results.other_rates and paths[1][-1].level < paths[0][-1].level:
                continue
            seed, level = one.cell.seed, max(path[-1].level for path in paths)
            crossed = [at(path, level) for path in paths]
            if crossed[0] is None or crossed[1] is None:
                continue
            levels.append(level)
            further.append(paths[1][-1].level - paths[0][-1].level)
            for side in (0, 1):
                at_level[side][seed] = crossed[side] or {}
                at_end[side][seed] = paths[side][-1].shift
            groups |= {s["id"]: s["group"] for s in results.samples(one, shift)}
        if not levels:
            continue
        ends = on_common_seeds([Part(ahead(*sides, SCORE), groups) for sides in (at_end, at_level)])
        if not ends:
            continue
        end, matched = ends
        yield Matched(
            task=task,
            adapter=adapter,
            shift=shift,
            seeds=len(levels),
            level=fmean(levels),
            further=fmean(further),
            plain=contrast([end]),
            gap=contrast([matched]),
            explained=contrast([end, replace(matched, weight=-1.0)]),
            reading="",
        )


def _path(results: Results, base: CellResult, cell: CellResult, task: str, shift: str) -> list[Point]:
    """Return the points from the base to the final model, empty where a score or every checkpoint is missing.

    Models at other rates have no checkpoints.
    """
    names = sorted({name for name, _ in cell.checkpoints}, key=lambda name: int(name.split("/")[0]))
    if (not names and cell not in results.other_rates) or any(
        (name, t) not in cell.checkpoints for name in names for t in (task, shift)
    ):
        return []
    if any(t not in c.scores for c in (base, cell) for t in (task, shift)):
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


def at(path: Sequence[Point], level: float) -> Items | None:
    """Return the items under shift where a path first comes down to a level, None where it never does."""
    for before, after in pairwise(path):
        high, low = before.level, after.level
        if high >= level >= low:
            weight = (high - level) / (high - low) if high > low else 1.0
            return {i: (1 - weight) * value + weight * after.shift[i] for i, value in before.shift.items()}
    return None


def _read(family: Sequence[Matched]) -> list[Matched]:
    """Say what the gaps mean together, their tests adjusted for the adapters and shifts of one training task."""
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
