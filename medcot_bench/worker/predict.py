"""Answers one question with a cell's model: what is behind `medcot-bench predict`."""

from __future__ import annotations

from pathlib import Path

from medcot_bench.errors import OK
from medcot_bench.planning.build import make_plan
from medcot_bench.runner.events import Answered
from medcot_bench.runner.protocol import Predict
from medcot_bench.scoring.evaluate import few_shot_examples
from medcot_bench.scoring.generate_one import answer
from medcot_bench.trained.find import find
from medcot_bench.worker.io import Emit
from medcot_bench.worker.restore import restorer


def predict(work: Predict, emit: Emit) -> int:
    """Load the model and answer; return the exit status. Raises MedcotError."""
    trained = find(Path(work.root), work.cell, weights=not work.base)
    task = trained.task(work.task)
    restoring = restorer(trained, work.model, work.device)
    shots: list[tuple[str, str]] = []
    if trained.study.scoring.num_fewshot:
        plan = make_plan(trained.replanned(work.model))
        shots = few_shot_examples(task, restoring.encoder, plan.items.shots(task.label))
    text = answer(
        restoring.base_model() if work.base else restoring.tuned(),
        restoring.encoder,
        task,
        work.example,
        scoring=trained.study.scoring,
        max_positions=restoring.base.info.max_positions,
        shots=shots,
        compute_dtype=None if work.base else restoring.autocast,
    )
    emit(Answered(text=text))
    return OK
