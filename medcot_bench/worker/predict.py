"""Answers one question with a cell's model: what is behind `medcot-bench predict`."""

from __future__ import annotations

from pathlib import Path

from medcot_bench.errors import OK
from medcot_bench.planning.build import make_plan
from medcot_bench.runner.events import Answered, PhaseStarted
from medcot_bench.runner.protocol import Predict
from medcot_bench.scoring.evaluate import few_shot_examples
from medcot_bench.scoring.generate_one import answer
from medcot_bench.trained.find import find
from medcot_bench.worker.answering import answering
from medcot_bench.worker.heartbeat import Heartbeat
from medcot_bench.worker.io import Emit
from medcot_bench.worker.restore import restorer


def predict(work: Predict, emit: Emit) -> int:
    """Load the model and answer; return the exit status. Raises MedcotError."""
    with answering(emit) as heartbeat:
        text = _answer(work, emit, heartbeat)
    emit(Answered(text=text))
    return OK


def _answer(work: Predict, emit: Emit, heartbeat: Heartbeat) -> str:
    trained = find(Path(work.root), work.cell, weights=not work.base)
    task = trained.task(work.task)
    restoring = restorer(trained, work.model, work.device, heartbeat)
    shots: list[tuple[str, str]] = []
    if trained.study.scoring.num_fewshot:
        plan = make_plan(trained.replanned(work.model))
        shots = few_shot_examples(task, restoring.encoder, plan.items.shots(task.label))
    emit(PhaseStarted(cell=work.cell, phase="restore"))
    model = restoring.base_model() if work.base else restoring.tuned()
    emit(PhaseStarted(cell=work.cell, phase="answer"))
    return answer(
        model,
        restoring.encoder,
        task,
        work.example,
        scoring=trained.study.scoring,
        max_positions=restoring.base.info.max_positions,
        shots=shots,
        compute_dtype=None if work.base else restoring.autocast,
    )
