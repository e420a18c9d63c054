"""What wards work out in one step: a difference, a product or a quotient of two values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from medcot_tasks.medical.calculators.case import Case, Solution, source
from medcot_tasks.medical.calculators.wrong import Wrong
from medcot_tasks.medical.problem import Problem
from medcot_tasks.medical.steps import Work

Operation = Literal["-", "*", "/"]
Values = tuple[float, ...]
"""The arguments of a `Span`."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One such calculation. Values are drawn so that answers are whole, or have few digits."""

    name: str
    asked: str
    step: str
    """What the step is called."""
    unit: str
    operation: Operation
    told: tuple[str, str]
    """How both operands are told. Where this is empty, the second is a constant of the formula."""
    first: Values
    """Of a product the first factor, of a difference or quotient the answer."""
    second: Values

    def operands(self, case: Case) -> tuple[float, float]:
        """Draw both operands."""
        drawn, second = case.draw(*self.first), case.draw(*self.second)
        if self.operation == "-":
            return drawn + second, second
        return (drawn * second if self.operation == "/" else drawn), second


def one_step(kind: Kind, first: float, second: float) -> Work:
    """The one step."""
    work = Solution()
    spaced = " - " if kind.operation == "-" else kind.operation
    work.step(kind.step, f"{first:g}{spaced}{second:g}", kind.unit, 1)
    return work


def _wrong_difference(first: float, second: float) -> Wrong:
    return {
        "added": first + second,
        "the mean taken": (first + second) / 2,
        "the larger one given": first,
        "subtracted twice": first - 2 * second,
    }


def _wrong_product(first: float, second: float) -> Wrong:
    return {
        "once too often": first * (second + 1),
        "once too few": first * (second - 1),
        "added": first + second,
        "divided": first / second,
    }


def _wrong_quotient(first: float, second: float) -> Wrong:
    return {
        "one more taken": first / (second + 1),
        "one less taken": first / (second - 1),
        "divided by twice as much": first / second / 2,
        "divided by half as much": first / second * 2,
    }


WRONG: dict[Operation, Callable[[float, float], Wrong]] = {
    "-": _wrong_difference,
    "*": _wrong_product,
    "/": _wrong_quotient,
}


def _problem(case: Case, kind: Kind) -> Problem:
    operands = kind.operands(case)
    for told, value in zip(kind.told, operands, strict=True):
        if told:
            case.tell(told.format(f"{value:g}"))
    return case.problem(kind.asked, one_step(kind, *operands), WRONG[kind.operation](*operands))


KINDS = (
    Kind(
        "pulse_pressure",
        "the pulse pressure in mmHg",
        "pulse pressure",
        "mmHg",
        "-",
        ("systolic pressure {} mmHg", "diastolic pressure {} mmHg"),
        (30, 75, 80, 100, 5, 1),
        (55, 90, 95, 120, 5, 1),
    ),
    Kind(
        "driving_pressure",  # Amato 2015
        "the driving pressure of the ventilator in cmH2O",
        "driving pressure",
        "cmH2O",
        "-",
        ("plateau pressure {} cmH2O", "PEEP {} cmH2O"),
        (9, 17, 18, 25, 1, 1),
        (4, 10, 12, 16, 2, 1),
    ),
    Kind(
        "fluid_balance",
        "the fluid balance in mL",
        "balance",
        "mL",
        "-",
        ("fluid intake {} mL", "fluid output {} mL"),
        (200, 1500, 1600, 2400, 100, 10),
        (500, 2000, 2100, 3000, 100, 10),
    ),
    Kind(
        "non_hdl",
        "the non-HDL cholesterol in mg/dL",
        "non-HDL",
        "mg/dL",
        "-",
        ("total cholesterol {} mg/dL", "HDL {} mg/dL"),
        (90, 190, 200, 260, 10, 1),
        (30, 70, 75, 95, 5, 1),
    ),
    Kind(
        "globulin",
        "the serum globulin in g/L",
        "globulin",
        "g/L",
        "-",
        ("total protein {} g/L", "serum albumin {} g/L"),
        (22, 38, 40, 60, 2, 1),
        (30, 45, 18, 28, 1, 1),
    ),
    Kind(
        "stroke_volume",
        "the stroke volume in mL",
        "stroke volume",
        "mL",
        "-",
        ("end-diastolic volume {} mL", "end-systolic volume {} mL"),
        (50, 90, 95, 130, 5, 1),
        (30, 65, 70, 120, 5, 1),
    ),
    Kind(
        "cerebral_perfusion",
        "the cerebral perfusion pressure in mmHg",
        "perfusion pressure",
        "mmHg",
        "-",
        ("mean arterial pressure {} mmHg", "intracranial pressure {} mmHg"),
        (50, 90, 95, 120, 5, 1),
        (8, 20, 22, 40, 2, 1),
    ),
    Kind(
        "daily_dose",
        "the daily dose in mg",
        "daily dose",
        "mg",
        "*",
        ("{} mg per dose", "{} doses a day"),
        (20, 400, 420, 800, 20, 5),
        (2, 4, 5, 6),
    ),
    Kind(
        "energy_need",
        "the daily energy need in kcal",
        "energy need",
        "kcal",
        "*",
        ("{} kcal per kg a day planned", "weight {} kg"),
        (20, 35, 40, 45, 5, 1),
        (40, 90, 100, 140, 2, 1),
    ),
    Kind(
        "protein_need",
        "the daily protein need in g",
        "protein need",
        "g",
        "*",
        ("{} g of protein per kg a day planned", "weight {} kg"),
        (1, 2, 2.5, 3, 0.5, 0.1),
        (40, 90, 100, 140, 2, 1),
    ),
    Kind(
        "tablets",
        "the number of tablets for one dose",
        "tablets",
        "",
        "/",
        ("{} mg prescribed per dose", "tablets of {} mg"),
        (1.5, 5, 5.5, 8, 0.5, 0.5),
        (10, 200, 220, 400, 10, 5),
    ),
    Kind(
        "infusion_hours",
        "the duration of the infusion in hours",
        "duration",
        "h",
        "/",
        ("{} mL to be infused", "pump rate {} mL/h"),
        (2, 12, 13, 20, 1, 0.5),
        (40, 120, 125, 250, 5, 1),
    ),
    Kind(
        "carbohydrate_units",
        "the insulin for the meal in units",
        "insulin",
        "",
        "/",
        ("meal of {} g of carbohydrate", "1 unit of insulin for {} g"),
        (2, 10, 11, 16, 1, 0.5),
        (5, 12, 14, 20, 1, 1),
    ),
    Kind(
        "days_of_supply",
        "the number of days that the tablets last",
        "days",
        "",
        "/",
        ("{} tablets left", "{} tablets a day"),
        (5, 40, 42, 90, 1, 1),
        (2, 4, 5, 8),
    ),
    Kind(
        "urine_per_hour",
        "the urine output in mL/h",
        "urine output",
        "mL/h",
        "/",
        ("{} mL of urine collected", "collected for {} hours"),
        (30, 100, 110, 200, 5, 1),
        (2, 8, 9, 12),
    ),
    Kind(
        "vldl",  # Friedewald 1972
        "the VLDL cholesterol in mg/dL, taken as a fifth of the triglycerides",
        "VLDL",
        "mg/dL",
        "/",
        ("triglycerides {} mg/dL", ""),
        (12, 60, 61, 78, 1, 0.2),
        (5, 5, 5, 5),
    ),
)

SOURCES = tuple(source(kind.name, partial(_problem, kind=kind), basic=True) for kind in KINDS)
