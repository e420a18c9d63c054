"""How many learning rates were tried for each row."""

from __future__ import annotations

from collections.abc import Iterable

from medcot_bench.analysis.per_item import Key
from medcot_bench.results.trials import Trial


def count_rates_tried(rows: Iterable[Key], trials: Iterable[Trial]) -> dict[Key, int]:
    """Return trained row -> how many learning rates were tried for it, in the order given.

    >>> count_rates_tried([("none", None), ("full", "k8s_qa")], [])
    {('full', 'k8s_qa'): 0}
    """
    tried = {(trial.adapter, trial.task, trial.rate) for trial in trials}
    return {row: sum((adapter, task) == row for adapter, task, _ in tried) for row in rows if row[1]}
