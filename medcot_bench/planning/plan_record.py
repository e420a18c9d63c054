"""The plan as the result folder keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from medcot_bench.data.general_text import text_digest
from medcot_bench.planning.grid import baseline_notes
from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import FINAL, Cell, Score
from medcot_bench.results.trials import Trial


def plan_json(plan: Plan, tries: Plan | None, trials: Sequence[Trial]) -> str:
    """Return the plan as the folder keeps it: which cells and scores make up this study's leaderboard.

    `tries` is the plan whose learning rates were tried before, with the `trials` that came of it.
    """
    own = {cell.id for cell in plan.cells}
    return json.dumps(
        {
            "schema": 1,
            "base": {"name": plan.base.name, "origin": plan.base.origin, "digest": plan.base.digest},
            "tasks": {
                label: {
                    "source": plan.data[label].source,
                    "domain": task.task.spec.domain,
                    "left_out": dict(plan.data[label].left_out),
                    "notes": list(plan.data[label].notes),
                    "items_of": plan.items_of(label),
                }
                for label, task in plan.tasks.items()
            }
            | {
                label: {"source": task.source, "domain": plan.domain(label), "left_out": {}, "items_of": None}
                for label, task in plan.harness.items()
            },
            "settings": [*_settings(plan), *baseline_notes(plan)],
            "num_fewshot": plan.study.scoring.num_fewshot,
            "baselines": list(plan.study.baselines),
            "general_text": text_digest(plan.general_text),
            "analysis": plan.study.analysis.model_dump(mode="json"),
            "trials": [asdict(trial) for trial in trials],
            "cells": [_cell_json(cell, plan.scores_of(cell)) for cell in plan.cells],
            "other_rates": [
                _cell_json(cell, scores)
                for cell in (tries.cells if tries else ())
                if tries and cell.id not in own
                if (scores := [score for score in tries.scores_of(cell) if not score.chooses])
            ],
        },
        indent=1,
        ensure_ascii=False,
    )


def _cell_json(cell: Cell, scores: Sequence[Score]) -> dict[str, Any]:
    plain = [score for score in scores if not score.baseline]
    return {
        "id": cell.id,
        "name": cell.name,
        "task": cell.task,
        "adapter": cell.adapter,
        "seed": cell.seed,
        "scores": {score.id: score.task for score in plain if score.checkpoint == FINAL},
        "checkpoints": {score.id: [score.checkpoint, score.task] for score in plain if score.checkpoint != FINAL},
        "baselines": {score.id: [score.baseline, score.task] for score in scores if score.baseline},
    }


def _settings(plan: Plan) -> Iterator[str]:
    """Say what the scores are made with, for the notes of the leaderboard."""
    study, scoring = plan.study, plan.study.scoring
    limit = f"at most {study.limit} items a task" if study.limit else "every item"
    limit += f", answers written for {scoring.generate_items} of them" if scoring.generate_items else ""
    yield f"scored on the '{scoring.split}' split, {limit}, {scoring.num_fewshot} solved examples before each"
    if scoring.split != "eval":
        yield f"'{scoring.split}' items are for looking at: this table says nothing about new items"
    if study.training.labels == "shuffled":
        yield "trained on shuffled answers: a control, not a method"
    prompts = "the model's chat template" if study.chat_template else "no chat template"
    yield f"prompts in training and scoring: {prompts}" + (", a system prompt" if study.system_prompt else "")
