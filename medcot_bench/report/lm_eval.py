"""The records as lm-eval's results files, one for each trained model: what its own table maker and others read.

Samples are not among them: the records keep a model's texts and likelihoods, not lm-eval's requests.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from medcot_bench import hookimpl
from medcot_bench.records import CellRecord, ScoreRecord
from medcot_bench.report.text import one_line
from medcot_bench.results import CellResult, Results
from medcot_bench.scores import higher_is_better


class LmEval:
    """The exporter plugin."""

    folder = "lm_eval"

    def files(self, results: Results) -> dict[str, str]:
        """Return a file for every model with a score, named as lm-eval's `--output_path` names them."""
        return {
            f"{cell.cell.name}/results_{_file_time(cell.record)}.json": _written(results, cell, cell.record)
            for cell in results.cells
            if cell.record and cell.scores
        }


def _written(results: Results, cell: CellResult, record: CellRecord) -> str:
    scores = {_name(score): score for score in cell.scores.values()}
    where = next(iter(scores.values())).provenance
    prompts = [score.request.get("prompt", {}) for score in scores.values()]
    shots = {name: _shots(results, score) for name, score in scores.items()}
    content = {
        "results": {
            name: {"name": name, "alias": name, "sample_len": score.counts["items"], **score.results}
            for name, score in scores.items()
        },
        "group_subtasks": {},
        "configs": {name: _config(name, score, shots[name]) for name, score in scores.items()},
        "versions": {name: _version(score) for name, score in scores.items()},
        "n-shot": {name: count for name, count in shots.items() if count is not None},
        "higher_is_better": {
            name: {metric: higher_is_better(metric) for metric in _metrics(score)}
            for name, score in scores.items()
        },
        "n-samples": {
            name: {
                "original": score.counts["items"] + score.counts["dropped"],
                "effective": score.counts["items"],
            }
            for name, score in scores.items()
        },
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
        "model_name": cell.cell.name,
        "model_name_sanitized": cell.cell.name,
        "system_instruction": prompts[0].get("system_prompt") or None,
        "total_evaluation_time_seconds": str(sum(score.phase.seconds for score in scores.values())),
        "medcot_bench": {
            "version": where.medcot_bench,
            "cell": record.cell_id,
            "base": dict(record.base),
            "adapter": cell.cell.adapter,
            "trained_on": f"{record.task}[{record.source}]" if record.task else None,
            "seed": record.seed,
            "engine": where.engine,
            "relations": {name: score.relation for name, score in scores.items()},
            "marks": {name: list(score.marks) for name, score in scores.items()},
        },
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _name(score: ScoreRecord) -> str:
    """Return the task with its source: no program takes it for the public task of a like name."""
    return one_line(f"{score.task}[{score.source}]")


def _version(score: ScoreRecord) -> int | None:
    version: int | None = score.request.get("task", {}).get("version")
    return version


def _shots(results: Results, score: ScoreRecord) -> int | None:
    return results.num_fewshot if score.request.get("shots") else 0


def _metrics(score: ScoreRecord) -> list[str]:
    names = (key.partition(",")[0] for key in score.results)
    return [name for name in names if not name.endswith("_stderr")]


def _config(name: str, score: ScoreRecord, shots: int | None) -> dict[str, Any]:
    metrics = [
        {"metric": metric, "aggregation": "mean", "higher_is_better": higher_is_better(metric)}
        for metric in _metrics(score)
    ]
    return {
        "task": name,
        "output_type": "generate_until",
        "num_fewshot": shots,
        "generation_kwargs": {"do_sample": False, "max_gen_toks": score.request.get("max_new_tokens")},
        "metric_list": metrics,
        "metadata": {"version": _version(score)},
    }


def _file_time(record: CellRecord) -> str:
    """Return when the training began, as file names have it: the same at every export."""
    return datetime.fromisoformat(record.provenance.started).strftime("%Y-%m-%dT%H-%M-%S")


@hookimpl
def medcot_make_exporter(name: str) -> LmEval:
    """Build the exporter."""
    return LmEval()
