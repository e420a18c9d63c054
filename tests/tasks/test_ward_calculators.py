"""Calculations of one or two steps: from what is told to the answer, by formulas written a second time."""

import random
import re

import pytest
from lanes import draw

from medcot_tasks.bundled import LEVELS
from medcot_tasks.medical import vignettes
from medcot_tasks.medical.calculators import CALCULATORS, one_step, two_steps

DIRECT = {
    "pulse_pressure": (lambda high, low: high - low, "systolic pressure # mmHg", "diastolic pressure # mmHg"),
    "driving_pressure": (lambda plateau, peep: plateau - peep, "plateau pressure # cmH2O", "PEEP # cmH2O"),
    "fluid_balance": (lambda taken, given: taken - given, "fluid intake # mL", "fluid output # mL"),
    "non_hdl": (lambda total, hdl: total - hdl, "total cholesterol # mg/dL", "HDL # mg/dL"),
    "globulin": (lambda total, albumin: total - albumin, "total protein # g/L", "serum albumin # g/L"),
    "stroke_volume": (
        lambda full, left: full - left,
        "end-diastolic volume # mL",
        "end-systolic volume # mL",
    ),
    "cerebral_perfusion": (
        lambda mean, skull: mean - skull,
        "mean arterial pressure # mmHg",
        "intracranial pressure # mmHg",
    ),
    "daily_dose": (lambda mg, times: mg * times, "# mg per dose", "# doses a day"),
    "energy_need": (lambda kcal, kg: kcal * kg, "# kcal per kg a day planned", "weight # kg"),
    "protein_need": (lambda g, kg: g * kg, "# g of protein per kg a day planned", "weight # kg"),
    "tablets": (lambda dose, tablet: dose / tablet, "# mg prescribed per dose", "tablets of # mg"),
    "infusion_hours": (lambda ml, rate: ml / rate, "# mL to be infused", "pump rate # mL/h"),
    "carbohydrate_units": (
        lambda g, per_unit: g / per_unit,
        "meal of # g of carbohydrate",
        "1 unit of insulin for # g",
    ),
    "days_of_supply": (lambda left, a_day: left / a_day, "# tablets left", "# tablets a day"),
    "urine_per_hour": (lambda ml, hours: ml / hours, "# mL of urine collected", "collected for # hours"),
    "vldl": (lambda triglycerides: triglycerides / 5, "triglycerides # mg/dL"),
    "child_weight": (lambda years: 2 * (years + 4), "an? #-year-old (boy|girl)"),
    "pressure_limit": (lambda years: 70 + 2 * years, "an? #-year-old (boy|girl)"),
    "target_rate": (
        lambda percent, years: (220 - years) * percent / 100,
        "exercise at # % of the peak heart rate",
        "an? #-year-old (man|woman)",
    ),
    "pack_years": (
        lambda cigarettes, years: cigarettes / 20 * years,
        "smoked # cigarettes a day",
        "smoked for # years",
    ),
    "correction_dose": (
        lambda glucose, target, factor: (glucose - target) / factor,
        *("glucose # mg/dL", "target # mg/dL", "1 unit lowers it by # mg/dL"),
    ),
    "alcohol_units": (lambda ml, percent: ml * percent / 1000, "drank # mL", "drink of # % alcohol"),
}
"""Name -> formula, and how its inputs are told."""
SOURCES = (*one_step.SOURCES, *two_steps.SOURCES)


def told(facts, pattern):
    [found] = [match for fact in facts if (match := re.fullmatch(pattern.replace("#", r"([\d.]+)"), fact))]
    return float(found[1])


def test_each_has_its_formula():
    assert {source.name for source in SOURCES} == set(DIRECT)
    assert set(SOURCES) <= set(CALCULATORS)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@draw(quick=60, slow=500)
def test_answers_are_those_of_the_formulas_written_directly(source, count):
    formula, *patterns = DIRECT[source.name]
    for level in LEVELS:
        for unseen in (False, True):
            for number in range(count):
                problem = source.make(random.Random(number), unseen, level)
                wanted = formula(*(told(problem.facts, pattern) for pattern in patterns))
                digits = len(problem.answer.partition(".")[2])
                assert abs(float(problem.answer) - wanted) <= 0.5 * 10.0**-digits + 1e-9, problem


def test_below_level_hard_no_answer_is_rounded():
    for source in SOURCES:
        formula, *patterns = DIRECT[source.name]
        for number in range(100):
            problem = source.make(random.Random(number), False, "basic")
            wanted = formula(*(told(problem.facts, pattern) for pattern in patterns))
            assert float(problem.answer) == pytest.approx(wanted, rel=1e-12), problem


def test_level_basic_has_enough_entities_of_every_kind():
    family = vignettes.family("basic")
    seen = set(family.entities) - set(family.held_out)
    assert len(seen) >= 20  # each is one group of the evaluation
    assert len({draw.group for draw, _ in zip(family.draws("eval"), range(200), strict=False)}) == len(seen)
    short = {source.name for source in SOURCES}
    assert len(seen & short) >= 14
    assert seen - short
    assert {bool({name} & short) for name in family.held_out} == {True, False}
