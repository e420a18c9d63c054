"""A scoring table as data: it makes patients with a wanted total, and the steps that count it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from medcot_tasks.bundled import Level
from medcot_tasks.medical.distractors import article, distractors
from medcot_tasks.medical.problem import Problem
from medcot_tasks.medical.steps import Step, Work
from medcot_tasks.medical.tables.criteria import Conflict, Criterion, Finding, Grade, Told

BASIC_HIGHEST = 5
"""Higher totals are for level "hard", where a table is not a scale of few parts: their solutions are long."""
MOST_TOLD = 4
"""So many findings that count are told at most below level "hard"."""


_PERSON = {"age": 0, "female": 1}
"""Criteria that are told first and as one, such as `a 71-year-old woman`."""


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient with the grade of every criterion, and the findings in the order told."""

    grades: Mapping[str, Grade]
    told: Mapping[str, Told]

    @property
    def findings(self) -> dict[str, Finding]:
        """What was found, by the name of the criterion."""
        return {name: told.finding for name, told in self.told.items()}


@dataclass(frozen=True, slots=True)
class Table:
    """A scoring table. `scale` marks those of few parts that are all told, in order, as the Glasgow Coma Scale."""

    name: str
    asked: str
    criteria: tuple[Criterion, ...]
    scale: bool = False
    basic: bool = True
    one_range: bool = False
    """Whether it counts signs and degrees only, which know no range of values."""
    person: str = ""
    """Whom the table is for, told first."""
    sexes: tuple[str, ...] = ("man", "woman")
    """Whom the table is for, where the sex does not count."""
    sibling: Table | None = None
    """The same table for the other half of its patients, where thresholds depend on the sex."""
    conflicts: tuple[Conflict, ...] = ()
    """What no patient has together. Every total is left to somebody."""

    def totals(self, level: Level) -> list[float]:
        """Return the totals that are asked for at a level, in rising order."""
        if level == "hard" or self.scale:
            return sorted(_reachable(self.criteria, len(self.criteria)))
        return sorted(total for total in _reachable(self.criteria, MOST_TOLD) if total <= BASIC_HIGHEST)

    def total(self, findings: Mapping[str, Finding]) -> float:
        """Return the score of findings; what is not among them is normal."""
        return sum(
            criterion.grade(findings[criterion.name]).points
            if criterion.name in findings
            else criterion.grades[0].points
            for criterion in self.criteria
        )

    def patient(self, rng: random.Random, total: float, unseen_range: bool, level: Level) -> Patient:
        """Return a random patient with a total. Raises ValueError where nobody can have it."""
        grades = self._grades(rng, total, level)
        told = {
            criterion.name: criterion.tell(rng, grades[criterion.name], unseen_range, level)
            for criterion in self._to_tell(rng, grades, level)
        }
        return Patient(grades, told)

    def problem(self, rng: random.Random, total: float, unseen_range: bool, level: Level) -> Problem:
        """Return a problem whose answer is the total. Raises ValueError where nobody can have it."""
        if self.sibling and rng.random() < 0.5:
            return self.sibling.problem(rng, total, unseen_range, level)
        patient = self.patient(rng, total, unseen_range, level)
        return Problem(
            facts=self._facts(rng, patient, level),
            asked=self.asked,
            steps=self._steps(patient),
            exact=True,
        )

    def _grades(self, rng: random.Random, total: float, level: Level) -> dict[str, Grade]:
        """Return the grade of every criterion, by its name."""
        shuffled = rng.sample(self.criteria, len(self.criteria))
        few = level != "hard" and not self.scale
        for chosen in _choices(rng, shuffled, total, MOST_TOLD if few else len(shuffled)):
            by_name = {criterion.name: grade for criterion, grade in zip(shuffled, chosen, strict=True)}
            if not any(conflict.holds(by_name) for conflict in self.conflicts):
                return {criterion.name: by_name[criterion.name] for criterion in self.criteria}
        raise ValueError(f"{self.name}: nobody has a total of {total:g}")

    def _to_tell(self, rng: random.Random, grades: Mapping[str, Grade], level: Level) -> list[Criterion]:
        """Return what is told, in order: what counts or is always needed, and some of the rest."""

        def counts(criterion: Criterion) -> bool:
            return self.scale or criterion.needed or grades[criterion.name] != criterion.grades[0]

        told = [criterion for criterion in self.criteria if counts(criterion)]
        rest = [criterion for criterion in self.criteria if not counts(criterion)]
        few = rng.randint(2, MOST_TOLD) - len(told)
        wanted = few if level != "hard" else rng.randint(len(rest) // 2, len(rest))
        told += rng.sample(rest, min(max(0, wanted), len(rest)))
        if self.scale:
            return told
        rng.shuffle(told)
        return sorted(told, key=lambda criterion: _PERSON.get(criterion.name, len(_PERSON)))

    def _facts(self, rng: random.Random, patient: Patient, level: Level) -> tuple[str, ...]:
        facts = {name: told.fact for name, told in patient.told.items()}
        person = self.person or _person(rng, facts, self.sexes)
        told = list(facts.values())
        if level == "hard":
            names = [criterion.name for criterion in self.criteria]
            for other in distractors(rng, rng.randint(1, 3), avoid=[self.asked, *names, *told], person=person):
                told.insert(rng.randint(0, len(told)), other)
        return (person, *told) if person else tuple(told)

    def _steps(self, patient: Patient) -> tuple[Step, ...]:
        """Return conversions, then a running total: every finding in the order told, with the points it gets."""
        work = Work()
        total = "0"
        for name, told in patient.told.items():
            points = patient.grades[name].points
            expression = f"{total} {'-' if points < 0 else '+'} {abs(points):g}"
            said = f"age {told.fact.partition('-')[0]}" if name == "age" else told.fact
            total = work.step(said, expression, decimals=_decimals(float(total) + points))
        return (*(step for told in patient.told.values() for step in told.conversion), *work.steps)


def _person(rng: random.Random, facts: dict[str, str], sexes: Sequence[str]) -> str:
    """Take age and sex out of the facts and return them as one; empty where the table needs neither."""
    age, sex = facts.pop("age", ""), facts.pop("female", "")
    if not age and not sex:
        return ""
    sex = sex or rng.choice(sexes)
    if age and int(age.partition("-")[0]) < 18:
        sex = {"man": "boy", "woman": "girl"}[sex]
    return f"{article(age)} {age} {sex}".replace("  ", " ")


def _reachable(criteria: Sequence[Criterion], most: int) -> set[float]:
    """Return the totals that can come about, with so many criteria that count at most."""
    sums: set[tuple[float, int]] = {(0, 0)}
    for criterion in criteria:
        points = {grade.points for grade in criterion.grades}
        sums = {(total + more, count + (more != 0)) for total, count in sums for more in points}
        sums = {(total, count) for total, count in sums if count <= most}
    return {total for total, _ in sums}


def _choices(rng: random.Random, criteria: Sequence[Criterion], total: float, most: int) -> Iterator[list[Grade]]:
    """Yield the ways to grade the criteria to a total, of which so many count at most, in random order."""
    reachable = [{0.0}]
    """What the criteria from each place on can add."""
    for criterion in reversed(criteria):
        points = {grade.points for grade in criterion.grades}
        reachable.append({left + more for left in reachable[-1] for more in points})
    reachable = reachable[-2::-1]

    def choose(place: int, total: float, most: int) -> Iterator[list[Grade]]:
        if place == len(criteria):
            yield []
            return
        grades = list(criteria[place].grades)
        for grade in rng.sample(grades, len(grades)):
            left = most - (grade.points != 0)
            if left >= 0 and total - grade.points in reachable[place]:
                for others in choose(place + 1, total - grade.points, left):
                    yield [grade, *others]

    return choose(0, total, most)


def _decimals(value: float) -> int:
    return 0 if value == int(value) else 1
