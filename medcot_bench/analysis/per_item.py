"""Results -> per-item values, the input of every estimate; and which adapter is the reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence

from medcot_bench.results.cells import cluster
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.metrics import higher_is_better
from medcot_bench.stats.contrasts import SeedValues

Key = tuple[str, str | None]
"""Adapter and training task: a row."""
Values = dict[str, dict[int, Mapping[str, float]]]
"""Score -> seed -> item -> value."""


def rows_of(results: Results) -> dict[Key, list[CellResult]]:
    """Return (adapter, training task) -> the cells of its seeds, in the order of the plan.

    A prompting baseline is a row of its own, e.g. `none (few_shot=5)`.
    """
    rows: defaultdict[Key, list[CellResult]] = defaultdict(list)
    for cell in results.cells:
        rows[cell.row, cell.cell.task].append(cell)
    return dict(rows)


def base_of(rows: Mapping[Key, Sequence[CellResult]]) -> Key | None:
    """Return the row of the base model, None where there is none; external adapters are other rows."""
    untrained = (key for key, cells in rows.items() if key[1] is None and _is_base(cells))
    return next(untrained, None)


def _is_base(cells: Sequence[CellResult]) -> bool:
    return any(cell.record is not None and not cell.baseline for cell in cells) and not is_external(cells)


def is_external(cells: Iterable[CellResult]) -> bool:
    """Whether cells are those of an adapter from outside the study (an external adapter)."""
    return any(cell.record is not None and "weights" in cell.record.request["adapter"] for cell in cells)


def values_of(results: Results, cells: Iterable[CellResult], task: str) -> tuple[Values, dict[str, str]]:
    """Return the values of cells of one adapter and training task on an evaluation task, and item -> group."""
    values: Values = {}
    groups: dict[str, str] = {}
    for cell in cells:
        if task not in cell.evaluations:
            continue
        items = results.items(cell, task)
        groups |= items.groups
        for name, by_item in items.scores.items():
            values.setdefault(name, {})[cell.cell.seed or 0] = by_item
    return values, groups_of(groups, task)


def groups_of(groups: Mapping[str, str], task: str) -> dict[str, str]:
    """Return item -> group, the groups of a task unlike those of other tasks."""
    clusters = {group: cluster(task, group) for group in set(groups.values())}
    return {item: clusters[group] for item, group in groups.items()}


def paired_difference(
    full: SeedValues, own: SeedValues, score: str, lower: Container[str] = ()
) -> dict[int, dict[str, float]]:
    """Return seed -> item -> how much better `full` is than `own`, for the seeds and items of both.

    `lower` are scores, beside the core's own, of which less is better.
    """
    sign = 1.0 if higher_is_better(score) and score not in lower else -1.0
    paired = {
        seed: {item: sign * (full[seed][item] - value) for item, value in row.items() if item in full[seed]}
        for seed, row in own.items()
        if seed in full
    }
    return {seed: row for seed, row in paired.items() if row}


def references(
    rows: Mapping[Key, Sequence[CellResult]], others: Mapping[Key, Sequence[CellResult]] | None = None
) -> dict[Key, Key]:
    """Return row -> the full fine-tuning that its gap is measured against, itself among them.

    The first of `rows` that trains every weight on the same items of the same task; rows without one, or that are
    not trained yet, have none. `others` have references and are none.
    """
    full: dict[tuple[str, str], Key] = {}
    for key, cells in rows.items():
        if key[1] and trains_everything(cells):
            full.setdefault((key[1], _items(cells)), key)
    asking = {**rows, **(others or {})}
    found = {key: full.get((key[1], _items(cells))) for key, cells in asking.items() if key[1]}
    return {key: reference for key, reference in found.items() if reference}


def _items(cells: Sequence[CellResult]) -> str:
    return next((str(cell.record.request.get("train")) for cell in cells if cell.record), "none")


def trains_everything(cells: Sequence[CellResult]) -> bool:
    """Whether these cells train all weights of all layers: the reference that gaps are measured against."""
    record = next((cell.record for cell in cells if cell.record), None)
    return record is not None and record.updates_all
