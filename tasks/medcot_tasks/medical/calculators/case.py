"""One patient of a calculator: draws its inputs, tells them as facts, converts units, and makes the problem."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from medcot_tasks.bundled import Level
from medcot_tasks.medical.arithmetic import evaluate
from medcot_tasks.medical.calculators.wrong import Reading, Wrong, mistakes, written
from medcot_tasks.medical.distractors import article, distractors
from medcot_tasks.medical.number import apart
from medcot_tasks.medical.problem import Problem, Source
from medcot_tasks.medical.steps import Work, needed

T = TypeVar("T")
KG_PER_LB = 0.4536
UMOL_PER_MG_CREATININE = 88.42
MG_PER_MMOL_GLUCOSE = 18.016


class Solution(Work):
    """Steps without decimals that say nothing: 12 in place of 12.00."""

    def step(self, name: str, expression: str, unit: str = "", decimals: int = 0, least: int = 0) -> str:
        """Add a step with so many decimals at most and at least, and return its value as written."""
        value = evaluate(expression)
        written = super().step(
            name, expression, unit, decimals if value is None else needed(value, decimals, least)
        )
        self.decimals, self.least = decimals, least
        return written


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
    unit_slips: list[str] = field(default_factory=list)
    """What slips with the units of the quantities drawn are called."""

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

    def weight(self, *span: float) -> Reading:
        """Draw and tell a weight, in kg or pounds; return it in kg."""
        kg = self.draw(*(span or (50, 99, 100, 140, 10, 1)))
        if self.keeps_unit():
            self.tell(f"weight {kg:g} kg")
            return self.as_told("weight", kg, kg * KG_PER_LB)
        pounds = round(kg / KG_PER_LB)
        self.tell(f"weight {pounds} lb")
        return self.converted("weight in kg", f"{pounds}*{KG_PER_LB}", "kg", 1, pounds)

    def height(self, in_inches: bool = False) -> Reading:
        """Draw and tell a height, in cm or inches; return it in cm, or in inches."""
        inches = self.draw(61, 74, 75, 80)
        centimetres = round(2.54 * inches + (0 if self.basic else self.rng.choice((-1, 0, 1))))
        tell_inches = in_inches if self.basic else self.rng.random() < 0.5
        self.tell(f"height {inches:g} inches" if tell_inches else f"height {centimetres} cm")
        if tell_inches and in_inches:
            return self.as_told("height", inches, inches / 2.54)
        if tell_inches:
            return self.converted("height in cm", f"{inches:g}*2.54", "cm", 1, inches)
        if in_inches:
            return self.converted("height in inches", f"{centimetres}/2.54", "in", 2, centimetres)
        return self.as_told("height", centimetres, centimetres * 2.54)

    def creatinine(self, *span: float) -> Reading:
        """Draw and tell a serum creatinine, in mg/dL or µmol/L; return it in mg/dL."""
        value = self.draw(*span)
        if self.keeps_unit():
            self.tell(f"serum creatinine {value:g} mg/dL")
            return self.as_told("creatinine", value, value / UMOL_PER_MG_CREATININE)
        micromoles = round(value * UMOL_PER_MG_CREATININE)
        self.tell(f"serum creatinine {micromoles} µmol/L")
        return self.converted(
            "creatinine in mg/dL", f"{micromoles}/{UMOL_PER_MG_CREATININE}", "mg/dL", 3, micromoles
        )

    def glucose(self, *span: float) -> Reading:
        """Draw and tell a glucose, in mg/dL or mmol/L; return it in mg/dL."""
        value = self.draw(*span)
        if self.keeps_unit():
            self.tell(f"glucose {value:g} mg/dL")
            return self.as_told("glucose", value, value * MG_PER_MMOL_GLUCOSE)
        millimoles = round(value / MG_PER_MMOL_GLUCOSE, 1)
        self.tell(f"glucose {millimoles:g} mmol/L")
        return self.converted("glucose in mg/dL", f"{millimoles:g}*{MG_PER_MMOL_GLUCOSE}", "mg/dL", 1, millimoles)

    def keeps_unit(self) -> bool:
        """Draw whether a quantity is told in the formula's unit; below level "hard" all are."""
        return self.basic or self.rng.random() < 0.5

    def as_told(self, name: str, value: float, converted: float) -> Reading:
        """Return a quantity told in the formula's unit, and what a needless conversion makes of it."""
        return Reading(value, converted, "" if self.basic else self._slip(f"{name} converted needlessly"))

    def converted(self, name: str, expression: str, unit: str, decimals: int, told: float) -> Reading:
        """Add the step that converts a quantity, and return it with the number that was told."""
        value = float(self.conversions.step(name, expression, unit, decimals))
        return Reading(value, told, self._slip(f"{name.partition(' ')[0]} not converted"))

    def _slip(self, name: str) -> str:
        self.unit_slips.append(name)
        return name

    def problem(self, asked: str, work: Work, wrong: Wrong, rivals: Wrong | None = None) -> Problem:
        """Return the problem: facts in random order with distractors among them, the person first.

        `rivals` are the wrong answers of other formulas, or of rules that a part of the facts decides on.
        """
        count = self.rng.randint(0, 1) if self.basic else self.rng.randint(1, 3)
        if count and not self.person and self.rng.random() < 0.3:
            self.patient()
            count -= 1
        told = [*self.facts, *distractors(self.rng, count, avoid=[asked, *self.facts], person=self.person)]
        self.rng.shuffle(told)
        steps = (*self.conversions.steps, *work.steps)
        rivals = rivals or {}
        return Problem(
            facts=(self.person, *told) if self.person else tuple(told),
            asked=asked,
            steps=steps,
            wrong=mistakes(work, {**wrong, **rivals}),
            rivals=tuple(written(rival, work) for rival in rivals.values()),
            unit_slips=tuple(self.unit_slips),
            decimals=work.decimals,
        )


def source(name: str, build: Callable[[Case], Problem], *, basic: bool = False) -> Source:
    """Return the calculator as a source of problems.

    Above level "basic" a patient for whom another formula comes to the right answer as well is drawn again.
    """

    def make(rng: random.Random, unseen_range: bool, level: Level) -> Problem:
        while True:
            problem = build(Case(rng, unseen_range, level))
            if level == "basic" or all(apart(rival, problem.answer) for rival in problem.rivals):
                return problem

    return Source(name, make, basic)
