"""One patient of a calculator: draws its inputs, tells them as facts, converts units, and makes the problem."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from medcot_tasks.bundled import Level
from medcot_tasks.medical.arithmetic import evaluate
from medcot_tasks.medical.distractors import article, distractors
from medcot_tasks.medical.problem import Problem, Source
from medcot_tasks.medical.steps import Step, Work, rounded

T = TypeVar("T")
Wrong = Mapping[str, float | Work]
"""Why a wrong answer comes about -> the value, or the working that ends in it."""

KG_PER_LB = 0.4536
UMOL_PER_MG_CREATININE = 88.42
MG_PER_MMOL_GLUCOSE = 18.016


class Solution(Work):
    """Steps without decimals that say nothing: 12 in place of 12.00."""

    def step(self, name: str, expression: str, unit: str = "", decimals: int = 0, least: int = 0) -> str:
        """Add a step with so many decimals at most and at least, and return its value as written."""
        value = evaluate(expression)
        meant = decimals
        while decimals > least and value is not None and _same(value, decimals - 1, decimals):
            decimals -= 1
        written = super().step(name, expression, unit, decimals)
        self.decimals = meant
        return written


def _same(value: float, fewer: int, decimals: int) -> bool:
    return float(rounded(value, fewer)) == float(rounded(value, decimals))


@dataclass(frozen=True, slots=True)
class Span:
    """The values of one input: a range seen in training, one beyond it, and the grid they lie on."""

    low: float
    high: float
    unseen_low: float
    unseen_high: float
    coarse: float = 1
    """The grid below level "hard"."""
    fine: float = 1
    """The grid of level "hard"."""

    def draw(self, rng: random.Random, unseen_range: bool, level: Level) -> float:
        """Return a value of the grid from the range."""
        grid = self.fine if level == "hard" else self.coarse
        low, high = (self.unseen_low, self.unseen_high) if unseen_range else (self.low, self.high)
        first, last = math.ceil(low / grid - 1e-9), math.floor(high / grid + 1e-9)
        return round(rng.randint(first, last) * grid, 6)


@dataclass(slots=True)
class Case:
    """What is drawn and told so far."""

    rng: random.Random
    unseen_range: bool
    level: Level
    person: str = ""
    facts: list[str] = field(default_factory=list)
    conversions: Work = field(default_factory=Solution)

    @property
    def basic(self) -> bool:
        """Whether inputs are to be round and told in the formula's units."""
        return self.level != "hard"

    def draw(self, *span: float) -> float:
        """Return a value without telling it. The arguments are those of `Span`."""
        return Span(*span).draw(self.rng, self.unseen_range, self.level)

    def pick(self, seen: Sequence[T], unseen: Sequence[T]) -> T:
        """Return one of the values of training, or of those beyond it."""
        return self.rng.choice(unseen if self.unseen_range else seen)

    def tell(self, fact: str) -> None:
        """Add a fact."""
        self.facts.append(fact)

    def told(self, fact: str, *span: float) -> float:
        """Draw a value and tell it in the place of `{}`."""
        value = self.draw(*span)
        self.tell(fact.format(f"{value:g}"))
        return value

    def patient(self, low: float = 20, high: float = 79, unseen_low: float = 80, unseen_high: float = 97) -> float:
        """Draw sex and age, to be told first; return the age. `female` tells the sex."""
        age = self.draw(low, high, unseen_low, unseen_high, 5, 1)
        self.person = f"{article(f'{age:g}-')} {age:g}-year-old {self.rng.choice(('man', 'woman'))}"
        return age

    @property
    def female(self) -> bool:
        """The sex that was drawn with the age."""
        return self.person.endswith("woman")

    def weight(self, *span: float) -> tuple[float, float]:
        """Draw and tell a weight; return it in kg, and as the number that was told."""
        kg = self.draw(*(span or (50, 99, 100, 140, 10, 1)))
        if self.basic or self.rng.random() < 0.5:
            self.tell(f"weight {kg:g} kg")
            return kg, kg
        pounds = round(kg / KG_PER_LB)
        self.tell(f"weight {pounds} lb")
        return self._converted("weight in kg", f"{pounds}*{KG_PER_LB}", "kg", 1), pounds

    def height(self, in_inches: bool = False) -> tuple[float, float]:
        """Draw and tell a height; return it in cm (or inches), and as the number that was told."""
        inches = self.draw(61, 74, 75, 80)
        centimetres = round(2.54 * inches + (0 if self.basic else self.rng.choice((-1, 0, 1))))
        tell_inches = in_inches if self.basic else self.rng.random() < 0.5
        self.tell(f"height {inches:g} inches" if tell_inches else f"height {centimetres} cm")
        if tell_inches == in_inches:
            value = inches if in_inches else centimetres
            return value, value
        if in_inches:
            return self._converted("height in inches", f"{centimetres}/2.54", "in", 2), centimetres
        return self._converted("height in cm", f"{inches:g}*2.54", "cm", 1), inches

    def creatinine(self, *span: float) -> tuple[float, float]:
        """Draw and tell a serum creatinine; return it in mg/dL, and as the number that was told."""
        value = self.draw(*span)
        if self.basic or self.rng.random() < 0.5:
            self.tell(f"serum creatinine {value:g} mg/dL")
            return value, value
        micromoles = round(value * UMOL_PER_MG_CREATININE)
        self.tell(f"serum creatinine {micromoles} µmol/L")
        expression = f"{micromoles}/{UMOL_PER_MG_CREATININE}"
        return self._converted("creatinine in mg/dL", expression, "mg/dL", 3), micromoles

    def glucose(self, *span: float) -> tuple[float, float]:
        """Draw and tell a glucose; return it in mg/dL, and as the number that was told."""
        value = self.draw(*span)
        if self.basic or self.rng.random() < 0.5:
            self.tell(f"glucose {value:g} mg/dL")
            return value, value
        millimoles = round(value / MG_PER_MMOL_GLUCOSE, 1)
        self.tell(f"glucose {millimoles:g} mmol/L")
        expression = f"{millimoles:g}*{MG_PER_MMOL_GLUCOSE}"
        return self._converted("glucose in mg/dL", expression, "mg/dL", 1), millimoles

    def _converted(self, name: str, expression: str, unit: str, decimals: int) -> float:
        return float(self.conversions.step(name, expression, unit, decimals))

    def problem(self, asked: str, work: Work, wrong: Wrong) -> Problem:
        """Return the problem: facts in random order with distractors among them, the person first."""
        count = self.rng.randint(0, 1) if self.basic else self.rng.randint(1, 3)
        if count and not self.person and self.rng.random() < 0.3:
            self.patient()
            count -= 1
        told = [*self.facts, *distractors(self.rng, count, avoid=[asked, *self.facts], person=self.person)]
        self.rng.shuffle(told)
        steps = (*self.conversions.steps, *work.steps)
        return Problem(
            facts=(self.person, *told) if self.person else tuple(told),
            asked=asked,
            steps=steps,
            wrong=mistakes(steps[-1], wrong),
            decimals=work.decimals,
        )


def mistakes(right: Step, wrong: Wrong) -> dict[str, str]:
    """Return the wrong values that can be told from the right one and from each other, as they are written.

    Arithmetic slips are added until there are three, with one on either side of the right value.
    """
    answer = float(right.value)
    decimals = len(right.value.partition(".")[2])
    digit = 10.0**-decimals
    tolerance = max(0.01 * abs(answer), 0.5 * digit)
    found: dict[str, str] = {}

    def add(reason: str, value: float) -> None:
        written = rounded(value, decimals)
        apart = abs(float(written) - answer) > tolerance + 1e-9
        if apart and (answer <= 0 or float(written) > 0) and written not in found.values():
            found[reason] = written

    for reason, value in wrong.items():
        add(reason, float(value.steps[-1].value) if isinstance(value, Work) else value)
    for size in (0.1, 0.2, 0.3):
        slip = max(size * abs(answer), digit * 10 * size)
        below = any(float(value) < answer for value in found.values())
        above = any(float(value) > answer for value in found.values())
        if len(found) < 3 or not below:
            add(f"an arithmetic slip, {size:.0%} too low", answer - slip)
        if len(found) < 3 or not above:
            add(f"an arithmetic slip, {size:.0%} too high", answer + slip)
    return found


def source(name: str, build: Callable[[Case], Problem], *, basic: bool = False) -> Source:
    """Return the calculator as a source of problems."""

    def make(rng: random.Random, unseen_range: bool, level: Level) -> Problem:
        return build(Case(rng, unseen_range, level))

    return Source(name, make, basic)
