"""Results -> per-item values, the input of every estimate; and which adapter is the reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medcot_bench.results import CellResult, Results

Values = dict[str, dict[int, dict[str, float]]]
"""Score -> seed -> item -> value."""


def values_of(results: Results, cells: Iterable[CellResult], task: str) -> tuple[Values, dict[str, str]]:
    """Return the values of cells of one adapter and training task on an evaluation task, and item -> group."""
    values: Values = {}
    groups: dict[str, str] = {}
    for cell in cells:
        if task not in cell.scores:
            continue
        for sample in results.samples(cell, task):
            groups[sample["id"]] = sample["group"]
            for name, value in sample["scores"].items():
                values.setdefault(name, {}).setdefault(cell.cell.seed or 0, {})[sample["id"]] = value
    return values, groups


def trains_everything(cells: Sequence[CellResult]) -> bool:
    """Whether these cells train every weight: the reference that gaps are measured against."""
    record = next((cell.record for cell in cells if cell.record), None)
    if record is None:
        return False
    adapter = record.request["adapter"]
    selector = adapter.get("selector", {})
    return bool(adapter["name"] == "full" and (selector["name"], selector["targets"]) == ("all", "all"))
