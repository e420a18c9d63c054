"""Writes adapter and base as one model, and scores both on a few items: what is behind `medcot-bench merge`.

An adapter on a base in 4 bits is merged into that base's weights written out, not into the original ones: it
was trained against the rounded weights and makes up for some of their rounding, an error that the original ones
don't have. Nor are the sums rounded to 4 bits again, as PEFT's merge of such a layer does: a small update would be
lost in that. So the merged model is the trained one, in the type that it was computed in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from medcot_bench.errors import OK, ConfigError, MedcotError
from medcot_bench.models.load import load_model
from medcot_bench.models.meter import release_memory
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.results.metrics import TRIED_BY
from medcot_bench.runner.events import MergeCheck, Merged, PhaseStarted
from medcot_bench.runner.protocol import Merge
from medcot_bench.scoring.evaluate import evaluate_task
from medcot_bench.security.foreign_text import LINE, shorten
from medcot_bench.trained.find import Trained, find
from medcot_bench.worker.answering import answering
from medcot_bench.worker.heartbeat import Heartbeat
from medcot_bench.worker.io import Emit
from medcot_bench.worker.provenance import dtype_name
from medcot_bench.worker.restore import Restorer, restorer

ITEMS = 16
"""Evaluation items that the model is scored on before and after."""


def merge(work: Merge, emit: Emit) -> int:
    """Write the merged model into its folder; return the exit status. Raises MedcotError."""
    with answering(emit) as heartbeat:
        done = _merge(work, emit, heartbeat)
    emit(done)
    return OK


def _merge(work: Merge, emit: Emit, heartbeat: Heartbeat) -> Merged:
    trained, folder = find(Path(work.root), work.cell), Path(work.folder)
    restoring = restorer(trained, work.model, work.device, heartbeat)
    emit(PhaseStarted(cell=work.cell, phase="restore"))
    model = restoring.tuned()
    task = trained.cell.task or next(iter(trained.labels), None)
    emit(PhaseStarted(cell=work.cell, phase="score", task=task))  # planning calls hooks
    check = _Check(task, trained, restoring, work.model)
    before = check.score(model)
    emit(PhaseStarted(cell=work.cell, phase="merge"))
    if trained.adapter.adapter.spec.quantisation != "none":
        del model
        model = restoring.tuned(dequantised=True)
    merged = _merged(trained, model.float()).to(restoring.dtype)
    merged.save_pretrained(folder, safe_serialization=True)
    restoring.encoder.tokenizer.save_pretrained(folder)
    del model, merged
    release_memory()
    found: MergeCheck | None = None
    if before is not None:
        saved = load_model(folder, quantisation="none", dtype=restoring.dtype, device=restoring.device)
        emit(PhaseStarted(cell=work.cell, phase="score", task=task))
        found = check.compare(before, saved)
    return Merged(dtype=dtype_name(restoring.dtype), check=found, unchecked=check.problem)


def _merged(trained: Trained, model: Any) -> Any:
    """Return the model without its adapter's modules, their effect in its weights."""
    label = trained.adapter.label
    if not hasattr(model, "merge_and_unload"):
        raise ConfigError(
            f"adapter {label} has nothing that merges it (merge_and_unload of PEFT); use it unmerged"
        )
    try:
        return model.merge_and_unload(safe_merge=True)
    except (NotImplementedError, ValueError) as error:
        raise ConfigError(f"adapter {label} can't be merged: {error}") from error


class _Check:
    """Scores models by likelihood on the first evaluation items of the training task, as its study does."""

    def __init__(self, task: str | None, trained: Trained, restoring: Restorer, model: str | None):
        self.task = task
        self.items = 0
        self.problem: str | None = None
        """Why nothing can be scored, e.g. for want of the data."""
        self._restoring = restoring
        self._plan: Plan | None = None
        if self.task is None:
            self.problem = "the study has tasks of lm-eval alone"
            return
        try:
            self._plan = make_plan(trained.replanned(model, limit=ITEMS, scores=(TRIED_BY,)))
        except MedcotError as error:
            self.problem = shorten(str(error), LINE)

    def score(self, model: Any) -> float | None:
        """Return nats per byte of the targets, None where they can't be had."""
        if self._plan is None:
            return None
        score = next(score for score in self._plan.evaluations if score.task == self.task)
        with torch.no_grad():
            evaluation = evaluate_task(model, self._restoring.encoder, self._plan, score)
        self.items = evaluation.counts["items"]
        return evaluation.results[f"{TRIED_BY},none"]

    def compare(self, unmerged: float, merged: Any) -> MergeCheck | None:
        """Return how the merged model scores beside what the unmerged one did, None where it can't be scored."""
        score = self.score(merged)
        if self.task is None or score is None:
            return None
        return MergeCheck(task=self.task, items=self.items, unmerged=unmerged, merged=score)
