"""Which fields of the training recipes differ between rows: a gap may come from the recipes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from medcot_bench.analysis.per_item import rows_of
from medcot_bench.results.conditions import RecipeDifference
from medcot_bench.results.folder import CellResult, Results

RATE = "lr"
"""What each method has its own of; it stands in the table of costs."""


def find_recipe_differences(results: Results) -> Iterator[RecipeDifference]:
    """Yield, for every training task, the recipe fields other than the learning rate that differ."""
    by_task: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for (adapter, task), cells in rows_of(results).items():
        request = _request_of(cells)
        if task and request:
            by_task[task][adapter] = request.get("recipe", {})
    for task, recipes in by_task.items():
        for name in dict.fromkeys(name for recipe in recipes.values() for name in recipe if name != RATE):
            values = {adapter: recipe.get(name) for adapter, recipe in recipes.items()}
            if any(value != next(iter(values.values())) for value in values.values()):
                yield RecipeDifference(task, name, values)


def _request_of(cells: Sequence[CellResult]) -> Mapping[str, Any] | None:
    """Return what the first trained cell of a row asked for, None where none is trained yet."""
    return next((cell.record.request for cell in cells if cell.record), None)
