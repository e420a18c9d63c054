"""How the recipes of the rows differ: a gap between two methods may be one between their recipes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from medcot_bench.analysis.per_item import rows_of
from medcot_bench.results.folder import CellResult, Results

RATE = "lr"
"""What each method has its own of; it stands in the table of costs."""


def request_of(cells: Sequence[CellResult]) -> Mapping[str, Any] | None:
    """Return what the first trained cell of a row asked for, None where none is trained yet."""
    return next((cell.record.request for cell in cells if cell.record), None)


def recipe_notes(results: Results) -> Iterator[str]:
    """Yield, for every training task, which fields beside the learning rate differ between trained adapters."""
    by_task: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for (adapter, task), cells in rows_of(results).items():
        request = request_of(cells)
        if task and request:
            by_task[task][adapter] = request.get("recipe", {})
    for task, recipes in by_task.items():
        names = dict.fromkeys(name for recipe in recipes.values() for name in recipe if name != RATE)
        told = [text for name in names if (text := _differences(name, recipes))]
        if told:
            fields = "; ".join(told)
            yield f"{task}: recipes differ beside the learning rate ({fields}): a gap may be one of recipes"


def _differences(name: str, recipes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the values of a field with who has them, empty where all have the same.

    >>> _differences("epochs", {"full": {"epochs": 1.0}, "lora": {"epochs": 3.0}, "qlora": {"epochs": 1.0}})
    'epochs 1 by full, qlora, 3 by lora'
    """
    adapters: defaultdict[str, list[str]] = defaultdict(list)
    for adapter, recipe in recipes.items():
        adapters[_written(recipe.get(name))].append(adapter)
    if len(adapters) < 2:
        return ""
    return f"{name} " + ", ".join(f"{value} by {', '.join(who)}" for value, who in adapters.items())


def _written(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
