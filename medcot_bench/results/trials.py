"""The learning rates that were tried, as records and tables have them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One training at one of the learning rates tried."""

    adapter: str
    task: str
    seed: int
    rate: float
    loss: float | None
    """gold_nll on the task's validation items; None where the training diverged."""
    seconds: float
    """Of training and of looking at the validation items, up to where it diverged."""
    reused: float = 0.0
    """Of these, seconds of a training that the study's own cell need not repeat, should its rate be chosen."""
    chosen: bool = False

    @property
    def cost(self) -> float:
        """Return the seconds that come on top of the study's own trainings."""
        return self.seconds - (self.reused if self.chosen else 0.0)


def at_edge(trials: Sequence[Trial]) -> list[Trial]:
    """Return the chosen trials whose rate is the lowest or highest of those tried: a better one may lie beyond."""
    tried: defaultdict[tuple[str, str], set[float]] = defaultdict(set)
    for trial in trials:
        tried[trial.adapter, trial.task].add(trial.rate)
    edges = {key: (min(rates), max(rates)) for key, rates in tried.items()}
    found = {(t.adapter, t.task): t for t in trials if t.chosen and t.rate in edges[t.adapter, t.task]}
    return [*found.values()]
