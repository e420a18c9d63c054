"""The records as lm-eval's results files, one for each model and prompt: what its own table maker and others read.

Samples are not among them: the records keep a model's answers and likelihoods, not lm-eval's requests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.report.format import one_line
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.metrics import higher_is_better, metric_name
from medcot_bench.results.records import CellRecord, EvaluationRecord
from medcot_bench.study.baselines import shots_of
from medcot_bench.study.spec_strings import Spec


class LmEval:
    """The exporter plugin."""

    folder = "lm_eval"

    def files(self, results: Results) -> dict[str, str]:
        """Return a file for every row and seed with a score, named as lm-eval's `--output_path` names them."""
        return {
            f"{_model(cell)}/results_{_file_time(cell.record)}.json": _written(results, cell, cell.record)
            for cell in results.cells
            if cell.record and cell.evaluations
        }


@dataclass(frozen=True, slots=True)
class _Part:
    """What the file says of one evaluation."""

    score: EvaluationRecord
    version: int | str | None
    shots: int | None
    """None where it isn't known, or is not the same everywhere in a group."""
    samples: dict[str, int]
    better: dict[str, bool]
    """Metric -> whether higher is better."""
    config: dict[str, Any] = field(default_factory=dict)
    """Further fields of the task's configuration."""


def _written(results: Results, cell: CellResult, record: CellRecord) -> str:
    parts = {
        _name(score): _of_lm_eval(score) if score.subtasks else _of_ours(results, cell, score)
        for score in cell.evaluations.values()
    }
    scores = {name: part.score for name, part in parts.items()}
    where = next(iter(scores.values())).provenance
    prompts = [score.request.get("prompt", {}) for score in scores.values()]
    content = {
        "results": {
            name: {"name": name, "alias": name, "sample_len": score.counts["items"], **score.results}
            for name, score in scores.items()
        },
        "group_subtasks": {},
        "configs": {name: _config(name, part) for name, part in parts.items()},
        "versions": {name: part.version for name, part in parts.items()},
        "n-shot": {name: part.shots for name, part in parts.items() if part.shots is not None},
        "higher_is_better": {name: part.better for name, part in parts.items()},
        "n-samples": {name: part.samples for name, part in parts.items()},
        "config": {
            "model": "hf",
            "model_args": {"pretrained": one_line(record.base["name"]), "dtype": where.dtype},
            "model_num_parameters": record.total_parameters,
            "device": where.device,
            "batch_sizes": [],
        },
        "date": min(datetime.fromisoformat(score.provenance.started).timestamp() for score in scores.values()),
        "transformers_version": where.packages.get("transformers"),
        "lm_eval_version": where.packages.get("lm_eval"),
        "model_source": "hf",
        "model_name": _model(cell),
        "model_name_sanitized": _model(cell),
        "system_instruction": prompts[0].get("system_prompt") or None,
        "total_evaluation_time_seconds": str(sum(score.phase.seconds for score in scores.values())),
        "medcot_bench": {
            "version": where.medcot_bench,
            "cell": record.cell_id,
            "base": dict(record.base),
            "adapter": cell.cell.adapter,
            "baseline": cell.baseline or None,
            "trained_on": f"{record.task}[{record.source}]" if record.task else None,
            "seed": record.seed,
            "engine": where.engine,
            "relations": {name: score.relation for name, score in scores.items()},
            "marks": {name: list(score.marks) for name, score in scores.items()},
            "subtasks": {name: dict(score.subtasks) for name, score in scores.items() if score.subtasks},
        },
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _model(cell: CellResult) -> str:
    """Return the cell's name, with the prompt where that is not the study's."""
    return f"{cell.cell.name}__{Spec(cell.baseline, {}).slug}" if cell.baseline else cell.cell.name


def _name(score: EvaluationRecord) -> str:
    """Return the task with its source: no program takes it for the public task of a like name."""
    return one_line(f"{score.task}[{score.source}]")


def _of_ours(results: Results, cell: CellResult, score: EvaluationRecord) -> _Part:
    """Return the part of a task that the core scores: generated answers, means over items."""
    made = results.plan.made_with
    if made is None:
        shots = None if score.request.get("shots") else 0
    else:
        shots = shots_of(cell.baseline, made.num_fewshot)
    items = score.counts["items"]
    generation = {"do_sample": False, "max_gen_toks": score.request.get("max_new_tokens")}
    return _Part(
        score,
        version=score.request.get("task", {}).get("version"),
        shots=shots,
        samples={"original": items + score.counts["dropped"], "effective": items},
        better={metric: higher_is_better(metric) for metric, _ in _metrics(score)},
        config={"output_type": "generate_until", "generation_kwargs": generation},
    )


def _of_lm_eval(score: EvaluationRecord) -> _Part:
    """Return the part of a task of lm-eval, as far as the record tells it: not how it asks, nor how it sums up."""
    versions = {task["version"] for task in score.subtasks.values()}
    shots = {task["num_fewshot"] for task in score.subtasks.values()}
    items = score.counts["items"]
    limited = score.request.get("items", {}).get("limit") is not None
    worse = {metric for metric, name in _metrics(score) if name in score.lower_is_better}
    return _Part(
        score,
        version=versions.pop() if len(versions) == 1 else None,
        shots=shots.pop() if len(shots) == 1 else None,
        samples={"effective": items} if limited else {"original": items, "effective": items},
        better={metric: metric not in worse for metric, _ in _metrics(score)},
    )


def _metrics(score: EvaluationRecord) -> Iterator[tuple[str, str]]:
    """Yield metric and name of every score: with several filters a metric comes several times."""
    for key in score.results:
        if name := metric_name(key):
            yield key.partition(",")[0], name


def _config(name: str, part: _Part) -> dict[str, Any]:
    ours = {} if part.score.subtasks else {"aggregation": "mean"}
    return {
        "task": name,
        "num_fewshot": part.shots,
        **part.config,
        "metric_list": [
            {"metric": metric, **ours, "higher_is_better": better} for metric, better in part.better.items()
        ],
        "metadata": {"version": part.version},
    }


def _file_time(record: CellRecord) -> str:
    """Return when the training began, as file names have it: the same at every export."""
    return datetime.fromisoformat(record.provenance.started).strftime("%Y-%m-%dT%H-%M-%S")


@hookimpl
def medcot_make_exporter(name: str) -> LmEval:
    """Build the exporter."""
    return LmEval()
