"""The learning rates that were tried, as records and tables have them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


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
    kept: bool = False
    """Whether the search ended with its rate within the noise of the best, or being the best."""
    losses: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Group -> validation item -> gold_nll; empty where the training diverged, and in older records."""

    @property
    def cost(self) -> float:
        """Return the seconds that come on top of the study's own trainings."""
        return self.seconds - (self.reused if self.chosen else 0.0)


def find_ties(trials: Sequence[Trial]) -> dict[tuple[str, str], list[float]]:
    """Return (adapter, task) -> the rates that were kept, the chosen one first, where that are several."""
    kept: defaultdict[tuple[str, str], dict[float, bool]] = defaultdict(dict)
    for trial in trials:
        if trial.kept:
            kept[trial.adapter, trial.task][trial.rate] = trial.chosen
    return {
        key: sorted(rates, key=lambda rate: (not rates[rate], rate))
        for key, rates in kept.items()
        if len(rates) > 1
    }


def at_edge(trials: Sequence[Trial]) -> list[Trial]:
    """Return the chosen trials whose rate is the lowest or highest of those tried: a better one may lie beyond."""
    tried: defaultdict[tuple[str, str], set[float]] = defaultdict(set)
    for trial in trials:
        tried[trial.adapter, trial.task].add(trial.rate)
    edges = {key: (min(rates), max(rates)) for key, rates in tried.items()}
    found = {(t.adapter, t.task): t for t in trials if t.chosen and t.rate in edges[t.adapter, t.task]}
    return [*found.values()]
