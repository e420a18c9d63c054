"""Study -> cells and scores with their ids. Reads data and the base's headers, loads no model."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from medcot_bench.bases import Base, resolve
from medcot_bench.chosen import RECIPE_FIELDS, ChosenAdapter, ChosenTask, choose_adapter, choose_task
from medcot_bench.config import Study
from medcot_bench.data.overlap import separate
from medcot_bench.data.sources import TaskData, digest, in_hash_order, load
from medcot_bench.errors import ConfigErrors, MedcotError
from medcot_bench.options import NamedOptions
from medcot_bench.plugins import Plugins, blame, installed
from medcot_bench.types import Example, Recipe, Relation, Split

T = TypeVar("T")
CORE_SCORES = (
    "answer",
    "parsed",
    "choice",
    "gold_nll",
    "rouge_l",
    "rouge_l_reasoning",
    "truncated",
    "repetition",
)
"""Scores that the core gives to every task that allows them, in the order of tables."""
VALIDATION_ITEMS = 64
"""Validation items that `select_by=val_nll` looks at, a prefix of the hash order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One training, named by a hash of its request."""

    id: str
    task: str | None
    """Label of the training task; None for the untouched base."""
    adapter: str
    seed: int | None
    request: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The folder's name: readable parts, then the id."""
        task = NamedOptions(*_parse(self.task)).slug if self.task else "base"
        seed = "" if self.seed is None else f"__s{self.seed}"
        return f"{task}__{NamedOptions(*_parse(self.adapter)).slug}{seed}-{self.id}"

    @property
    def title(self) -> str:
        """The name for progress lines."""
        return " × ".join(
            part for part in (self.adapter, self.task, None if self.seed is None else f"seed {self.seed}") if part
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One evaluation of one cell, named by a hash of its request."""

    id: str
    cell: str
    task: str
    relation: Relation
    request: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return f"{NamedOptions(*_parse(self.task)).slug}-{self.id}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a run needs, made again identically by the worker."""

    study: Study
    base: Base
    tasks: Mapping[str, ChosenTask]
    adapters: Mapping[str, ChosenAdapter]
    data: Mapping[str, TaskData]
    cells: tuple[Cell, ...]
    scores: tuple[Score, ...]

    def train_items(self, task: str) -> list[Example]:
        """Return the items a cell of this task is trained on: a prefix of their hash order."""
        items = in_hash_order(self.data[task].splits["train"], self.study.data_seed)
        return items[: self.study.training.train_items]

    def validation_items(self, task: str) -> list[Example]:
        """Return the items that may choose a checkpoint."""
        items = in_hash_order(self.data[task].splits["validation"], self.study.data_seed)
        return items[:VALIDATION_ITEMS]

    def scored_items(self, task: str) -> list[Example]:
        """Return the items that every model is scored on."""
        items = in_hash_order(self.data[task].splits[self.study.scoring.split], self.study.data_seed)
        return items[: self.study.limit]

    def shots(self, task: str) -> list[Example]:
        """Return the solved examples before every prompt of a task: the first of its training order."""
        count = self.study.scoring.num_fewshot
        return in_hash_order(self.data[task].splits["train"], self.study.data_seed)[:count]

    def scores_of(self, cell: Cell) -> list[Score]:
        """Return the evaluations of one cell."""
        return [score for score in self.scores if score.cell == cell.id]

    def recipe(self, cell: Cell) -> Recipe:
        """Return the recipe of a trained cell."""
        return Recipe(**cell.request["recipe"])


def make_plan(study: Study, errors: list[str] | None = None, plugins: Plugins | None = None) -> Plan:
    """Plan a study. Raises ConfigErrors with `errors` (of reading the study) and every error found here."""
    plugins = plugins or installed()
    problems = list(errors or [])

    def attempt(action: Callable[[], T]) -> T | None:
        try:
            return action()
        except MedcotError as error:
            problems.extend(line for line in str(error).split("\n") if line not in problems)
            return None

    tasks: dict[str, ChosenTask] = {}
    data: dict[str, TaskData] = {}
    for typed in {str(spec): spec for spec in [*study.specs("tasks"), *study.specs("eval_tasks")]}.values():
        if task := attempt(partial(choose_task, typed, plugins)):
            tasks[task.label] = task
            if found := attempt(partial(load, task, study.sources(typed.name), study.data_seed)):
                data[task.label] = found
    adapters: dict[str, ChosenAdapter] = {}
    for typed in study.specs("adapters"):
        if adapter := attempt(partial(choose_adapter, typed, plugins)):
            adapters[adapter.label] = adapter
    base = attempt(partial(resolve, study.model))
    problems += _missing(study, tasks, plugins)
    if problems or base is None:
        raise ConfigErrors(problems)

    trained = [str(typed) for typed in study.specs("tasks")]
    separated = attempt(partial(separate, data, trained, tasks, study.on_overlap))
    if separated is None:
        raise ConfigErrors(problems)
    plan = Plan(study=study, base=base, tasks=tasks, adapters=adapters, data=separated, cells=(), scores=())
    problems += _empty(plan, trained)
    cells = attempt(partial(_cells, plan, trained))
    if problems or cells is None:
        raise ConfigErrors(problems)
    return dataclasses.replace(plan, cells=cells, scores=_scores(plan, cells))


def request_id(request: Mapping[str, Any]) -> str:
    """Return the id of a request: 12 hex digits of the SHA-256 of its canonical JSON."""
    text = json.dumps(request, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _missing(study: Study, tasks: Mapping[str, ChosenTask], plugins: Plugins) -> list[str]:
    problems = []
    if not study.adapters:
        problems.append("no adapter: name some with --adapters (see medcot-bench list)")
    if not study.tasks and not study.eval_tasks:
        problems.append("no task: name some with --tasks (see medcot-bench list)")
    names = {entry.name for entry in plugins.of("task")}
    problems += [f"data.{name}: there is no task of this name" for name in study.data if name not in names]
    unknown = set(study.scoring.scores) - {
        *(score for task in tasks.values() for score in task.task.spec.scores),
        *CORE_SCORES,
    }
    if tasks and unknown:
        problems.append(f"scoring.scores: no score '{sorted(unknown)[0]}'; scores: {', '.join(CORE_SCORES)}")
    return problems


def _empty(plan: Plan, trained: list[str]) -> list[str]:
    problems = []
    for label in plan.tasks:
        data = plan.data[label]
        split: Split = plan.study.scoring.split
        left_out = (
            "; left out: " + ", ".join(f"{n} {why}" for why, n in data.left_out.items()) if data.left_out else ""
        )
        trains = any(adapter.adapter.spec.update != "none" for adapter in plan.adapters.values())
        if label in trained and trains and not data.splits["train"]:
            problems.append(f"task {label}: {data.source} holds no training item{left_out}")
        if not data.splits[split]:
            problems.append(f"task {label}: {data.source} holds no item to score in '{split}'{left_out}")
    return problems


def _cells(plan: Plan, trained: list[str]) -> tuple[Cell, ...]:
    cells: dict[str, Cell] = {}
    problems: list[str] = []
    for adapter in plan.adapters.values():
        spec = adapter.adapter.spec
        if spec.update == "none":
            cell = _cell(plan, adapter, None, None)
            cells.setdefault(cell.id, cell)
            continue
        try:
            for seed in plan.study.seeds:
                adapter.place(plan.base.info, plan.base.modules, seed)
                for task in trained:
                    cell = _cell(plan, adapter, task, seed)
                    cells.setdefault(cell.id, cell)
        except MedcotError as error:
            problems.append(str(error))
    if problems:
        raise ConfigErrors(problems)
    return tuple(cells.values())


def _cell(plan: Plan, adapter: ChosenAdapter, task: str | None, seed: int | None) -> Cell:
    spec = adapter.adapter.spec
    request: dict[str, Any] = {
        "schema": 1,
        "base": {
            "digest": plan.base.digest,
            "quantisation": spec.quantisation,
            "dtype": plan.study.dtype,
        },
        "adapter": adapter.request(),
    }
    if task is not None:
        recipe = _recipe(plan, adapter)
        request |= {
            "task": plan.tasks[task].request(),
            "train": digest(plan.train_items(task)),
            "recipe": dataclasses.asdict(recipe),
            "prompt": _prompt_request(plan.study),
            "seed": seed,
        }
        if recipe.select_by == "val_nll":
            request["validation"] = digest(plan.validation_items(task))
    return Cell(id=request_id(request), task=task, adapter=adapter.label, seed=seed, request=request)


def _recipe(plan: Plan, adapter: ChosenAdapter) -> Recipe:
    with blame(adapter.entry, "recipe"):
        recipe = adapter.adapter.recipe(plan.base.info)
    from_model = plan.base.recipe.get(adapter.adapter.spec.name, {})
    unknown = [key for key in from_model if key not in RECIPE_FIELDS]
    if unknown:
        raise ConfigErrors([f"medcot_recipe.json: no recipe field '{unknown[0]}'"])
    changes = {**from_model, **plan.study.training.recipe(), **adapter.recipe_options}
    length = min(changes.get("max_length", recipe.max_length), plan.base.info.max_positions)
    try:
        recipe = dataclasses.replace(recipe, **{**changes, "max_length": length})
    except (ValueError, TypeError) as error:
        raise ConfigErrors([f"adapter {adapter.label}: {error}"]) from None
    if recipe.select_by == "val_nll":
        empty = [task for task in plan.study.tasks if not plan.data[task].splits["validation"]]
        if empty:
            raise ConfigErrors([f"training.select_by=val_nll: task {empty[0]} has no validation items"])
    return recipe


def _scores(plan: Plan, cells: tuple[Cell, ...]) -> tuple[Score, ...]:
    scores = []
    scoring = plan.study.scoring
    for label, chosen in plan.tasks.items():
        spec = chosen.task.spec
        shared = {
            "task": chosen.request(),
            "items": digest(plan.scored_items(label)),
            "shots": digest(plan.shots(label)) if scoring.num_fewshot else None,
            "prompt": _prompt_request(plan.study),
            "scores": sorted(scoring.scores),
            "max_new_tokens": scoring.max_new_tokens or spec.max_new_tokens,
            "max_length": min(scoring.max_length, plan.base.info.max_positions),
            "overlong": scoring.overlong,
        }
        for cell in cells:
            request = {"schema": 1, "cell": cell.id, "checkpoint": "final", **shared}
            scores.append(
                Score(
                    id=request_id(request),
                    cell=cell.id,
                    task=label,
                    relation=_relation(plan, cell, label),
                    request=request,
                )
            )
    return tuple(scores)


def _relation(plan: Plan, cell: Cell, evaluated: str) -> Relation:
    if cell.task is None:
        return "base"
    if cell.task == evaluated:
        return "same_task"
    own, other = plan.tasks[cell.task].task.spec, plan.tasks[evaluated].task.spec
    return "same_domain" if own.domain == other.domain else "shift"


def _prompt_request(study: Study) -> dict[str, Any]:
    return {"chat_template": study.chat_template, "system_prompt": study.system_prompt}


def _parse(label: str) -> tuple[str, dict[str, str]]:
    name, _, options = label.partition(":")
    return name, dict(piece.partition("=")[::2] for piece in options.split(",") if piece)
