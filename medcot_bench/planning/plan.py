"""What a plan is: its cells and scores, and the items they are trained and scored on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from medcot_bench.base_model.resolve import Base
from medcot_bench.data.label_shuffle import shuffle_labels
from medcot_bench.data.overlap import overlapping
from medcot_bench.data.sources import TaskData
from medcot_bench.lm_eval_tasks.task import DOMAIN as HARNESS_DOMAIN
from medcot_bench.lm_eval_tasks.task import HarnessTask
from medcot_bench.plugins.resolve_adapter import ChosenAdapter
from medcot_bench.plugins.resolve_task import ChosenTask
from medcot_bench.results.cells import Cell, Score
from medcot_bench.results.metrics import TRIED_BY
from medcot_bench.study.schema import Scoring, Study
from medcot_bench.types import Example, Recipe, Split

DIVERGENCE_ITEMS = 16
"""Evaluation items of its training task by which a model's distance from the base is measured, the first ones."""
VALIDATION_ITEMS = 64
"""Validation items that `select_by=val_nll` looks at, the first of their order."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a run needs, made again identically by the worker."""

    study: Study
    base: Base
    tasks: Mapping[str, ChosenTask]
    adapters: Mapping[str, ChosenAdapter]
    data: Mapping[str, TaskData]
    general_text: str
    """What forgetting is measured on."""
    cells: tuple[Cell, ...]
    scores: tuple[Score, ...]
    harness: Mapping[str, HarnessTask] = field(default_factory=dict)
    """Tasks of lm-eval: no items of theirs are known."""

    @property
    def trials(self) -> bool:
        """Whether this plan tries learning rates on validation items, before the study proper."""
        return self.study.training.tune_lr is not None and self.study.training.rates is None

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

    def train_items(self, task: str, adapter: str | None = None) -> list[Example]:
        """Return the items an adapter is trained on, the first of their order; of no adapter, the most of any."""
        own = self.adapters[adapter].train_items if adapter else None
        items = list(self.data[task].splits["train"][: self.study.training.most_items][:own])
        return shuffle_labels(items, self.study.data_seed) if self.study.training.labels == "shuffled" else items

    def validation_items(self, task: str) -> list[Example]:
        """Return the items that may choose a checkpoint."""
        return list(self.data[task].splits["validation"][:VALIDATION_ITEMS])

    def scored_items(self, task: str, *, choosing: bool | None = None) -> list[Example]:
        """Return the items that every model is scored on; `choosing` among learning rates, all validation items.

        Where nothing is said of it, those of the plan's main purpose.
        """
        choosing = self.trials if choosing is None else choosing
        split: Split = "validation" if choosing else self.study.scoring.split
        return list(self.data[task].splits[split][: None if choosing else self.study.limit])

    def shots(self, task: str, *, choosing: bool | None = None, count: int | None = None) -> list[Example]:
        """Return the solved examples before every prompt of a task: the first of its training order.

        As many as the study says, or `count`.
        Training items that share a group or a question with any scored item are left out.
        """
        count = self.scoring.num_fewshot if count is None else count
        training = self.data[task].splits["train"]
        taken = {example.id for example in overlapping(training, self.scored_items(task, choosing=choosing))}
        return [example for example in training if example.id not in taken][:count]

    def items_of(self, label: str) -> str | None:
        """Return the task whose items this one asks by another prompt template, None where they are its own."""
        task = self.tasks[label]
        if task.shift != task.template:
            return None
        alike = (name for name, one in self.tasks.items() if (one.stem, one.options) == (task.stem, task.options))
        return next((name for name in alike if not self.tasks[name].shift), None)

    def source(self, label: str) -> str:
        """Return where the items of an evaluation task come from, as tables name it."""
        return self.harness[label].source if label in self.harness else self.data[label].source

    def domain(self, label: str) -> str:
        """Return the domain of an evaluation task."""
        return HARNESS_DOMAIN if label in self.harness else self.tasks[label].task.spec.domain

    def scores_of(self, cell: Cell) -> list[Score]:
        """Return the evaluations of one cell, those of the trained model first."""
        return [score for score in self.scores if score.cell == cell.id]

    def recipe(self, cell: Cell) -> Recipe:
        """Return the recipe of a trained cell."""
        return Recipe(**cell.request["recipe"])
