"""One cell, from the base to committed scores."""

from __future__ import annotations

import platform
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from medcot_bench import __version__
from medcot_bench.chosen import ChosenAdapter
from medcot_bench.errors import ConfigError, GateError
from medcot_bench.models.load import (
    checksum,
    load_model,
    load_tokenizer,
    resolve_device,
    resolve_dtype,
    weights_folder,
)
from medcot_bench.models.tokens import Encoder, write_within
from medcot_bench.plan import Cell, Plan, Score
from medcot_bench.plugins import PluginEntry, blame, installed
from medcot_bench.records import CellRecord, Phase, Provenance, ScoreRecord, Training
from medcot_bench.scoring.engine import ENGINE
from medcot_bench.scoring.evaluate import evaluate_score
from medcot_bench.store import Store
from medcot_bench.todo import keeps_weights, package_versions
from medcot_bench.training.batches import Item
from medcot_bench.training.costs import Meter, tensor_bytes
from medcot_bench.training.loop import Trained, train
from medcot_bench.types import Example, Placement, Recipe

Fail = Callable[[Score | None, BaseException], None]


class CellRunner:
    """Runs cells on a base that stays loaded from one to the next."""

    def __init__(self, plan: Plan, store: Store, threads: int, emit: Callable[..., None]):
        self.plan = plan
        self.store = store
        self.emit = emit
        self._threads = threads
        self.device = resolve_device(plan.study.device)
        self.dtype = resolve_dtype(plan.study.dtype, self.device)
        self.folder = weights_folder(plan.base)
        self.encoder = Encoder(load_tokenizer(self.folder), plan.study.chat_template, plan.study.system_prompt)
        self._base: Any = None
        self._base_key: tuple[str, torch.dtype] | None = None
        self._base_checksum: dict[str, int] = {}
        self._base_bytes = 0
        self._load = Phase(seconds=0.0, peak_bytes=0)

    def run(self, cell: Cell, fail: Fail) -> None:
        """Train `cell` if it has to be, then make its missing scores; a score that fails goes to `fail`.

        What else fails is raised. Everything finished before stays committed.
        """
        chosen = self.plan.adapters[cell.adapter]
        record = self.store.cell(cell)
        complete = True
        with self._borrowed_base(chosen) as base, self._trained(cell, chosen, base, record) as model:
            for score in self.plan.scores_of(cell):
                if self.store.score(cell, score) is not None:
                    continue
                try:
                    self._score(cell, chosen, model, score)
                except Exception as error:
                    complete = False
                    fail(score, error)
        if complete and not keeps_weights(self.plan, cell):
            self.store.drop_weights(cell)

    @contextmanager
    def _trained(self, cell: Cell, chosen: ChosenAdapter, base: Any, record: CellRecord | None) -> Iterator[Any]:
        """Give the cell's model: loaded where its weights are kept, trained elsewhere."""
        folder = self.store.weights_folder(cell)
        if chosen.adapter.spec.update != "none" and record is not None and folder.is_dir():
            self.emit("phase", cell=cell.id, phase="restore")
            with blame(chosen.entry, "load"):
                model = chosen.adapter.load(base, folder)
            model.eval()
        else:
            model = self._train(cell, chosen, base, record)
        try:
            yield model
        finally:
            if model is not base and hasattr(model, "unload"):
                model.unload()  # PEFT puts the base's own modules back

    def _train(self, cell: Cell, chosen: ChosenAdapter, base: Any, record: CellRecord | None) -> Any:
        spec, started = chosen.adapter.spec, now()
        items: list[Item] = []
        validation: list[Item] = []
        placement: Placement = {}
        counts = {"dropped": 0, "shortened": 0}
        recipe = self.plan.recipe(cell) if cell.task is not None else None
        if cell.task is not None and recipe is not None:
            items, counts = self._items(cell.task, self.plan.train_items(cell.task), recipe)
            if not items and recipe.max_steps != 0:
                raise ConfigError(
                    f"task {cell.task}: every training item is longer than max_length={recipe.max_length}"
                )
            if recipe.select_by == "val_nll":
                validation = self._items(cell.task, self.plan.validation_items(cell.task), recipe)[0]
            placement = chosen.place(self.plan.base.info, self.plan.base.modules, cell.seed or 0)
            self.emit("phase", cell=cell.id, phase="train")
        result, model = Trained(), base
        meter = Meter(self.device)
        with meter:
            if recipe is not None:
                torch.manual_seed(cell.seed or 0)  # adapters draw their first weights from it
                with blame(chosen.entry, "prepare"):
                    model = chosen.adapter.prepare(base, placement)
                result = train(
                    model,
                    items,
                    recipe,
                    cell.seed or 0,
                    validation=validation,
                    compute_dtype=self.dtype,
                    on_step=lambda step, steps: self.emit("progress", cell=cell.id, done=step, total=steps),
                )
        if record is not None:  # only the weights were missing
            return model
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        saved_bytes = self._save(cell, chosen, model)
        on_cpu = self.device.type != "cuda"
        self.store.commit_cell(
            cell,
            CellRecord(
                cell_id=cell.id,
                name=cell.name,
                task=cell.task,
                adapter=cell.adapter,
                seed=cell.seed,
                request=cell.request,
                base={
                    "name": self.plan.base.name,
                    "origin": self.plan.base.origin,
                    "digest": self.plan.base.digest,
                },
                source=self.plan.data[cell.task].source if cell.task else None,
                placement=placement,
                trainable_parameters=sum(parameter.numel() for parameter in trainable),
                total_parameters=self.plan.base.info.parameters
                + (sum(p.numel() for p in trainable) if spec.update == "low_rank" else 0),
                adapter_bytes=saved_bytes,
                bytes={
                    "weights": self._base_bytes,
                    "trained": tensor_bytes(trainable),
                    "gradients": result.gradient_bytes,
                    "states": result.state_bytes,
                },
                dtypes={
                    "weights": _dtype_name(next(base.parameters())),
                    "trained": _dtype_name(trainable[0]) if trainable else "none",
                    "compute": str(self.dtype).removeprefix("torch."),
                },
                training=Training(
                    steps=result.steps,
                    epochs=result.epochs,
                    tokens=result.tokens,
                    target_tokens=result.target_tokens,
                    items=len(items),
                    overlong_dropped=counts["dropped"],
                    overlong_shortened=counts["shortened"],
                    first_loss=result.first_loss,
                    final_loss=result.final_loss,
                    selected_step=result.selected_step,
                    validation=tuple(result.validation),
                ),
                phases={
                    "load": self._load,
                    "train": Phase(
                        seconds=meter.seconds,
                        peak_bytes=meter.peak_bytes + (self._base_bytes if on_cpu else 0),
                        tokens=result.tokens,
                    ),
                },
                provenance=self._provenance(started, chosen, cell.task),
            ),
            result.log,
        )
        self.emit("trained", cell=cell.id, steps=result.steps, loss=result.final_loss, seconds=meter.seconds)
        return model

    def _items(self, task: str, examples: list[Example], recipe: Recipe) -> tuple[list[Item], dict[str, int]]:
        chosen, eos = self.plan.tasks[task], self.encoder.tokenizer.eos_token_id
        items = []
        counts = {"dropped": 0, "shortened": 0}
        for example in examples:
            written = write_within(
                chosen,
                self.encoder,
                example,
                recipe.max_length,
                shorten=recipe.overlong == "truncate-context",
            )
            if written is None:
                if recipe.overlong == "error":
                    raise ConfigError(
                        f"task {task}: training item '{example.id}' is longer than "
                        f"max_length={recipe.max_length}; raise it or set training.overlong=drop"
                    )
                counts["dropped"] += 1
                continue
            counts["shortened"] += written.shortened
            prompt, target = self.encoder.pair(written.prompt, written.target)
            items.append(Item(prompt, [*target, eos]))
        return items, counts

    def _save(self, cell: Cell, chosen: ChosenAdapter, model: Any) -> int:
        """Save the weights and return the bytes that the adapter wrote."""
        if chosen.adapter.spec.update == "none":
            return 0
        folder = self.store.temporary_folder(cell)
        with blame(chosen.entry, "save"):
            chosen.adapter.save(model, folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if chosen.adapter.spec.update == "full":
            self.encoder.tokenizer.save_pretrained(folder)
        self.store.commit_weights(cell, folder)
        return size

    def _score(self, cell: Cell, chosen: ChosenAdapter, model: Any, score: Score) -> None:
        started = now()
        task = self.plan.tasks[score.task]
        total = len(self.plan.scored_items(score.task))
        self.emit("phase", cell=cell.id, phase="score", task=score.task, total=total)
        meter = Meter(self.device)
        master_weights = chosen.adapter.spec.update == "full" and self.dtype != torch.float32
        with meter:
            evaluation = evaluate_score(
                model,
                self.encoder,
                self.plan,
                score,
                compute_dtype=self.dtype if master_weights else None,
            )
        if not evaluation.results:
            raise GateError("lm-eval returned no score; are the scores asked for those of this task?")
        spec = task.task.spec
        self.store.commit_score(
            cell,
            score,
            ScoreRecord(
                score_id=score.id,
                cell_id=cell.id,
                task=score.task,
                relation=score.relation,
                domain=spec.domain,
                form={"context": spec.form.context, "answer": spec.form.answer},
                source=self.plan.data[score.task].source,
                request=score.request,
                results=evaluation.results,
                counts=evaluation.counts,
                marks=evaluation.marks,
                samples_sha256="",
                phase=Phase(
                    seconds=meter.seconds,
                    peak_bytes=meter.peak_bytes + (self._base_bytes if self.device.type != "cuda" else 0),
                ),
                provenance=self._provenance(started, chosen, score.task),
            ),
            evaluation.samples,
        )
        self.emit(
            "scored",
            cell=cell.id,
            task=score.task,
            seconds=meter.seconds,
            results={key: value for key, value in evaluation.results.items() if "_stderr" not in key},
            marks=list(evaluation.marks),
        )

    @contextmanager
    def _borrowed_base(self, chosen: ChosenAdapter) -> Iterator[Any]:
        """Lend the base that an adapter needs, and drop it afterwards unless every weight is as it was."""
        spec = chosen.adapter.spec
        dtype = torch.float32 if spec.update == "full" else self.dtype
        key = (spec.quantisation, dtype)
        if self._base is None or self._base_key != key:
            self._base = None
            with Meter(self.device) as meter:
                self._base = load_model(
                    self.folder, quantisation=spec.quantisation, dtype=dtype, device=self.device
                )
                self._base_checksum = checksum(self._base)
            self._base_key = key
            self._base_bytes = tensor_bytes([*self._base.parameters(), *self._base.buffers()])
            self._load = Phase(seconds=meter.seconds, peak_bytes=meter.peak_bytes)
        else:
            self._load = Phase(seconds=0.0, peak_bytes=0)
        intact = False
        try:
            yield self._base
            self._base.requires_grad_(False)
            self._base.eval()
            intact = checksum(self._base) == self._base_checksum
        finally:
            if not intact:
                self._base = None

    def _provenance(self, started: str, chosen: ChosenAdapter, task: str | None) -> Provenance:
        entries: list[PluginEntry] = [chosen.entry, chosen.selector_entry]
        if task is not None:
            entries.append(self.plan.tasks[task].entry)
        device = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else _cpu_name()
        plugins = {f"{e.kind} {e.name}": f"{e.distribution} {e.version}" for e in entries}
        return Provenance(
            medcot_bench=__version__,
            plugins=plugins | {f"plugin {name}": "active" for name in installed().run_wide()},
            packages=package_versions(),
            engine=ENGINE,
            python=platform.python_version(),
            platform=platform.platform(),
            device=f"{self.device.type}: {device}",
            dtype=str(self.dtype).removeprefix("torch."),
            threads=self._threads,
            hostname=socket.gethostname(),
            started=started,
        )


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _dtype_name(parameter: torch.Tensor) -> str:
    return str(parameter.dtype).removeprefix("torch.")


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")
