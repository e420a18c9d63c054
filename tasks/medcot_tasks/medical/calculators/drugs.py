"""Doses and rates of drugs: by weight, as a volume, by drip and pump, opioid and steroid equivalents."""

from __future__ import annotations

from collections.abc import Sequence

from medcot_tasks.medical.calculators.case import Case, Solution, source
from medcot_tasks.medical.problem import Problem
from medcot_tasks.medical.steps import Work

MORPHINE = {
    "codeine": 0.15,
    "hydrocodone": 1,
    "hydromorphone": 5,
    "methadone": 4.7,
    "morphine": 1,
    "oxycodone": 1.5,
    "oxymorphone": 3,
    "tapentadol": 0.4,
    "tramadol": 0.2,
}
"""mg of morphine by mouth for 1 mg (CDC 2022)."""
STEROIDS = {
    "dexamethasone": 0.75,
    "betamethasone": 0.75,
    "methylprednisolone": 4,
    "triamcinolone": 4,
    "prednisone": 5,
    "prednisolone": 5,
    "hydrocortisone": 20,
    "cortisone": 25,
}
"""mg of equal glucocorticoid effect (Meikle and Tyler 1977)."""
_TABLETS = {
    "codeine": (30, 60),
    "hydrocodone": (5, 10),
    "hydromorphone": (2, 4),
    "methadone": (5, 10),
    "morphine": (10, 15, 20, 30),
    "oxycodone": (10, 20),
    "oxymorphone": (5, 10),
    "tapentadol": (50, 100),
    "tramadol": (50, 100),
}


def drip_steps(ml: float, hours: float, drops: float) -> Work:
    """mL per hour times drops per mL over 60: drops per minute."""
    work = Solution()
    hourly = work.step("mL per hour", f"{ml:g}/{hours:g}", "mL/h", 2)
    per_hour = work.step("drops per hour", f"{hourly}*{drops:g}", decimals=1)
    work.step("drip rate", f"{per_hour}/60", "drops/min")
    return work


def _drip(case: Case) -> Problem:
    drops = case.rng.choice((10, 15, 20))
    hours = case.pick((4, 5, 6, 8, 10), (2, 3, 12, 16))
    rate = case.draw(10, 40, 42, 60, 2)
    ml = rate * 60 / drops * hours
    if not case.basic:
        ml = 50 * max(1, round(ml / 50))
    case.tell(f"{ml:g} mL to run over {hours} hours")
    case.tell(f"drop factor {drops} drops/mL")
    return case.problem(
        "the drip rate in drops/min",
        drip_steps(ml, hours, drops),
        {
            "the rate in mL/h given": ml / hours,
            "a drop factor of 60 taken": ml / hours,
            "drop factor left out": ml / hours / 60,
            "an hour more taken": drip_steps(ml, hours + 1, drops),
            "a drop factor 5 higher taken": drip_steps(ml, hours, drops + 5),
            "divided by the drop factor": ml / hours / drops,
        },
    )


def infusion_steps(dose: float, kg: float, mg: float, ml: float) -> Work:
    """µg/kg/min times kg times 60, over µg per mL: mL per hour."""
    work = Solution()
    minute = work.step("µg per minute", f"{dose:g}*{kg:g}", decimals=2)
    hour = work.step("µg per hour", f"{minute}*60", decimals=1)
    strength = work.step("µg per mL", f"1000*{mg:g}/{ml:g}", decimals=1)
    work.step("pump rate", f"{hour}/{strength}", "mL/h", 1, least=1)
    return work


def _infusion(case: Case) -> Problem:
    drug, mg, ml, seen, unseen = case.rng.choice(
        (
            ("dopamine", 400, 250, (3, 4, 5, 6, 8), (10, 12, 15)),
            ("dobutamine", 500, 250, (3, 4, 5, 6, 8), (10, 12, 15)),
            ("nitroprusside", 50, 250, (0.5, 1, 1.5, 2), (2.5, 3, 4)),
        )
    )
    dose = case.pick(seen, unseen)
    case.tell(f"{drug} {dose} µg/kg/min ordered")
    weight = case.weight()
    kg = weight.value
    case.tell(f"bag with {mg} mg in {ml} mL")
    right = dose * kg * 60 / (1000 * mg / ml)
    return case.problem(
        "the pump rate in mL/h",
        infusion_steps(dose, kg, mg, ml),
        {
            **weight.slips(lambda misread: infusion_steps(dose, misread, mg, ml)),
            "minutes not turned into hours": right / 60,
            "weight left out": right / kg,
            "1 mg taken as 100 µg": right * 10,
            "100 mL taken for the bag": right * 100 / ml,
        },
    )


def weight_dose_steps(mg_per_kg: float, kg: float, most: float) -> Work:
    """mg per kg times kg, no more than the highest dose."""
    work = Solution()
    if mg_per_kg * kg <= most:
        work.step("dose", f"{mg_per_kg:g}*{kg:g}", "mg", 1)
        return work
    by_weight = work.step("dose by weight", f"{mg_per_kg:g}*{kg:g}", "mg", 1)
    work.step("dose", f"min({by_weight}, {most:g})", "mg", 1)
    return work


def _weight_dose(case: Case) -> Problem:
    case.person = "a child"
    drug, mg_per_kg, most = case.rng.choice(
        (("paracetamol", 15, 1000), ("ibuprofen", 10, 400), ("gentamicin", 5, 500), ("amoxicillin", 25, 1000))
    )
    case.tell(f"{drug} {mg_per_kg} mg/kg, {most} mg at most")
    weight = case.weight(10, 35, 36, 70, 2, 1)
    kg = weight.value
    return case.problem(
        f"the single dose of {drug} in mg",
        weight_dose_steps(mg_per_kg, kg, most),
        {
            **weight.slips(lambda misread: weight_dose_steps(mg_per_kg, misread, most)),
            "the highest dose given": most,
            "half of it": min(mg_per_kg * kg, most) / 2,
            "5 mg/kg more taken": (mg_per_kg + 5) * kg,
        },
        rivals={"the highest dose disregarded": mg_per_kg * kg} if mg_per_kg * kg > most else {},
    )


def volume_steps(mg_per_kg: float, kg: float, mg: float, ml: float) -> Work:
    """mg per kg times kg, over the mg in each mL of the suspension."""
    work = Solution()
    dose = work.step("dose", f"{mg_per_kg:g}*{kg:g}", "mg", 1)
    strength = work.step("mg per mL", f"{mg:g}/{ml:g}", "mg/mL", 2)
    work.step("volume", f"{dose}/{strength}", "mL", 1, least=1)
    return work


def _volume(case: Case) -> Problem:
    case.person = "a child"
    drug, mg_per_kg, mg = case.rng.choice(
        (("paracetamol", 15, 160), ("ibuprofen", 10, 100), ("amoxicillin", 25, 250), ("cefalexin", 12.5, 125))
    )
    case.tell(f"{drug} {mg_per_kg:g} mg/kg ordered")
    case.tell(f"suspension with {mg} mg in 5 mL")
    weight = case.weight(8, 24, 25, 38, 2, 1)
    kg = weight.value
    right = mg_per_kg * kg / (mg / 5)
    return case.problem(
        f"the volume of {drug} suspension in mL",
        volume_steps(mg_per_kg, kg, mg, 5),
        {
            **weight.slips(lambda misread: volume_steps(mg_per_kg, misread, mg, 5)),
            f"{mg} mg taken to be in 1 mL": right / 5,
            "the decimal point misplaced": right * 10,
            "half of it": right / 2,
            "weight left out": right / kg,
        },
    )


def morphine_steps(doses: Sequence[tuple[str, float, int]]) -> Work:
    """Daily mg of each opioid times its factor, added up (CDC 2022)."""
    work = Solution()
    parts = []
    for drug, mg, times in doses:
        daily = work.step(f"{drug} a day", f"{mg:g}*{times}", "mg", 1)
        name = "morphine equivalents" if len(doses) == 1 else f"{drug} as morphine"
        parts.append(work.step(name, f"{daily}*{MORPHINE[drug]}", "mg", 1))
    if len(parts) > 1:
        work.step("morphine equivalents", " + ".join(parts), "mg", 1)
    return work


def _morphine(case: Case) -> Problem:
    easy = ("oxycodone", "hydromorphone", "oxymorphone", "tramadol", "morphine")
    drugs = case.rng.sample(easy if case.basic else tuple(MORPHINE), 1 if case.basic else 2)
    doses = [(drug, case.rng.choice(_TABLETS[drug]), case.pick((2, 3, 4), (5, 6, 8))) for drug in drugs]
    case.facts += [f"{drug} {mg} mg {times} times a day" for drug, mg, times in doses]
    first, mg, times = doses[0]
    return case.problem(
        "the daily dose in morphine milligram equivalents",
        morphine_steps(doses),
        {
            "only one dose of each counted": sum(mg * MORPHINE[drug] for drug, mg, _ in doses),
            "factors left out": sum(mg * times for _, mg, times in doses),
            "divided by the factors": sum(mg * times / MORPHINE[drug] for drug, mg, times in doses),
            f"only {first} counted": mg * times * MORPHINE[first],
            "one dose a day more counted": sum(mg * (times + 1) * MORPHINE[drug] for drug, mg, times in doses),
            "one dose a day less counted": sum(mg * (times - 1) * MORPHINE[drug] for drug, mg, times in doses),
        },
    )


def steroid_steps(drug: str, mg: float, wanted: str) -> Work:
    """mg over the drug's equivalent, times that of the wanted one (Meikle and Tyler 1977)."""
    work = Solution()
    units = work.step("equivalents", f"{mg:g}/{STEROIDS[drug]}", decimals=3)
    work.step(wanted, f"{units}*{STEROIDS[wanted]}", "mg", 2)
    return work


def _steroid(case: Case) -> Problem:
    drug, wanted = case.rng.sample(list(STEROIDS), 2)
    while STEROIDS[drug] == STEROIDS[wanted]:
        drug, wanted = case.rng.sample(list(STEROIDS), 2)
    units = case.pick((2, 4, 6, 8), (10, 12, 16)) if case.basic else case.draw(1, 9, 9.5, 16, 1, 0.5)
    mg = units * STEROIDS[drug]
    case.tell(f"{drug} {mg:g} mg daily")
    return case.problem(
        f"the daily dose of {wanted} in mg of equal glucocorticoid effect",
        steroid_steps(drug, mg, wanted),
        {
            "the ratio turned round": mg * STEROIDS[drug] / STEROIDS[wanted],
            "the same dose taken": mg,
            "the dose of hydrocortisone given": units * 20,
            "the dose of prednisone given": units * 5,
            "the dose of methylprednisolone given": units * 4,
            "the dose of dexamethasone given": units * 0.75,
        },
    )


SOURCES = (
    source("drip_rate", _drip, basic=True),
    source("infusion_rate", _infusion),
    source("weight_dose", _weight_dose, basic=True),
    source("dose_volume", _volume),
    source("morphine_equivalents", _morphine, basic=True),
    source("steroid_equivalents", _steroid, basic=True),
)
