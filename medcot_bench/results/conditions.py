"""Under which conditions a leaderboard was made: public types, parts of a leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items of a task were scored, and what became of their context."""

    items: int
    extractive: int
    """Items whose answer stands in the context given."""
    shortened: int
    """Items whose context was truncated."""
    dropped: int
    """Items that were too long."""


@dataclass(frozen=True, slots=True)
class LmEvalTask:
    """A task that lm-eval scored by its own code."""

    version: str
    num_fewshot: int


@dataclass(frozen=True, slots=True)
class ScoredTask:
    """Which items an evaluation task was scored on."""

    counts: Counts | None = None
    """None while nothing is scored, and for tasks of lm-eval."""
    chance: float | None = None
    """Chance accuracy, the mean over items of 1 / number of options; None for a task without options."""
    shuffled: float | None = None
    """What right answers to other items score by `answer` on average; None where no answers are written."""
    documents: int | None = None
    """Of a task of lm-eval: how many it scored."""
    lm_eval: Mapping[str, LmEvalTask] = field(default_factory=dict)
    """Of a task of lm-eval: those that it consists of."""
    by_baseline: Mapping[str, Counts] = field(default_factory=dict)
    """Row of a prompting baseline -> its counts, where they differ."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason -> items that were not used."""
    remarks: tuple[str, ...] = ()
    """What reading the data found."""


@dataclass(frozen=True, slots=True)
class RecipeDifference:
    """A field of the recipe, other than the learning rate, that differs between rows of one training task."""

    task: str
    field: str
    values: Mapping[str, Any]
    """Adapter -> value."""


@dataclass(frozen=True, slots=True)
class MadeBy:
    """What made the records."""

    machines: tuple[str, ...] = ()
    """Device, threads and dtype."""
    several_for_training: bool = False
    """Whether models were trained on different machines, so that their seconds can't be compared."""
    engines: tuple[str, ...] = ()
    packages: tuple[Mapping[str, str], ...] = ()
    """Package -> version; several where records were made with different ones."""
    overlong: Mapping[str, int] = field(default_factory=dict)
    """Training task -> items left out of training, since they are longer than `training.max_length`: the most that
    a model has."""
