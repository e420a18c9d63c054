"""What the records of lm-eval's tasks hold beside per-item values."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from math import sqrt
from statistics import fmean, variance

from medcot_bench.results.folder import Results
from medcot_bench.results.metrics import metric_name, stderr_key
from medcot_bench.results.records import EvaluationRecord
from medcot_bench.stats.contrasts import Contrast


def read_first_scores(results: Results) -> dict[str, str]:
    """Return task of lm-eval -> the first score of its table."""
    found: dict[str, str] = {}
    for task, score in _scores(results):
        names = (name for key in score.results if (name := metric_name(key)))
        if task not in found and (first := next(names, None)):
            found[task] = first
    return found


def read_lower_scores(results: Results) -> dict[str, tuple[str, ...]]:
    """Return task of lm-eval -> its scores of which less is better, where it has some."""
    found: dict[str, dict[str, None]] = {}
    for task, score in _scores(results):
        found.setdefault(task, {}).update(dict.fromkeys(score.lower_is_better))
    return {task: tuple(names) for task, names in found.items() if names}


def read_names_in_files(results: Results) -> dict[str, str]:
    """Return task of lm-eval -> what it is called in the user's file that it comes from, where it does."""
    asked = {task: score.request.get("task", {}) for task, score in _scores(results)}
    return {task: str(one["name"]) for task, one in asked.items() if one.get("files")}


def average_whole_scores(scored: Sequence[EvaluationRecord], per_item: Container[str]) -> dict[str, Contrast]:
    """Return lm-eval's scores that are not means over items: the mean of seeds, with lm-eval's standard error.

    Its variance is that of items, which all seeds share, plus that of the mean over seeds. It has no interval.
    """
    found = {}
    for key in scored[0].results if scored[0].subtasks else ():
        name = metric_name(key)
        values = [score.results[key] for score in scored if key in score.results]
        if name is None or name in per_item or len(values) < len(scored):
            continue
        errors = [score.results[stderr_key(key)] for score in scored if stderr_key(key) in score.results]
        stderr = None
        if len(errors) == len(values):
            between = variance(values) / len(values) if len(values) > 1 else 0.0
            stderr = sqrt(fmean(error**2 for error in errors) + between)
        found[name] = Contrast(fmean(values), stderr, None, scored[0].counts["items"], 0, len(values), 0)
    return found


def _scores(results: Results) -> Iterator[tuple[str, EvaluationRecord]]:
    for cell in results.cells:
        for task, score in cell.evaluations.items():
            if score.subtasks:
                yield task, score
