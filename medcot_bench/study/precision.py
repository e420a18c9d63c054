"""The section `analysis.precision` of a study: seeds are added until an interval is as narrow as asked."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import count, islice
from typing import Self

from pydantic import Field, field_validator, model_validator

from medcot_bench.errors import ConfigError
from medcot_bench.study.durations import read_seconds
from medcot_bench.study.fields import Section

LEAST_SEEDS = 5
"""Seeds before the first look: with fewer, a narrow interval is too often a lucky one."""
LOOKS = 3
"""The mean width of so many has to be as narrow as asked."""
MOST_SEEDS = 1_000


class Aim(StrEnum):
    """The effects whose interval a study can be planned for."""

    IN_DOMAIN = "in_domain"
    OUT_OF_DOMAIN = "out_of_domain"
    CHANGE = "change"


class Precision(Section):
    """The rule by which seeds are added: by the width of an interval, never by significance."""

    effect: Aim = Aim.CHANGE
    """The gap whose 95% interval is to be narrow, or its change between domains."""
    score: str | None = None
    """The metric of that gap; null: the primary one."""
    half_width: float = Field(gt=0)
    """Half the width that the interval of every hypothesis is to have at most."""
    min_seeds: int = Field(5, ge=LEAST_SEEDS, le=MOST_SEEDS)
    """Seeds before the first look."""
    max_seeds: int = Field(20, ge=LEAST_SEEDS, le=MOST_SEEDS)
    """Seeds after which none is added, however wide the interval."""
    budget: str | None = None
    """Time of all training runs and evaluations that no added seed may exceed, e.g. `8h`; null: any."""

    @field_validator("budget")
    @classmethod
    def _is_time(cls, value: str | None) -> str | None:
        try:
            if value is None or read_seconds(value, ""):
                return value
        except ConfigError:
            pass
        raise ValueError("write a time as 30m or 8h")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max_seeds < self.min_seeds:
            raise ValueError(f"max_seeds={self.max_seeds} is below min_seeds={self.min_seeds}")
        return self

    @property
    def seconds(self) -> float | None:
        """The budget in seconds."""
        return None if self.budget is None else read_seconds(self.budget, "")


def take_seeds(first: Sequence[int], seeds: int) -> tuple[int, ...]:
    """Return so many seeds: the first ones, then the least whole numbers that are none of them.

    >>> take_seeds((7, 1), 4)
    (7, 1, 0, 2)
    """
    more = (seed for seed in count() if seed not in first)
    return (*first[:seeds], *islice(more, max(seeds - len(first), 0)))
