"""How a study's learning rates came about: tried for each adapter and task, or as given."""

from __future__ import annotations

from collections.abc import Iterable

from medcot_bench.analysis.per_item import Key
from medcot_bench.results.trials import Trial


def rates_tried(rows: Iterable[Key], trials: Iterable[Trial]) -> dict[Key, int]:
    """Return trained row -> how many learning rates were tried for it, in the order given."""
    tried = {(trial.adapter, trial.task, trial.rate) for trial in trials}
    return {row: sum((adapter, task) == row for adapter, task, _ in tried) for row in rows if row[1]}


def about_rates(rows: Iterable[Key], trials: Iterable[Trial]) -> str:
    """Say how the rates came about, empty where nothing is trained.

    >>> about_rates([("none", None), ("full", "k8s_qa")], [])
    'untuned: learning rates are as given, and a gap may be one of recipes'
    """
    tried = rates_tried(rows, trials)
    untuned = dict.fromkeys(adapter for (adapter, _), count in tried.items() if not count)
    counts = sorted({count for count in tried.values() if count})
    if not counts:
        return "untuned: learning rates are as given, and a gap may be one of recipes" if tried else ""
    but = f", but for {', '.join(untuned)}, untuned" if untuned else ""
    of = " or ".join(map(str, counts))
    return f"learning rates were chosen for each adapter and task on validation items, of {of}{but}"
