"""The items that a study trains, validates and scores on, cut out of its tasks' data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from medcot_bench.data.label_shuffle import shuffle_labels
from medcot_bench.data.overlap import find_overlapping
from medcot_bench.data.sources import TaskData
from medcot_bench.study.schema import Study
from medcot_bench.types import Example, Split

VALIDATION_ITEMS = 64
"""Validation items used by `select_by=val_nll`, the first of their order."""
DIVERGENCE_ITEMS = 16
"""Evaluation items of the training task on which KL from the base model is measured, the first ones."""


@dataclass(frozen=True)
class ItemSets:
    """The items in their roles; each set is a prefix of its split's order, so smaller ones lie in larger ones."""

    study: Study
    data: Mapping[str, TaskData]
    """Task label -> its items by split."""
    choosing: bool
    """Whether models are scored to choose among learning rates: on validation items then."""

    def train(self, task: str, count: int | None = None) -> list[Example]:
        """Return the first training items, at most `count`, with shuffled labels if the study says so."""
        items = list(self.data[task].splits["train"][: self.study.training.most_items][:count])
        return shuffle_labels(items, self.study.data_seed) if self.study.training.labels == "shuffled" else items

    def validation(self, task: str) -> list[Example]:
        """Return the items that may select a checkpoint."""
        return list(self.data[task].splits["validation"][:VALIDATION_ITEMS])

    def measured(self, task: str) -> list[Example]:
        """Return the items on which KL from the base model is measured."""
        return list(self.data[task].splits["eval"][:DIVERGENCE_ITEMS])

    def scored(self, task: str, *, choosing: bool | None = None) -> list[Example]:
        """Return the items that every model is scored on; for `choosing` a learning rate, all validation items.

        By default those of the plan's own purpose.
        """
        choosing = self.choosing if choosing is None else choosing
        split: Split = "validation" if choosing else self.study.scoring.split
        return list(self.data[task].splits[split][: None if choosing else self.study.limit])

    def shots(self, task: str, *, choosing: bool | None = None, count: int | None = None) -> list[Example]:
        """Return the solved examples before every prompt of a task: the first of its training order.

        Their number is the study's, or `count`. Training items that share a group or a question with any scored
        item are left out.
        """
        count = self.study.scoring.num_fewshot if count is None else count
        if not count:
            return []
        training = self.data[task].splits["train"]
        taken = {example.id for example in find_overlapping(training, self.scored(task, choosing=choosing))}
        return [example for example in training if example.id not in taken][:count]
