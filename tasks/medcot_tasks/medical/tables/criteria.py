"""The criteria of a scoring table: signs, measured values in bands, and scales of findings."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from medcot_tasks.bundled import Level
from medcot_tasks.medical.steps import Step, Work

Finding = bool | float | str


@dataclass(frozen=True, slots=True)
class Grade:
    """What a criterion may come to: the name of its step and its points."""

    name: str
    points: float


@dataclass(frozen=True, slots=True)
class Told:
    """How a finding is told: the fact, the finding itself, and a conversion where it is told in another unit."""

    fact: str
    finding: Finding
    conversion: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two findings that nobody has together: one criterion at some points, and another at some."""

    one: str
    points: tuple[float, ...]
    other: str
    other_points: tuple[float, ...]

    def holds(self, grades: Mapping[str, Grade]) -> bool:
        """Return whether grades, by the names of their criteria, have both."""
        return grades[self.one].points in self.points and grades[self.other].points in self.other_points


class Criterion(Protocol):
    """One line of a table. Its first grade is that of a patient of whom nothing is told."""

    @property
    def name(self) -> str:
        """What the finding is called."""

    @property
    def needed(self) -> bool:
        """Whether it is told of every patient."""

    @property
    def grades(self) -> Sequence[Grade]:
        """All that it may come to."""

    def grade(self, finding: Finding) -> Grade:
        """Return what a finding comes to."""

    def tell(self, rng: random.Random, grade: Grade, unseen_range: bool, level: Level) -> Told:
        """Return a finding that comes to the grade."""


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that a patient has or has not."""

    name: str
    points: float
    yes: str
    no: str
    needed: bool = False

    @property
    def grades(self) -> tuple[Grade, Grade]:
        """Absent, present."""
        return Grade(f"no {self.name}", 0), Grade(self.name, self.points)

    def grade(self, finding: Finding) -> Grade:
        """Return the grade of True or False."""
        return self.grades[1] if finding else self.grades[0]

    def tell(self, rng: random.Random, grade: Grade, unseen_range: bool, level: Level) -> Told:
        """Tell it, or that it is absent."""
        present = grade == self.grades[1]
        return Told(self.yes if present else self.no, present)


@dataclass(frozen=True, slots=True)
class Band:
    """The values from `start` up to the next band, and where values are drawn from, away from its edges."""

    start: float
    points: float
    name: str
    seen: tuple[float, float]
    unseen: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Unit:
    """Another unit: how a value is told in it, and the expression that converts it back."""

    text: str
    factor: float
    """told = value * factor + offset"""
    name: str
    """The name of the step that converts it."""
    back: str
    unit: str
    offset: float = 0
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class Measure:
    """A measured value. The first band, in the order written, is the normal one."""

    name: str
    text: str
    """The fact, with `{}` for the value."""
    bands: tuple[Band, ...]
    step: float = 1
    needed: bool = False
    other: Unit | None = None

    @property
    def grades(self) -> tuple[Grade, ...]:
        """One for each band."""
        return tuple(Grade(band.name, band.points) for band in self.bands)

    def grade(self, finding: Finding) -> Grade:
        """Return the grade of the band in which a value lies."""
        return self._grade(self._band(float(finding)))

    def tell(self, rng: random.Random, grade: Grade, unseen_range: bool, level: Level) -> Told:
        """Draw a value from the band of the grade; level "hard" may tell it in the other unit."""
        band = next(band for band in self.bands if self._grade(band) == grade)
        low, high = band.unseen if unseen_range else band.seen
        value = round(rng.randint(round(low / self.step), round(high / self.step)) * self.step, 6)
        if self.other and level == "hard" and rng.random() < 0.5:
            return self._converted(value, self.other)
        return Told(self.text.format(f"{value:g}"), value)

    def _converted(self, value: float, other: Unit) -> Told:
        told = round(value * other.factor + other.offset, other.decimals)
        work = Work()
        decimals = len(f"{self.step:g}".partition(".")[2])
        back = work.step(other.name, other.back.format(f"{told:g}"), other.unit, decimals)
        return Told(other.text.format(f"{told:g}"), float(back), tuple(work.steps))

    def _band(self, value: float) -> Band:
        rising = sorted(self.bands, key=lambda band: band.start)
        return rising[max(0, bisect_right([band.start for band in rising], value + 1e-9) - 1)]

    @staticmethod
    def _grade(band: Band) -> Grade:
        return Grade(band.name, band.points)


@dataclass(frozen=True, slots=True)
class Scale:
    """A finding with several degrees: how each is told, and its points."""

    name: str
    degrees: tuple[tuple[str, float], ...]
    needed: bool = True

    @property
    def grades(self) -> tuple[Grade, ...]:
        """One for each number of points."""
        return tuple(Grade(self.name, points) for points in dict.fromkeys(points for _, points in self.degrees))

    def grade(self, finding: Finding) -> Grade:
        """Return the grade of what was told."""
        return Grade(self.name, dict(self.degrees)[str(finding)])

    def tell(self, rng: random.Random, grade: Grade, unseen_range: bool, level: Level) -> Told:
        """Tell a degree that has the points."""
        fact = rng.choice([told for told, points in self.degrees if points == grade.points])
        return Told(fact, fact)


@dataclass(frozen=True, slots=True)
class Pressures:
    """A blood pressure that counts where the systolic is below one limit or the diastolic not above another."""

    name: str
    grade_name: str
    points: float
    systolic: int
    diastolic: int
    needed: bool = False

    @property
    def grades(self) -> tuple[Grade, Grade]:
        """Normal, low."""
        return Grade(f"normal {self.name}", 0), Grade(self.grade_name, self.points)

    def grade(self, finding: Finding) -> Grade:
        """Return the grade of a pressure written as `120/80`."""
        systolic, diastolic = map(int, str(finding).split("/"))
        return self.grades[systolic < self.systolic or diastolic <= self.diastolic]

    def tell(self, rng: random.Random, grade: Grade, unseen_range: bool, level: Level) -> Told:
        """Draw a pressure that is normal, or low in one of the two ways."""
        systolic = rng.randint(140, 178) if unseen_range else rng.randint(self.systolic + 14, 136)
        diastolic = rng.randint(86, 98) if unseen_range else rng.randint(self.diastolic + 4, self.diastolic + 22)
        if grade == self.grades[1]:
            if rng.random() < 0.5:
                systolic = self.systolic - (rng.randint(21, 32) if unseen_range else rng.randint(4, 20))
                diastolic = systolic // 2 + rng.randint(2, 8)
            else:
                diastolic = self.diastolic - (rng.randint(13, 20) if unseen_range else rng.randint(2, 12))
        told = f"{systolic}/{min(diastolic, systolic - 18)}"
        return Told(f"{self.name} {told} mmHg", told)
