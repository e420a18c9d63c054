"""What a plan is: its cells and evaluations, with what they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from medcot_bench.base_model.chat_date import DATE, writes_date
from medcot_bench.base_model.end_tokens import list_end_tokens
from medcot_bench.base_model.resolve import Base
from medcot_bench.data.item_sets import ItemSets
from medcot_bench.data.sources import TaskData
from medcot_bench.lm_eval_tasks.task import DOMAIN as LM_EVAL_DOMAIN
from medcot_bench.lm_eval_tasks.task import LmEvalTask
from medcot_bench.plugins.resolve_adapter import ResolvedAdapter
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.results.cells import Cell, Evaluation
from medcot_bench.results.metrics import TRIED_BY
from medcot_bench.study.schema import Scoring, Study
from medcot_bench.types import Example, Recipe


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a run needs, made again identically by the worker."""

    study: Study
    base: Base
    tasks: Mapping[str, ResolvedTask]
    adapters: Mapping[str, ResolvedAdapter]
    data: Mapping[str, TaskData]
    general_text: str
    """The text that forgetting is measured on."""
    cells: tuple[Cell, ...]
    evaluations: tuple[Evaluation, ...]
    lm_eval_tasks: Mapping[str, LmEvalTask] = field(default_factory=dict)
    """Tasks of lm-eval; their items are not known."""

    @property
    def trials(self) -> bool:
        """Whether this plan tries learning rates on validation items, before the study proper."""
        return self.study.training.tune_lr is not None and self.study.training.rates is None

    @property
    def several_rates(self) -> bool:
        """Whether trainings of one adapter, task and seed differ in their learning rate."""
        return self.trials or bool(self.study.training.kept_rates)

    @property
    def search_seeds(self) -> tuple[int, ...]:
        """The seeds of the search for learning rates; those beyond `training.tune_seeds` are for races."""
        training = self.study.training
        return self.study.every_seed[: max(training.tune_seeds, training.race_seeds or 0)]

    @property
    def pinned(self) -> Study:
        """The study with the revisions of the hub that were found: going on with it takes the same rows."""
        pinned = {label: self.data[label].pinned for label in self.tasks}
        found = {self.tasks[label].stem: sources for label, sources in pinned.items() if sources}
        return self.study.model_copy(update={"data": {**self.study.data, **found}})

    @property
    def scoring(self) -> Scoring:
        """How this plan's models are scored."""
        if not self.trials:
            return self.study.scoring
        changes = {"split": "validation", "scores": (TRIED_BY,), "generate_items": None}
        return self.study.scoring.model_copy(update=changes)

    @cached_property
    def chat_date(self) -> dict[str, str]:
        """The date that the chat template writes, as ids have it; empty where it writes none."""
        return {"date": DATE.isoformat()} if self.study.chat_template and writes_date(self.base) else {}

    @cached_property
    def end_tokens(self) -> dict[str, list[int]]:
        """The end tokens of a base model that has several, as ids of evaluations have them; else empty."""
        ends = list_end_tokens(self.base)
        return {"end_tokens": [*ends]} if ends else {}

    @cached_property
    def items(self) -> ItemSets:
        """The items that this plan's models are trained and scored on."""
        return ItemSets(self.study, self.data, self.trials)

    def train_items(self, task: str, adapter: str) -> list[Example]:
        """Return the items that an adapter is trained on: the study's, or as many as the adapter's options say."""
        return self.items.train(task, self.adapters[adapter].train_items)

    def updates_all(self, adapter: str) -> bool:
        """Return whether an adapter trains all weights of all layers: the reference of every gap."""
        chosen = self.adapters[adapter]
        if chosen.adapter.spec.update != "full":
            return False
        placed = chosen.place(self.base.info, self.base.modules, self.study.seeds[0])
        return len(placed) == len(self.base.modules)

    def items_of(self, label: str) -> str | None:
        """Return the task whose items this one asks by another prompt template, None where they are its own."""
        task = self.tasks[label]
        if task.shift != task.template:
            return None
        alike = (name for name, one in self.tasks.items() if (one.stem, one.options) == (task.stem, task.options))
        return next((name for name in alike if not self.tasks[name].shift), None)

    def source(self, label: str) -> str:
        """Return where the items of an evaluation task come from, as tables name it."""
        return self.lm_eval_tasks[label].source if label in self.lm_eval_tasks else self.data[label].source

    def domain(self, label: str) -> str:
        """Return the domain of an evaluation task."""
        return LM_EVAL_DOMAIN if label in self.lm_eval_tasks else self.tasks[label].task.spec.domain

    def is_kept_beside(self, cell: Cell) -> bool:
        """Return whether a cell trains at a rate that a race left beside the chosen one."""
        kept = (self.study.training.kept_rates or {}).get(cell.adapter, {}).get(str(cell.task), ())
        return bool(kept) and self.recipe(cell).lr in kept

    def evaluations_of(self, cell: Cell) -> list[Evaluation]:
        """Return the evaluations of one cell, those of the trained model first."""
        return list(self._by_cell.get(cell.id, ()))

    @cached_property
    def _by_cell(self) -> dict[str, list[Evaluation]]:
        """Id of a cell -> its evaluations, in the order of the plan."""
        found: dict[str, list[Evaluation]] = {}
        for score in self.evaluations:
            found.setdefault(score.cell, []).append(score)
        return found

    def recipe(self, cell: Cell) -> Recipe:
        """Return the recipe of a trained cell."""
        return Recipe(**cell.request["recipe"])
