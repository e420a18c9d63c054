"""Every score of every training run as a line of plain values: what frames and `leaderboard.csv` are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from medcot_bench.results.cell_result import CellResult
from medcot_bench.results.cells import FINAL
from medcot_bench.results.items import Items
from medcot_bench.results.metrics import higher_is_better, metric_name, stderr_key
from medcot_bench.results.records import EvaluationRecord
from medcot_bench.stats.contrasts import Part, contrast
from medcot_bench.stats.crossed import Weights

COLUMNS = (
    *("base_model", "method", "trained_on", "seed", "task", "source", "domain", "relation"),
    *("metric", "higher_is_better", "value", "stderr", "items", "groups"),
    *("lr", "steps", "trainable_parameters", "adapter_bytes", "peak_bytes", "train_seconds", "train_tokens"),
    *("kl", "general_nll", "forgetting", "run"),
)
"""The keys of a line, in their order."""


def score_lines(
    cells: Sequence[CellResult], general_text: str, items_of: Callable[[CellResult, str], Items], weights: Weights
) -> Iterator[dict[str, Any]]:
    """Yield a line for every training run, evaluation task and metric; None where something was not measured.

    `items_of` reads the items of an evaluation, `general_text` is the digest of the study's. Values and standard
    errors are as in the leaderboard, by one seed: over groups of items. Where a score is no mean over items, or a
    cell has no sample files, they are lm-eval's.
    """
    for cell in cells:
        run = _describe(cell, general_text)
        for task, score in cell.evaluations.items():
            items = items_of(cell, task) if (FINAL, task) in cell.keys else None
            keys = {name: key for key in score.results if (name := metric_name(key))}
            for name in dict.fromkeys([*keys, *(items.scores if items else ())]):
                if items and name in items.scores:
                    found = _mean(items, name, weights)
                else:
                    found = _as_recorded(score, keys[name], name)
                line = run | _place(task, score, name) | found
                yield {column: line.get(column) for column in COLUMNS}


def _describe(cell: CellResult, general_text: str) -> dict[str, Any]:
    """Return what all lines of a training run share."""
    line: dict[str, Any] = {"method": cell.row, "trained_on": cell.cell.task, "seed": cell.cell.seed}
    record = cell.record
    if record is None:
        return line
    train = record.phases["train"]
    line |= {
        "base_model": record.base["name"],
        "run": record.name,
        "trainable_parameters": record.trainable_parameters,
        "adapter_bytes": record.adapter_bytes,
        "peak_bytes": train.peak_bytes,
        "train_seconds": train.seconds,
        "train_tokens": train.tokens,
    }
    if record.task is not None:
        line |= {"lr": record.request.get("recipe", {}).get("lr"), "steps": record.training.steps}
    if record.divergence and not cell.baseline:
        line["kl"] = record.divergence.kl
    if (found := record.forgetting) and found.text == general_text and not cell.baseline:
        line |= {"general_nll": found.nll, "forgetting": found.nll - found.base}
    return line


def _place(task: str, score: EvaluationRecord, name: str) -> dict[str, Any]:
    return {
        "task": task,
        "source": score.source,
        "domain": score.domain,
        "relation": score.relation,
        "metric": name,
        "higher_is_better": higher_is_better(name) and name not in score.lower_is_better,
    }


def _mean(items: Items, name: str, weights: Weights) -> dict[str, Any]:
    found = contrast([Part({0: items.scores[name]}, items.groups, alike=weights)])
    return {"value": found.value, "stderr": found.stderr, "items": found.items, "groups": found.groups}


def _as_recorded(score: EvaluationRecord, key: str, name: str) -> dict[str, Any]:
    return {
        "value": score.results[key],
        "stderr": score.results.get(stderr_key(key)),
        "items": score.counts.get(f"n_{name}"),
    }
