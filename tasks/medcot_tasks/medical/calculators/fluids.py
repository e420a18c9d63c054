"""Fluids by weight: maintenance of children, and the Parkland formula for burns."""

from __future__ import annotations

from medcot_tasks.medical.calculators.case import Case, Solution, source
from medcot_tasks.medical.calculators.wrong import Reading
from medcot_tasks.medical.problem import Problem
from medcot_tasks.medical.steps import Work

HOURLY = (4, 2, 1)
DAILY = (100, 50, 20)


def by_weight_steps(kg: float, rates: tuple[int, int, int], name: str, unit: str) -> Work:
    """A rate for each of the first 10 kg, one for each of the next 10, one for the rest (Holliday, Segar 1957)."""
    work = Solution()
    if kg <= 10:
        work.step(name, f"{rates[0]}*{kg:g}", unit)
        return work
    first = work.step("first 10", f"{rates[0]}*10")
    second = work.step("next 10", f"{rates[1]}*{min(kg - 10, 10):g}")
    if kg <= 20:
        work.step(name, f"{first} + {second}", unit)
        return work
    rest = work.step("rest", f"{rates[2]}*{kg - 20:g}")
    work.step(name, f"{first} + {second} + {rest}", unit)
    return work


def maintenance_steps(kg: float) -> Work:
    """Hourly maintenance fluid by the 4-2-1 rule."""
    return by_weight_steps(kg, HOURLY, "rate", "mL/h")


def holliday_segar_steps(kg: float) -> Work:
    """Daily maintenance fluid (Holliday and Segar 1957)."""
    return by_weight_steps(kg, DAILY, "daily", "mL")


def _child_weight(case: Case) -> Reading:
    case.person = "a child"
    return case.weight(*case.pick([(11, 35, 36, 60, 1, 1), (5, 10, 36, 60, 1, 1)], [(11, 35, 36, 60, 1, 1)]))


def _maintenance(case: Case) -> Problem:
    weight = _child_weight(case)
    kg = weight.value
    return case.problem(
        "the maintenance fluid rate in mL/h by the 4-2-1 rule",
        maintenance_steps(kg),
        {
            **weight.slips(maintenance_steps),
            "4 mL taken for every kg": 4 * kg,
            "2 mL taken for every kg": 2 * kg,
            "1 mL per kg taken above 10 kg": 40 + kg - 10 if kg > 10 else kg,
            "2 mL per kg taken above 10 kg": 40 + 2 * (kg - 10) if kg > 10 else 5 * kg,
        },
    )


def _holliday_segar(case: Case) -> Problem:
    weight = _child_weight(case)
    kg = weight.value
    return case.problem(
        "the daily maintenance fluid in mL by the Holliday-Segar method",
        holliday_segar_steps(kg),
        {
            **weight.slips(holliday_segar_steps),
            "100 mL taken for every kg": 100 * kg,
            "50 mL taken for every kg": 50 * kg,
            "20 mL per kg taken above 10 kg": 1000 + 20 * (kg - 10) if kg > 10 else 20 * kg,
            "the hourly rate times 20": 20 * float(maintenance_steps(kg).steps[-1].value),
        },
    )


def parkland_steps(kg: float, burned: float) -> Work:
    """4 mL x kg x % of body surface in 24 h (Baxter and Shires 1968)."""
    work = Solution()
    product = work.step("4 mL per kg", f"4*{kg:g}", decimals=1)
    work.step("fluid in 24 h", f"{product}*{burned:g}", "mL")
    return work


def parkland_rate_steps(kg: float, burned: float) -> Work:
    """Half of the Parkland volume in the first 8 hours from the burn."""
    work = parkland_steps(kg, burned)
    half = work.step("first half", f"{work.steps[-1].value}/2", "mL")
    work.step("rate", f"{half}/8", "mL/h")
    return work


def _burn(case: Case) -> tuple[Reading, float]:
    weight = case.weight(40, 90, 100, 140, 10, 1)
    return weight, case.told("burns of {} % of the body surface", 10, 45, 50, 80, 10, 1)


def _parkland(case: Case) -> Problem:
    weight, burned = _burn(case)
    kg = weight.value
    right = 4 * kg * burned
    return case.problem(
        "the fluid volume in mL for the first 24 hours by the Parkland formula",
        parkland_steps(kg, burned),
        {
            **weight.slips(lambda misread: parkland_steps(misread, burned)),
            "2 mL taken instead of 4": right / 2,
            "3 mL taken instead of 4": right * 0.75,
            "the factor of 4 left out": right / 4,
            "5 mL taken instead of 4": right * 1.25,
        },
    )


def _parkland_rate(case: Case) -> Problem:
    weight, burned = _burn(case)
    kg = weight.value
    right = kg * burned / 4
    return case.problem(
        "the fluid rate in mL/h for the first 8 hours after the burn by the Parkland formula",
        parkland_rate_steps(kg, burned),
        {
            **weight.slips(lambda misread: parkland_rate_steps(misread, burned)),
            "the whole volume given in 8 hours": right * 2,
            "the volume spread over 24 hours": right * 16 / 24,
            "half of the volume spread over 24 hours": right / 3,
            "2 mL taken instead of 4": right / 2,
        },
    )


SOURCES = (
    source("maintenance_fluid", _maintenance, basic=True),
    source("holliday_segar", _holliday_segar, basic=True),
    source("parkland", _parkland, basic=True),
    source("parkland_rate", _parkland_rate),
)
