"""What a calculator or a scoring table gives for one patient: a question with its solution."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from medcot_tasks.bundled import Level
from medcot_tasks.medical.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One question about one patient. The answer is the value of the last step."""

    facts: tuple[str, ...]
    """What is known, in the order told, each a clause such as `weight 80 kg` or `no history of stroke`."""
    asked: str
    """A noun phrase with its unit, such as `the mean arterial pressure in mmHg`."""
    steps: tuple[Step, ...]
    wrong: Mapping[str, str] = field(default_factory=dict)
    """Why a wrong answer comes about -> its value, written with the decimals of the answer."""
    rivals: tuple[str, ...] = ()
    """What other formulas come to, whether or not it differs enough from the answer."""
    unit_slips: tuple[str, ...] = ()
    """Those reasons of `wrong` that are slips with a unit."""
    decimals: int = 0
    """Those that the answer has before zeros at its end are left out."""
    exact: bool = False
    """Whether only the answer itself is right; elsewhere 1% or half of its last digit may be off."""

    @property
    def answer(self) -> str:
        """The answer as written."""
        return self.steps[-1].value


@dataclass(frozen=True, slots=True)
class Source:
    """A calculator or scoring table: makes problems. `basic` marks those with round numbers and few steps."""

    name: str
    make: Callable[[random.Random, bool, Level], Problem]
    """(random numbers, whether values come from outside the range of training, level) -> problem."""
    basic: bool = True
