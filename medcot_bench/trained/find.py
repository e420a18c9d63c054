"""A finished cell of a result folder, found by name, with everything its model is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcot_bench.base_model.licence import find_licence
from medcot_bench.base_model.resolve import Base, resolve
from medcot_bench.errors import ConfigError, ConfigErrors, ModelError, StoreError
from medcot_bench.lm_eval_tasks.task import is_lm_eval
from medcot_bench.planning.custom_tasks import make_custom_task, resolve_study_task
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.prompted_task import stop_at
from medcot_bench.plugins.resolve_adapter import ResolvedAdapter, resolve_adapter
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.results import study_file
from medcot_bench.results.cells import CellKey, request_id
from medcot_bench.results.folder import CellResult, Results, load
from medcot_bench.results.records import CellRecord
from medcot_bench.results.saved_files import find_damage
from medcot_bench.results.store import Store
from medcot_bench.study.analysis import Analysis
from medcot_bench.study.loading import TRUST, load_study
from medcot_bench.study.schema import Study
from medcot_bench.study.spec_strings import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """The parts of a cell's model."""

    name: str
    """The cell's folder."""
    results: Results
    study: Study
    cell: CellKey
    adapter: ResolvedAdapter
    weights: Path | None
    """The folder of its saved adapter, which may not exist; None for an adapter that trains nothing."""
    record: CellRecord | None
    """None for an adapter that trains nothing and has no evaluation yet."""

    @property
    def result(self) -> CellResult:
        """Its record and evaluations."""
        return next(one for one in self.results.cells if one.cell == self.cell and not one.baseline)

    @property
    def of_hub(self) -> bool:
        """Whether its base model comes from the hub."""
        return self.results.base["digest"].startswith("hub:")

    @property
    def retrained(self) -> str | None:
        """What has to be said of its weights, None where they are those of the training on record."""
        if self.record is None or self.record.retrained is None:
            return None
        return f"{self.name} has {self.record.retrained}; its older scores are of the weights before"

    @property
    def prompts(self) -> Mapping[str, Any]:
        """`chat_template` and `system_prompt`, as in training, or else as in the study."""
        fields = {"chat_template": self.study.chat_template, "system_prompt": self.study.system_prompt}
        return self.record.request.get("prompt", fields) if self.record else fields

    @property
    def labels(self) -> list[str]:
        """The study's tasks without those of lm-eval, whose prompts are lm-eval's."""
        return [label for label in self.results.tasks if not is_lm_eval(Spec.read(label))]

    def base(self, model: str | None = None) -> Base:
        """Return the base model that it was trained on; `model` is its present place. Raises ModelError."""
        found = resolve(model or self.study.model)
        if found.digest != self.results.base["digest"]:
            raise ModelError(
                f"model '{found.name}' is not the base model of {self.results.root} ({self.results.base['name']}, "
                f"{self.results.base['digest']}); give that one with --model"
            )
        return found

    def licence(self, model: str | None = None) -> str | None:
        """Return the base model's licence, None where its files name none or are not here."""
        try:
            return find_licence(self.base(model))
        except ModelError:
            return None

    def replanned(
        self, model: str | None = None, *, limit: int | None = None, scores: tuple[str, ...] = ()
    ) -> Study:
        """Return its study, to be planned again for this cell alone, with fewer items or metrics.

        All tasks stay: items that one task scores must not be training items of another.
        """
        study = self.study
        changes: dict[str, Any] = {
            "model": model or study.model,
            "training": study.training.model_copy(update={"tune_lr": None, "checkpoints": 0}),
            "eval_tasks": tuple(typed for typed in study.eval_tasks if not is_lm_eval(typed)),
            "adapters": (self.adapter.typed,),
            "baselines": (),
            "analysis": Analysis(),
        }
        if limit:
            changes["limit"] = limit
        if scores:
            fewer = {"scores": scores, "split": "eval", "generate_items": None}
            changes["scoring"] = study.scoring.model_copy(update=fewer)
        return study.model_copy(update=changes)

    def task(self, typed: str | None = None) -> ResolvedTask:
        """Return the task that writes its prompts: the one it was trained on, or another one of the study.

        Raises ConfigError if the choice is not clear, or if the task now writes other prompts.
        """
        labels = self.labels
        wanted = typed or self.cell.task
        found = [label for label in labels if wanted in (None, label)]
        found = found or [label for label in labels if Spec.read(label).name == wanted]
        if len(found) != 1:
            why = f"no task '{wanted}' in {self.results.root}" if wanted else f"{self.name} has no training task"
            raise ConfigError(f"{why}; choose with --task, one of: {', '.join(labels)}")
        request = self.record.request.get("task") if self.record and found[0] == self.cell.task else None
        typed_task = Spec.read(found[0])
        own = self.study.own.get(typed_task.name)
        if own and request:  # how its rows were laid out is known without them
            task = make_custom_task(typed_task, own, request["options"], installed())
        else:
            task = resolve_study_task(typed_task, self.study, installed())
        if request is not None and request_id(request) != request_id(task.request()):
            raise ConfigError(
                f"{self.name} was trained on task {task.label} version {request['version']}; now it is "
                f"version {task.task.spec.version}, or has other options, with other prompts; install the version "
                "it was made with"
            )
        # Which stop strings its rows hold, the evaluations know.
        scored = (cell.evaluations.get(found[0]) for cell in self.results.cells)
        stop = next((score.request["stop"] for score in scored if score and "stop" in score.request), None)
        return task if stop is None else stop_at(task, tuple(stop))


def find(root: Path, typed: str, *, weights: bool = True) -> Trained:
    """Find a cell by its folder's name, its id, or an unambiguous part of the name.

    Parts between `__` count first, with or without their options, then the beginnings of names and parts:
    `lora__s0` never finds a cell of `qlora`. Raises ConfigError for an unknown cell and, if its `weights` are
    needed, for one without weights or one that failed; StoreError where these are not as they were saved.
    """
    results, store = load(root), Store(root, indexed=True)
    named = {store.cell_folder(result.cell).name: result for result in results.cells}
    matches = next(filter(None, _matches(named, typed.rstrip("/"))), [])
    if len(matches) != 1:
        said = f"'{typed}' is ambiguous" if matches else f"no training run '{typed}'; known"
        raise ConfigError(f"{root}: {said}: {', '.join(matches or named)}")
    [name] = matches
    result = named[name]
    study_file.check(root)
    study, errors = load_study(root / study_file.FILE, [(TRUST, False)])  # which files had, and nothing here needs
    if errors:
        raise ConfigErrors(errors)
    adapter = resolve_adapter(_typed(study, result.cell.adapter), installed())
    folder = store.weights_folder(result.cell) if adapter.adapter.spec.update != "none" else None
    if folder and weights:
        _check_usable(root, name, result, adapter, folder)
    return Trained(
        name=name,
        results=results,
        study=study,
        cell=result.cell,
        adapter=adapter,
        weights=folder,
        record=result.record,
    )


def _typed(study: Study, label: str) -> Spec:
    """Return the adapter of a label as the study file has it, with absolute paths."""
    wanted = Spec.read(label)

    def plain(typed: Spec) -> tuple[str, dict[str, str]]:
        return typed.name, {key: value.rpartition("/")[2] for key, value in typed.options.items()}

    return next((typed for typed in study.adapters if plain(typed) == plain(wanted)), wanted)


def _matches(named: Mapping[str, CellResult], typed: str) -> Iterator[list[str]]:
    """Yield the names that match, the closest kind of match first."""
    rules: list[Callable[[str], bool]] = [
        lambda name: typed in (name, named[name].cell.id),
        lambda name: f"__{typed}__" in f"__{name.removesuffix(f'-{named[name].cell.id}')}__",
        lambda name: f"__{typed}__" in f"__{_without_options(name)}__",
        lambda name: typed == named[name].cell.adapter,
        lambda name: name.startswith(typed) or named[name].cell.id.startswith(typed),
        lambda name: f"__{typed}" in f"__{name}",
    ]
    for rule in rules if typed else []:
        yield [name for name in named if rule(name)]


def _without_options(name: str) -> str:
    """Return a cell's name with its task and adapter as plain names.

    >>> _without_options("k8s_qa__lora.lr2e-4__s0-26f3fc0669f5")
    'k8s_qa__lora__s0'
    """
    return "__".join(re.split(r"[.-]", part)[0] for part in name.split("__"))


def _check_usable(root: Path, name: str, result: CellResult, adapter: ResolvedAdapter, folder: Path) -> None:
    """Raise ConfigError for a cell whose trained weights can't be loaded, StoreError for damaged ones."""
    study = f"medcot-bench run {root / 'study.yaml'}"
    again = f"{study} -o {root}"  # the folder may have been moved since
    if result.record is None and result.failure is not None:
        raise ConfigError(
            f"{name} failed ({result.failure.status}: {result.failure.error}); fix the cause, then: {again}"
        )
    if result.record is None:
        raise ConfigError(f"{name} is not trained yet; run: {again}")
    if not folder.is_dir():
        keep = "adapters" if adapter.adapter.spec.update == "low_rank" else "all"
        raise ConfigError(
            f"{name}: its weights were not kept; train it again in another folder: {study} "
            f"--set keep_weights={keep} --seeds {result.cell.seed} -o NEW"
        )
    if request_id(result.record.request["adapter"]) != request_id(adapter.request()):
        raise ConfigError(
            f"{name}: adapter {adapter.label} has another version now; install the one it was made with"
        )
    if damage := find_damage(folder, result.record.saved):
        raise StoreError(f"{folder.parent}/{damage}; train it again: {again}")
