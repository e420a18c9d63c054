"""What wards work out in two short steps: rules of thumb by age, exposure, and insulin above a target."""

from __future__ import annotations

from medcot_tasks.medical.calculators.case import Case, Solution, source
from medcot_tasks.medical.problem import Problem
from medcot_tasks.medical.steps import Work


def child_weight_steps(years: float) -> Work:
    """Twice the age and 4 years (Advanced Paediatric Life Support)."""
    work = Solution()
    more = work.step("age and 4", f"{years:g} + 4")
    work.step("expected weight", f"2*{more}", "kg")
    return work


def _child(case: Case) -> float:
    """Draw and tell a child's age."""
    years = case.draw(1, 8, 9, 10)
    case.person = f"{'an' if years == 8 else 'a'} {years:g}-year-old {case.rng.choice(('boy', 'girl'))}"
    return years


def _child_weight(case: Case) -> Problem:
    years = _child(case)
    return case.problem(
        "the expected weight in kg by the APLS formula",
        child_weight_steps(years),
        {
            "4 added after doubling": 2 * years + 4,
            "not doubled": years + 4,
            "3 added in place of 4": 2 * (years + 3),
            "5 added in place of 4": 2 * (years + 5),
            "tripled": 3 * (years + 4),
        },
    )


def pressure_limit_steps(years: float) -> Work:
    """70 and twice the age: the 5th percentile of systolic pressure (Pediatric Advanced Life Support)."""
    work = Solution()
    twice = work.step("twice the age", f"2*{years:g}")
    work.step("lowest systolic pressure", f"70 + {twice}", "mmHg")
    return work


def _pressure_limit(case: Case) -> Problem:
    years = _child(case)
    return case.problem(
        "the lowest normal systolic pressure in mmHg by the PALS rule",
        pressure_limit_steps(years),
        {
            "the age not doubled": 70 + years,
            "90 taken in place of 70": 90 + 2 * years,
            "the age tripled": 70 + 3 * years,
            "80 taken in place of 70": 80 + 2 * years,
        },
    )


def peak_rate_steps(years: float, percent: float) -> Work:
    """A share of 220 less the age (Fox 1971)."""
    work = Solution()
    peak = work.step("peak heart rate", f"220 - {years:g}")
    work.step("target", f"{percent:g}*{peak}/100", "beats/min", 1)
    return work


def _target_rate(case: Case) -> Problem:
    years = case.patient(20, 75, 80, 90)
    percent = case.told("exercise at {} % of the peak heart rate", 50, 80, 85, 90, 10, 5)
    right = percent * (220 - years) / 100
    return case.problem(
        "the target heart rate in beats/min, from a peak of 220 less the age",
        peak_rate_steps(years, percent),
        {
            "the peak given": 220 - years,
            "200 taken in place of 220": percent * (200 - years) / 100,
            "a tenth of the peak less": right - (220 - years) / 10,
            "a tenth of the peak more": right + (220 - years) / 10,
        },
    )


def pack_years_steps(cigarettes: float, years: float) -> Work:
    """Packs of 20 a day times years."""
    work = Solution()
    packs = work.step("packs a day", f"{cigarettes:g}/20", decimals=2)
    work.step("pack-years", f"{packs}*{years:g}", decimals=1)
    return work


def _pack_years(case: Case) -> Problem:
    cigarettes = case.told("smoked {} cigarettes a day", 10, 40, 50, 60, 10, 5)
    years = case.told("smoked for {} years", 6, 40, 42, 60, 2, 1)
    return case.problem(
        "the number of pack-years",
        pack_years_steps(cigarettes, years),
        {
            "the years given": years,
            "packs of 10 taken": cigarettes / 10 * years,
            "packs of 40 taken": cigarettes / 40 * years,
            "packs of 25 taken": cigarettes / 25 * years,
        },
    )


def correction_steps(glucose: float, target: float, factor: float) -> Work:
    """Glucose above the target, over what one unit lowers it by."""
    work = Solution()
    above = work.step("above the target", f"{glucose:g} - {target:g}")
    work.step("insulin", f"{above}/{factor:g}", decimals=1)
    return work


def _correction(case: Case) -> Problem:
    units = case.draw(2, 8, 9, 12, 1, 0.5)
    factor = case.draw(20, 50, 60, 80, 10, 10)
    target = case.draw(100, 140, 80, 90, 10, 10)
    glucose = target + units * factor
    case.tell(f"glucose {glucose:g} mg/dL")
    case.tell(f"target {target:g} mg/dL")
    case.tell(f"1 unit lowers it by {factor:g} mg/dL")
    return case.problem(
        "the insulin in units that brings the glucose to its target",
        correction_steps(glucose, target, factor),
        {
            "the target not subtracted": glucose / factor,
            "one unit more": units + 1,
            "one unit less": units - 1,
            "two units more": units + 2,
        },
    )


def alcohol_units_steps(ml: float, percent: float) -> Work:
    """Volume times strength over 1000: units of 10 mL (UK Chief Medical Officers 2016)."""
    work = Solution()
    product = work.step("volume times strength", f"{ml:g}*{percent:g}", decimals=1)
    work.step("units", f"{product}/1000", decimals=2)
    return work


def _alcohol_units(case: Case) -> Problem:
    ml = case.told("drank {} mL", 200, 1000, 1100, 2000, 100, 25)
    percent = case.told("drink of {} % alcohol", 4, 12, 13, 20, 1, 0.5)
    return case.problem(
        "the alcohol in UK units of 10 mL",
        alcohol_units_steps(ml, percent),
        {
            "divided by 100": ml * percent / 100,
            "taken in grams": 0.789 * ml * percent / 1000,
            "units of 8 mL taken": ml * percent / 800,
            "units of 12.5 mL taken": ml * percent / 1250,
        },
    )


SOURCES = (
    source("child_weight", _child_weight, basic=True),
    source("pressure_limit", _pressure_limit, basic=True),
    source("target_rate", _target_rate, basic=True),
    source("pack_years", _pack_years, basic=True),
    source("correction_dose", _correction, basic=True),
    source("alcohol_units", _alcohol_units, basic=True),
)
