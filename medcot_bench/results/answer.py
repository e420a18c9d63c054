"""What a study answers, in facts: public types, a part of a leaderboard. `report/answer.py` words them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from medcot_bench.stats.contrasts import Contrast

FEW_ITEMS = 30
"""Fewer scored items than these are said to show large differences only."""
LEAST_READ = 0.05
"""Below this share of answers that could be read, scores of answers say nothing."""


class Place(StrEnum):
    """Where a method stands among those of its training task, by their ranks."""

    BEST = "best"
    """The best mean of those that no other significantly differs from."""
    TIED = "tied"
    """No significant difference from the best."""
    BEHIND = "behind"
    """Significantly worse than the best."""


@dataclass(frozen=True, slots=True)
class MethodAnswer:
    """One method beside the base model, and what it costs."""

    method: str
    """The row's name."""
    score: Contrast
    gain: Contrast | None
    """How much better it is than the base model, paired by item; None where that was not scored."""
    works: bool
    """Whether it is shown to beat the base model, and chance where there is one, after Holm correction."""
    place: Place | None
    """None without ranks: with one seed, with one method, and for what was not trained here."""
    recommended: bool
    items_needed: int | None
    """About how many items would show that it works, if it is as good as it seems; None where that is shown, where
    it seems no better, and where items alone can't or seeds come first."""
    peak_bytes: int | None
    """Of training; this and the next two are None where nothing was trained."""
    train_seconds: float | None
    adapter_bytes: int | None


@dataclass(frozen=True, slots=True)
class TaskAnswer:
    """The methods trained on one task, or all external ones, on that task by one score."""

    task: str
    """The training task; where nothing was trained, the first evaluation task that has a score."""
    trained: bool
    score: str
    higher_is_better: bool
    items: int
    groups: int
    seeds: int
    """The most that a method has; 0 where nothing was trained."""
    base: Contrast | None
    """The base model's score."""
    chance: float | None
    smallest: float | None
    """About the smallest gain that shows with 80% power: of the method in the middle, before correction."""
    methods: tuple[MethodAnswer, ...]
    """The best mean first."""
    unparsed: tuple[str, ...]
    """Methods of which hardly any answer could be read."""
