"""One cell, from the base to committed scores."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from medcot_bench.errors import Diverged, GateError, StoreError
from medcot_bench.models.checks import refuse_missing_tensors
from medcot_bench.models.load import load_tokenizer, resolve_device, resolve_dtype, weights_folder
from medcot_bench.models.meter import Meter, tensor_bytes
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.warm_base import Lent, WarmBase
from medcot_bench.planning.baseline_evaluations import form_of
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.status import LOST, keeps_weights, missing_evaluations
from medcot_bench.plugins.entries import blame
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_adapter import ResolvedAdapter
from medcot_bench.results.cells import FINAL, Cell, Evaluation
from medcot_bench.results.quarantine import QUARANTINE
from medcot_bench.results.records import CellRecord, EvaluationRecord, Phase, Provenance, Training, now
from medcot_bench.results.saved_files import SavedFile, describe, find_damage, written_files
from medcot_bench.results.store import Store
from medcot_bench.results.training_state import drop_state
from medcot_bench.runner.events import Measuring, Noted, PhaseStarted, Progress, Resumed, Scored, Trained
from medcot_bench.scoring.evaluate import evaluate_task
from medcot_bench.scoring.evaluate_lm_eval import check_loadable, evaluate_lm_eval_task
from medcot_bench.scoring.lm import Asked
from medcot_bench.security.foreign_text import LINE, shorten
from medcot_bench.training.checkpoints import Checkpoints
from medcot_bench.training.drift import Distances
from medcot_bench.training.resume import Saving
from medcot_bench.training.train_cell import Fitted, checked_module, fit
from medcot_bench.worker.check_applied import refuse_unapplied
from medcot_bench.worker.check_models import check_chats, check_models, unload, weights_dtype
from medcot_bench.worker.io import Emit
from medcot_bench.worker.provenance import dtype_name, provenance

Fail = Callable[[Evaluation | None, BaseException], None]


class CellRunner:
    """Runs the cells of a plan, one after another."""

    def __init__(self, plan: Plan, store: Store, threads: int, emit: Emit, checkpoint_every: float | None = None):
        self._plan = plan
        self._store = store
        self._emit = emit
        self._threads = threads
        self._checkpoint_every = checkpoint_every
        self._device = resolve_device(plan.study.device)
        self._dtype = resolve_dtype(plan.study.dtype, self._device)
        folder = weights_folder(plan.base)
        self._encoder = Encoder(load_tokenizer(folder), plan.study.chat_template, plan.study.system_prompt)
        self._base = WarmBase(folder, self._device)
        self._distances = Distances(plan, self._encoder, self._dtype, self._on_measuring)
        self._cell = ""
        """The id of the cell at work."""
        self._mark: str | None = None
        """What has to be said of the scores of the cell at work."""
        self._began = 0.0

    @property
    def seconds(self) -> float:
        """What the phase at work, or the last one, has taken since it began."""
        return time.perf_counter() - self._began

    def run(self, cell: Cell, fail: Fail) -> None:
        """Train `cell` if it has to be, then make its missing scores; a score that fails goes to `fail`.

        What else fails is raised. Everything finished before stays committed, unless the adapter was not applied.
        """
        self._began, self._cell = time.perf_counter(), cell.id
        chosen = self._plan.adapters[cell.adapter]
        spec = chosen.adapter.spec
        record = self._store.cell(cell)
        if record is not None and record.dtypes["compute"] != dtype_name(self._dtype):
            raise StoreError(
                f"{cell.name} was made in {record.dtypes['compute']}, here it would go on in "
                f"{dtype_name(self._dtype)}: go on there, or with --device cpu, or start a new folder with -o"
            )
        if record is None and self._store.has_evaluations(cell):
            self._store.set_aside_evaluations(cell)
            self._emit(Noted(cell=cell.id, text=f"{LOST}: moved to {QUARANTINE}, and made again"))
        complete = True
        with (
            Checkpoints(lambda: self._store.temporary_folder(cell)) as kept,
            self._base.lend(spec.quantisation, weights_dtype(chosen, self._dtype)) as base,
            self._model(cell, chosen, base, kept) as model,
        ):
            for score in self._missing(cell):
                try:
                    if score.checkpoint != FINAL:
                        kept.restore(score.checkpoint, model)
                    self._score(cell, chosen, base, model, score)
                except Exception as error:
                    complete = False
                    fail(score, error)
        if complete:
            refuse_unapplied(self._plan, self._store, cell)
            if not keeps_weights(self._plan, cell):
                self._store.drop_weights(cell)

    def check(self, cells: Sequence[Cell]) -> None:
        """Try what cells need, chats, tasks of lm-eval and models: what is wrong is told before any training.

        Raises ConfigError.
        """
        check_chats(self._plan, self._encoder)
        missing = dict.fromkeys(score.task for cell in cells for score in self._missing(cell))
        tasks = [task for label, task in self._plan.lm_eval_tasks.items() if label in missing]
        check_loadable(tasks, trusted=self._plan.study.trust_task_code)
        used = [self._plan.adapters[label] for label in dict.fromkeys(cell.adapter for cell in cells)]
        check_models(used, self._base, self._dtype)

    def _missing(self, cell: Cell) -> list[Evaluation]:
        return [*missing_evaluations(self._plan, self._store, cell)]

    @contextmanager
    def _model(self, cell: Cell, chosen: ResolvedAdapter, base: Lent, kept: Checkpoints) -> Iterator[Any]:
        """Give the cell's model: loaded where that is enough for what is missing, else trained."""
        record = self._store.cell(cell)
        folder = self._store.weights_folder(cell)
        on_the_way = any(score.checkpoint != FINAL for score in self._missing(cell))
        kept_before = record is not None and folder.is_dir()
        damage = find_damage(folder, record.saved) if record is not None and kept_before else None
        if kept_before and not damage and not on_the_way:
            self._emit(PhaseStarted(cell=cell.id, phase="restore"))
            with blame(chosen.entry, "load"), refuse_missing_tensors(str(folder)):
                model = checked_module(chosen.adapter.load(base.model, folder))
            model.eval()
        else:
            trains = chosen.adapter.spec.update != "none"
            self._emit(PhaseStarted(cell=cell.id, phase="train" if trains else "restore", reason=damage))
            started, self._began = now(), time.perf_counter()
            keep = kept.keep if on_the_way else None
            try:
                fitted = fit(
                    self._plan,
                    cell,
                    base.model,
                    self._encoder,
                    self._dtype,
                    self._distances,
                    self._on_step,
                    keep,
                    self._saving(cell, chosen, kept if on_the_way else None, started),
                )
            except Diverged:
                drop_state(self._store.cell_folder(cell))  # it would diverge again
                raise
            model = fitted.model
            if record is None:
                self._commit(cell, chosen, base, fitted, started)
            else:
                loss = fitted.trained.final_loss
                record = replace(record, retrained_loss=None if loss == record.training.final_loss else loss)
                if keeps_weights(self._plan, cell):
                    self._store.renew_saved(cell, record, self._save(cell, chosen, model)[1])
        self._mark = f"scored on {record.retrained}" if record and record.retrained else None
        drop_state(self._store.cell_folder(cell))
        try:
            yield model
        finally:
            unload(model, base)

    def _on_measuring(self) -> None:
        self._emit(Measuring(cell=self._cell))

    def _on_step(self, step: int, steps: int, loss: float) -> None:
        self._emit(Progress(cell=self._cell, done=step, total=steps, loss=loss))

    def _on_answered(self, unit: Asked, done: int, total: int) -> None:
        self._emit(Progress(cell=self._cell, done=done, total=total, unit=unit))

    def _saving(self, cell: Cell, chosen: ResolvedAdapter, kept: Checkpoints | None, started: str) -> Saving:
        return Saving(
            cell_folder=self._store.cell_folder(cell),
            make_folder=lambda: self._store.temporary_folder(cell),
            every=self._checkpoint_every,
            provenance=self._provenance(started, chosen, cell.task),
            checkpoints=kept,
            resumed=lambda step, steps, seconds: self._emit(
                Resumed(cell=cell.id, step=step, steps=steps, seconds=seconds)
            ),
            note=lambda text: self._emit(Noted(cell=cell.id, text=shorten(text, LINE))),
        )

    def _commit(self, cell: Cell, chosen: ResolvedAdapter, base: Lent, fitted: Fitted, started: str) -> None:
        """Save the weights, then the record that says they are there."""
        trainable = [parameter for parameter in fitted.model.parameters() if parameter.requires_grad]
        count = sum(parameter.numel() for parameter in trainable)
        added = count if chosen.adapter.spec.update == "low_rank" else 0
        trained, encoded, plan = fitted.trained, fitted.tokenized, self._plan
        adapter_bytes, saved = self._save(cell, chosen, fitted.model)
        record = CellRecord(
            cell_id=cell.id,
            name=cell.name,
            task=cell.task,
            adapter=cell.adapter,
            seed=cell.seed,
            request=cell.request,
            base={"name": plan.base.name, "origin": plan.base.origin, "digest": plan.base.digest},
            source=plan.data[cell.task].source if cell.task else None,
            placement=fitted.placement,
            trainable_parameters=count,
            total_parameters=plan.base.info.parameters + added,
            adapter_bytes=adapter_bytes,
            bytes={
                "weights": base.bytes,
                "trained": tensor_bytes(trainable),
                "gradients": trained.gradient_bytes,
                "states": trained.state_bytes,
            },
            dtypes={
                "weights": dtype_name(next(base.model.parameters()).dtype),
                "trained": dtype_name(trainable[0].dtype) if trainable else "none",
                "compute": dtype_name(self._dtype),
            },
            training=Training(
                steps=trained.steps,
                epochs=trained.epochs,
                tokens=trained.tokens,
                target_tokens=trained.target_tokens,
                items=len(encoded.items),
                overlong_dropped=encoded.dropped,
                overlong_shortened=encoded.shortened,
                first_loss=trained.first_loss,
                final_loss=trained.final_loss,
                selected_step=trained.selected_step,
                validation=tuple(trained.validation),
            ),
            phases={
                "load": Phase(seconds=base.seconds, peak_bytes=base.peak_bytes),
                "train": Phase(
                    seconds=fitted.seconds,
                    peak_bytes=self._with_base(fitted.peak_bytes, base),
                    tokens=trained.tokens,
                ),
                "measure": Phase(seconds=fitted.measuring_seconds, peak_bytes=0),
            },
            provenance=self._provenance(started, chosen, cell.task),
            divergence=fitted.divergence,
            forgetting=fitted.forgetting,
            update=chosen.adapter.spec.update,
            saved=saved,
        )
        self._store.commit_cell(cell, record, trained.log)
        self._emit(Trained(cell=cell.id, steps=trained.steps, loss=trained.final_loss, seconds=fitted.seconds))

    def _save(self, cell: Cell, chosen: ResolvedAdapter, model: Any) -> tuple[int, dict[str, SavedFile]]:
        """Save the weights; return the bytes that the adapter wrote, and all files as they lie in their place."""
        if chosen.adapter.spec.update == "none":
            return 0, {}
        folder = self._store.temporary_folder(cell)
        with blame(chosen.entry, "save"):
            chosen.adapter.save(model, folder)
            size = sum(path.stat().st_size for path in written_files(folder))
        if chosen.adapter.spec.update == "full":
            self._encoder.tokenizer.save_pretrained(folder)
        return size, describe(self._store.commit_weights(cell, folder, kept=keeps_weights(self._plan, cell)))

    def _score(self, cell: Cell, chosen: ResolvedAdapter, base: Lent, model: Any, score: Evaluation) -> None:
        started, self._began, plan = now(), time.perf_counter(), self._plan
        self._emit(PhaseStarted(cell=cell.id, phase="score", task=score.title))
        master_weights = chosen.adapter.spec.update == "full" and self._dtype != torch.float32
        dtype = self._dtype if master_weights else None
        with Meter(self._device) as meter:
            if score.task in plan.lm_eval_tasks:
                evaluation = evaluate_lm_eval_task(
                    model, self._encoder.tokenizer, plan, score, compute_dtype=dtype, on_answered=self._on_answered
                )
            else:
                evaluation = evaluate_task(
                    model, self._encoder, plan, score, compute_dtype=dtype, on_answered=self._on_answered
                )
        if not evaluation.results:
            raise GateError("lm-eval returned no score; are the scores asked for those of this task?")
        if wrong := [name for name, value in evaluation.results.items() if not math.isfinite(value)]:
            raise Diverged(f"{wrong[0].partition(',')[0]} is not finite; try a lower lr")
        record = EvaluationRecord(
            score_id=score.id,
            cell_id=cell.id,
            task=score.task,
            relation=score.relation,
            domain=plan.domain(score.task),
            form=form_of(plan, score),
            source=plan.source(score.task),
            request=score.request,
            results=evaluation.results,
            counts=evaluation.counts,
            marks=(*evaluation.marks, *([self._mark] if self._mark else [])),
            samples_sha256="",
            phase=Phase(seconds=meter.seconds, peak_bytes=self._with_base(meter.peak_bytes, base)),
            provenance=self._provenance(started, chosen, score.task),
            shuffled=evaluation.shuffled,
            lower_is_better=evaluation.lower_is_better,
            subtasks=evaluation.subtasks,
        )
        self._store.commit_evaluation(cell, score, record, evaluation.samples)
        values = {key: value for key, value in evaluation.results.items() if "_stderr" not in key}
        self._emit(
            Scored(
                cell=cell.id, task=score.title, seconds=meter.seconds, results=values, marks=tuple(record.marks)
            )
        )

    def _with_base(self, peak: int, base: Lent) -> int:
        """Return a phase's peak with the base's weights in it; CUDA's own figure holds them already."""
        return peak if self._device.type == "cuda" else peak + base.bytes

    def _provenance(self, started: str, chosen: ResolvedAdapter, task: str | None) -> Provenance:
        own = [self._plan.tasks[task].entry] if task and task not in self._plan.lm_eval_tasks else []
        engine = self._plan.scoring.engine
        plugins = [chosen.entry, chosen.selector_entry, *own, installed().entry("engine", engine)]
        return provenance(started, plugins, engine, self._device, self._dtype, self._threads)
