"""Electrolytes and acid-base: gaps, compensation, corrected values, osmolality, free water."""

from __future__ import annotations

from medcot_tasks.medical.calculators.case import Case, Solution, source
from medcot_tasks.medical.calculators.wrong import Reading
from medcot_tasks.medical.problem import Problem
from medcot_tasks.medical.steps import Work


def anion_gap_steps(na: float, cl: float, hco3: float) -> Solution:
    """Na - Cl - HCO3, without potassium (Emmett and Narins 1977)."""
    work = Solution()
    rest = work.step("sodium minus chloride", f"{na:g} - {cl:g}")
    work.step("anion gap", f"{rest} - {hco3:g}", "mEq/L")
    return work


def _gap_inputs(case: Case, low: int, high: int) -> tuple[float, float, float]:
    """Sodium, chloride and bicarbonate with an anion gap in the range."""
    na = case.draw(130, 148, 149, 160)
    hco3 = case.draw(12, 28, 29, 36)
    rest = int(na - hco3)
    cl = case.rng.randint(max(84, rest - high), min(124, rest - low))
    case.facts += [f"sodium {na:g} mEq/L", f"chloride {cl:g} mEq/L", f"bicarbonate {hco3:g} mEq/L"]
    return na, cl, hco3


def _anion_gap(case: Case) -> Problem:
    na, cl, hco3 = _gap_inputs(case, 6, 26)
    return case.problem(
        "the anion gap in mEq/L",
        anion_gap_steps(na, cl, hco3),
        {
            "added potassium": na + 4 - cl - hco3,
            "bicarbonate left out": na - cl,
            "bicarbonate added instead of subtracted": na - cl + hco3,
            "a normal bicarbonate of 24 taken": na - cl - 24,
        },
    )


def corrected_gap_steps(na: float, cl: float, hco3: float, albumin: float) -> Work:
    """Anion gap + 2.5 (4 - albumin) (Figge 1998)."""
    work = anion_gap_steps(na, cl, hco3)
    gap = work.steps[-1].value
    missing = work.step("missing albumin", f"4 - {albumin:g}", "g/dL", 1)
    extra = work.step("correction", f"2.5*{missing}", decimals=2)
    work.step("corrected gap", f"{gap} + {extra}", "mEq/L", 1)
    return work


def _corrected_gap(case: Case) -> Problem:
    na, cl, hco3 = _gap_inputs(case, 8, 24)
    albumin = case.told("albumin {} g/dL", 1.8, 3.6, 1.0, 1.7, 0.2, 0.1)
    gap = na - cl - hco3
    return case.problem(
        "the albumin-corrected anion gap in mEq/L",
        corrected_gap_steps(na, cl, hco3, albumin),
        {
            "albumin left out": gap,
            "the correction subtracted": gap - 2.5 * (4 - albumin),
            "the factor of calcium, 0.8, taken": gap + 0.8 * (4 - albumin),
            "a factor of 1 taken": gap + 4 - albumin,
            "a normal albumin of 4.4 taken": gap + 2.5 * (4.4 - albumin),
        },
    )


def delta_gap_steps(na: float, cl: float, hco3: float) -> Solution:
    """Anion gap - 12 (Wrenn 1990)."""
    work = anion_gap_steps(na, cl, hco3)
    work.step("delta gap", f"{work.steps[-1].value} - 12", "mEq/L")
    return work


def _delta_gap(case: Case) -> Problem:
    na, cl, hco3 = _gap_inputs(case, 14, 30)
    gap = na - cl - hco3
    return case.problem(
        "the delta gap in mEq/L, with a normal anion gap of 12",
        delta_gap_steps(na, cl, hco3),
        {
            "the anion gap itself given": gap,
            "a normal gap of 10 taken": gap - 10,
            "12 added instead of subtracted": gap + 12,
        },
        rivals={"the fall of bicarbonate given": 24 - hco3},
    )


def delta_ratio_steps(na: float, cl: float, hco3: float) -> Work:
    """(Anion gap - 12) / (24 - HCO3) (Rastegar 2007)."""
    work = delta_gap_steps(na, cl, hco3)
    rise = work.steps[-1].value
    fall = work.step("fall of bicarbonate", f"24 - {hco3:g}", "mEq/L")
    work.step("delta ratio", f"{rise}/{fall}", decimals=2, least=1)
    return work


def _delta_ratio(case: Case) -> Problem:
    hco3 = case.draw(10, 19, 5, 9)
    na = case.draw(130, 148, 149, 160)
    gap = case.rng.randint(18, 34)
    cl = na - hco3 - gap
    case.facts += [f"sodium {na:g} mEq/L", f"chloride {cl:g} mEq/L", f"bicarbonate {hco3:g} mEq/L"]
    return case.problem(
        "the delta ratio, with a normal anion gap of 12 and a normal bicarbonate of 24",
        delta_ratio_steps(na, cl, hco3),
        {
            "divided the other way round": (24 - hco3) / (gap - 12),
            "the whole anion gap taken": gap / (24 - hco3),
            "divided by the bicarbonate itself": (gap - 12) / hco3,
            "a normal gap of 10 taken": (gap - 10) / (24 - hco3),
        },
    )


def winter_steps(hco3: float) -> Work:
    """Expected PaCO2 = 1.5 HCO3 + 8 (Albert, Dell and Winters 1967)."""
    work = Solution()
    product = work.step("1.5 times bicarbonate", f"1.5*{hco3:g}", decimals=1)
    work.step("expected PaCO2", f"{product} + 8", "mmHg", 1)
    return work


def _winter(case: Case) -> Problem:
    hco3 = case.told("bicarbonate {} mEq/L", 8, 20, 4, 7, 2, 1)
    return case.problem(
        "the expected PaCO2 in mmHg by Winters' formula",
        winter_steps(hco3),
        {
            "8 left out": 1.5 * hco3,
            "8 subtracted": 1.5 * hco3 - 8,
            "the upper end of the range given": 1.5 * hco3 + 10,
            "the factor 1.5 left out": hco3 + 8,
        },
        rivals={"the rule bicarbonate plus 15 taken": hco3 + 15},
    )


def corrected_calcium_steps(calcium: float, albumin: float) -> Work:
    """Ca + 0.8 (4 - albumin) (Payne 1973)."""
    work = Solution()
    missing = work.step("missing albumin", f"4 - {albumin:g}", "g/dL", 1)
    extra = work.step("correction", f"0.8*{missing}", "mg/dL", 2)
    work.step("corrected calcium", f"{calcium:g} + {extra}", "mg/dL", 2)
    return work


def _corrected_calcium(case: Case) -> Problem:
    calcium = case.told("total calcium {} mg/dL", 7.0, 9.6, 10.0, 13.0, 0.2, 0.1)
    albumin = case.told("albumin {} g/dL", 2.0, 3.5, 1.0, 1.8, 0.5, 0.1)
    missing = 4 - albumin
    return case.problem(
        "the corrected calcium in mg/dL",
        corrected_calcium_steps(calcium, albumin),
        {
            "the correction subtracted": calcium - 0.8 * missing,
            "the factor 0.8 left out": calcium + missing,
            "a normal albumin of 4.4 taken": calcium + 0.8 * (4.4 - albumin),
            "the factor of the anion gap, 2.5, taken": calcium + 2.5 * missing,
            "albumin left out": calcium,
        },
    )


def corrected_sodium_steps(na: float, glucose: float, factor: float) -> Work:
    """Na + k (glucose - 100)/100, k 1.6 (Katz 1973) or 2.4 (Hillier 1999)."""
    work = Solution()
    excess = work.step("hundreds of glucose above 100", f"({glucose:g} - 100)/100", decimals=3)
    extra = work.step("correction", f"{factor:g}*{excess}", "mEq/L", 2)
    work.step("corrected sodium", f"{na:g} + {extra}", "mEq/L", 1)
    return work


def _corrected_sodium(case: Case) -> Problem:
    factor, other = case.rng.choice(((1.6, 2.4), (2.4, 1.6)))
    na = case.told("sodium {} mEq/L", 118, 135, 136, 146)
    sugar = case.glucose(300, 700, 720, 1100, 100, 10)
    glucose = sugar.value
    return case.problem(
        f"the sodium in mEq/L corrected by {factor} mEq/L for each 100 mg/dL of glucose above 100",
        corrected_sodium_steps(na, glucose, factor),
        {
            **sugar.slips(lambda misread: na + factor * max(0, misread - 100) / 100),
            "the correction subtracted": corrected_sodium_steps(na, glucose, -factor),
            "100 not subtracted from glucose": na + factor * glucose / 100,
            "glucose left out": na,
        },
        rivals={f"the factor {other} taken": corrected_sodium_steps(na, glucose, other)},
    )


def osmolality_steps(na: float, glucose: float, bun: float, decimals: int = 0) -> Work:
    """2 Na + glucose/18 + BUN/2.8 (Smithline and Gardner 1976)."""
    work = Solution()
    salt = work.step("twice sodium", f"2*{na:g}")
    sugar = work.step("glucose part", f"{glucose:g}/18", decimals=2)
    urea = work.step("urea part", f"{bun:g}/2.8", decimals=2)
    work.step("osmolality", f"{salt} + {sugar} + {urea}", "mOsm/kg", decimals)
    return work


def _osmolality(case: Case) -> Problem:
    na = case.told("sodium {} mEq/L", 124, 148, 149, 165)
    if case.basic:
        sugar = Reading(case.told("glucose {} mg/dL", 90, 270, 288, 540, 18, 1))
        bun = case.told("BUN {} mg/dL", 14, 42, 56, 84, 14, 1)
    else:
        sugar = case.glucose(75, 280, 290, 600, 1, 1)
        bun = case.told("BUN {} mg/dL", 8, 48, 50, 110, 1, 1)
    glucose = sugar.value
    return case.problem(
        "the serum osmolality in mOsm/kg from sodium, glucose and BUN",
        osmolality_steps(na, glucose, bun),
        {
            **sugar.slips(lambda misread: osmolality_steps(na, misread, bun)),
            "sodium not doubled": na + glucose / 18 + bun / 2.8,
            "divisors of glucose and BUN swapped": 2 * na + glucose / 2.8 + bun / 18,
            "BUN left out": 2 * na + glucose / 18,
            "glucose and BUN added undivided": 2 * na + glucose + bun,
        },
    )


def osmolal_gap_steps(measured: float, na: float, glucose: float, bun: float, ethanol: float) -> Work:
    """Measured - calculated osmolality, with ethanol/4.6: 46 g/mol (Purssell 2001 found 3.7 to fit better)."""
    work = osmolality_steps(na, glucose, bun, 2)
    calculated = work.steps[-1].value
    alcohol = work.step("ethanol part", f"{ethanol:g}/4.6", decimals=2)
    expected = work.step("expected osmolality", f"{calculated} + {alcohol}", decimals=2)
    work.step("osmolal gap", f"{measured:g} - {expected}", "mOsm/kg", 1)
    return work


def _osmolal_gap(case: Case) -> Problem:
    na = case.told("sodium {} mEq/L", 132, 146, 147, 156)
    sugar = case.glucose(75, 160, 170, 400)
    glucose = sugar.value
    bun = case.told("BUN {} mg/dL", 8, 30, 31, 60)
    ethanol = case.told("ethanol {} mg/dL", 40, 240, 250, 420)
    measured = round(2 * na + glucose / 18 + bun / 2.8 + ethanol / 4.6) + case.rng.randint(8, 40)
    case.tell(f"measured osmolality {measured} mOsm/kg")
    known = 2 * na + glucose / 18 + bun / 2.8
    return case.problem(
        "the osmolal gap in mOsm/kg after ethanol (divisor 4.6)",
        osmolal_gap_steps(measured, na, glucose, bun, ethanol),
        {
            **sugar.slips(lambda misread: osmolal_gap_steps(measured, na, misread, bun, ethanol)),
            "ethanol left out": measured - known,
            "ethanol subtracted twice": measured - known - ethanol / 2.3,
            "BUN left out": measured - known + bun / 2.8 - ethanol / 4.6,
        },
        rivals={"the empirical divisor 3.7 taken": measured - known - ethanol / 3.7},
    )


SOURCES = (
    source("anion_gap", _anion_gap, basic=True),
    source("corrected_anion_gap", _corrected_gap),
    source("delta_gap", _delta_gap, basic=True),
    source("delta_ratio", _delta_ratio),
    source("winter", _winter, basic=True),
    source("corrected_calcium", _corrected_calcium, basic=True),
    source("corrected_sodium", _corrected_sodium),
    source("osmolality", _osmolality),
    source("osmolal_gap", _osmolal_gap),
)
