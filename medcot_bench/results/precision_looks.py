"""The looks of a precision rule at a growing study, as plan.json keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from medcot_bench.study.precision import Aim


class PrecisionStop(StrEnum):
    """Why a precision rule adds no further seed."""

    NARROW = "narrow"
    """The interval was as narrow as asked, at two looks in a row."""
    ITEMS = "items"
    """With so many items and groups, no number of seeds makes it as narrow."""
    SEEDS = "seeds"
    """The rule has no more seeds."""
    BUDGET = "budget"
    """The next seed would not fit the budget."""
    NOTHING = "nothing"
    """There is no gap with an interval, or groups are too few for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionLook:
    """What a precision rule saw with so many seeds of every method."""

    seeds: int
    half_width: float | None = None
    """Of the hypothesis with the widest interval; None where one has none, or lacks seeds that failed."""
    adapter: str = ""
    """Of that hypothesis."""
    trained: str = ""
    task: str = ""
    """Scored on; of a change between domains, out of domain."""
    floor: float | None = None
    """The half width below which no number of seeds gets (lower bound, 90%), the largest of any hypothesis; None:
    unknown."""
    items: int = 0
    """Of the set with the fewest, for that hypothesis."""
    items_needed: int | None = None
    """With which the most seeds of the rule are expected to do; None: known of no number of items."""
    spent: float = 0.0
    """Seconds of the folder's records."""
    next_seed: float = 0.0
    """Seconds that one more seed of every method takes, by the mean of those before."""
    stop: PrecisionStop | None = None
    """None: another seed is added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionReport:
    """A study's precision rule, and its looks so far."""

    effect: Aim
    score: str
    half_width: float
    """Asked for."""
    max_seeds: int
    budget: float | None
    """In seconds; None: any."""
    looks: tuple[PrecisionLook, ...]
