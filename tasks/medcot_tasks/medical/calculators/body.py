"""Body size: mass index, surface, ideal and adjusted weight."""

from __future__ import annotations

from functools import partial

from medcot_tasks.medical.calculators.case import Case, Solution, source
from medcot_tasks.medical.problem import Problem
from medcot_tasks.medical.steps import Work


def bmi_steps(kg: float, cm: float) -> Work:
    """Weight over height squared (Quetelet; Keys 1972)."""
    work = Solution()
    metres = work.step("height in m", f"{cm:g}/100", "m", 3)
    squared = work.step("height squared", f"{metres}*{metres}", "m2", 4)
    work.step("BMI", f"{kg:g}/{squared}", "kg/m2", 1)
    return work


def _bmi(case: Case) -> Problem:
    weight, height = case.weight(), case.height()
    kg, cm = weight.value, height.value
    return case.problem(
        "the body mass index in kg/m2",
        bmi_steps(kg, cm),
        {
            **weight.slips(lambda misread: bmi_steps(misread, cm)),
            **height.slips(lambda misread: bmi_steps(kg, misread)),
            "height not squared": 100 * kg / cm,
            "height doubled in place of squared": 50 * kg / cm,
            "22 times the ratio to height minus 100": 22 * kg / (cm - 100),
        },
    )


def mosteller_steps(cm: float, kg: float) -> Work:
    """Root of cm kg / 3600 (Mosteller 1987)."""
    work = Solution()
    product = work.step("height times weight", f"{cm:g}*{kg:g}", decimals=1)
    divided = work.step("divided by 3600", f"{product}/3600", decimals=4)
    work.step("BSA", f"sqrt({divided})", "m2", 2, least=1)
    return work


def dubois_steps(cm: float, kg: float) -> Work:
    """0.007184 kg^0.425 cm^0.725 (Du Bois and Du Bois 1916)."""
    work = Solution()
    weight = work.step("weight factor", f"{kg:g}^0.425", decimals=4)
    height = work.step("height factor", f"{cm:g}^0.725", decimals=3)
    work.step("BSA", f"0.007184*{weight}*{height}", "m2", 2, least=1)
    return work


def _surface(case: Case, formula: str) -> Problem:
    weight, height = case.weight(35, 99, 100, 150, 10, 1), case.height()
    kg, cm = weight.value, height.value
    steps = {"Mosteller": mosteller_steps, "DuBois": dubois_steps}
    solve = steps.pop(formula)
    return case.problem(
        f"the body surface area in m2 by the {formula} formula",
        solve(cm, kg),
        {
            **weight.slips(lambda misread: solve(cm, misread)),
            **height.slips(lambda misread: solve(misread, kg)),
            "height times weight over 3600 taken": cm * kg / 3600,
            "divided by 3000": (cm * kg / 3000) ** 0.5,
            "exponents swapped": 0.007184 * cm**0.425 * kg**0.725,
        },
        rivals={f"the {other} formula taken": steps[other](cm, kg) for other in steps},
    )


def ideal_weight_steps(inches: float, female: bool) -> Work:
    """50 kg for men or 45.5 for women, and 2.3 kg for each inch above 60 (Devine 1974)."""
    work = Solution()
    above = work.step("inches above 60", f"{inches:g} - 60", decimals=2)
    extra = work.step("2.3 kg for each", f"2.3*{above}", "kg", 2)
    work.step("ideal weight", f"{45.5 if female else 50} + {extra}", "kg", 1)
    return work


def _ideal_weight(case: Case) -> Problem:
    case.patient()
    inches = case.height(in_inches=True).value
    base = 45.5 if case.female else 50
    return case.problem(
        "the ideal body weight in kg by the Devine formula",
        ideal_weight_steps(inches, case.female),
        {
            "1 kg added for each inch": base + inches - 60,
            "inches above 50 taken": base + 2.3 * (inches - 50),
            "the base left out": 2.3 * (inches - 60),
            "3.2 kg added for each inch": base + 3.2 * (inches - 60),
        },
        rivals={"the other sex's base taken": ideal_weight_steps(inches, not case.female)},
    )


def adjusted_weight_steps(inches: float, female: bool, kg: float) -> Work:
    """Ideal weight + 0.4 (weight - ideal weight) (Devine 1974; Bauer 1983)."""
    work = ideal_weight_steps(inches, female)
    ideal = work.steps[-1].value
    excess = work.step("excess weight", f"{kg:g} - {ideal}", "kg", 1)
    share = work.step("0.4 of the excess", f"0.4*{excess}", "kg", 2)
    work.step("adjusted weight", f"{ideal} + {share}", "kg", 1)
    return work


def _adjusted_weight(case: Case) -> Problem:
    case.patient()
    inches = case.height(in_inches=True).value
    weight = case.weight(90, 120, 121, 160, 10, 1)
    kg = weight.value
    ideal = float(ideal_weight_steps(inches, case.female).steps[-1].value)
    return case.problem(
        "the adjusted body weight in kg, from the ideal weight by the Devine formula",
        adjusted_weight_steps(inches, case.female, kg),
        {
            **weight.slips(lambda misread: adjusted_weight_steps(inches, case.female, misread)),
            "the ideal weight given": ideal,
            "ideal and actual weight averaged": (ideal + kg) / 2,
        },
        rivals={
            "the other sex's base taken": adjusted_weight_steps(inches, not case.female, kg),
            "0.25 of the excess taken": ideal + 0.25 * (kg - ideal),
        },
    )


SOURCES = (
    source("bmi", _bmi),
    source("bsa_mosteller", partial(_surface, formula="Mosteller")),
    source("bsa_dubois", partial(_surface, formula="DuBois")),
    source("ideal_weight", _ideal_weight, basic=True),
    source("adjusted_weight", _adjusted_weight),
)
