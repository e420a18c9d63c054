"""Circulation and breathing: pressures, the corrected QT, gas exchange, the shock index."""

from __future__ import annotations

from collections.abc import Sequence

from medcot_tasks.medical.calculators.case import Case, Solution, source
from medcot_tasks.medical.number import apart
from medcot_tasks.medical.problem import Problem
from medcot_tasks.medical.steps import Work


def map_steps(sbp: float, dbp: float) -> Work:
    """(Systolic + 2 diastolic) / 3 (Gauer 1960)."""
    work = Solution()
    twice = work.step("twice diastolic", f"2*{dbp:g}")
    both = work.step("sum", f"{sbp:g} + {twice}")
    work.step("MAP", f"{both}/3", "mmHg", 1)
    return work


def _map(case: Case) -> Problem:
    if case.basic:
        dbp = case.draw(50, 90, 95, 120, 5)
        sbp = dbp + case.rng.choice((30, 45, 60))
    else:
        dbp = case.draw(46, 94, 95, 124)
        sbp = dbp + case.rng.randint(24, 72)
    case.facts += [f"systolic pressure {sbp:g} mmHg", f"diastolic pressure {dbp:g} mmHg"]
    return case.problem(
        "the mean arterial pressure in mmHg",
        map_steps(sbp, dbp),
        {
            "systolic and diastolic swapped": map_steps(dbp, sbp),
            "the two pressures averaged": (sbp + dbp) / 2,
            "the pulse pressure given": sbp - dbp,
            "diastolic counted once": (sbp + dbp) / 3,
        },
    )


def qtc_steps(formula: str, qt: float, rate: float) -> Work:
    """Bazett 1920, Fridericia 1920, Framingham (Sagie 1992), Hodges 1983, Rautaharju 1993."""
    work = Solution()
    if formula == "Hodges":
        excess = work.step("rate above 60", f"{rate:g} - 60")
        extra = work.step("1.75 times it", f"1.75*{excess}", "ms", 2)
        work.step("QTc", f"{qt:g} + {extra}".replace("+ -", "- "), "ms")
        return work
    if formula == "Rautaharju":
        factor = work.step("120 plus rate", f"120 + {rate:g}")
        work.step("QTc", f"{qt:g}*{factor}/180", "ms")
        return work
    interval = work.step("RR", f"60/{rate:g}", "s", 4)
    if formula == "Framingham":
        extra = work.step("154 times 1 minus RR", f"154*(1 - {interval})", "ms", 1)
        work.step("QTc", f"{qt:g} + {extra}".replace("+ -", "- "), "ms")
        return work
    root = {"Bazett": "sqrt", "Fridericia": "cbrt"}[formula]
    divisor = work.step("root of RR", f"{root}({interval})", decimals=4)
    work.step("QTc", f"{qt:g}/{divisor}", "ms")
    return work


QT_FORMULAS = ("Bazett", "Fridericia", "Framingham", "Hodges", "Rautaharju")


def _qtc(case: Case) -> Problem:
    formula = case.rng.choice(QT_FORMULAS)
    others = [other for other in QT_FORMULAS if other != formula]
    rate, qt = case.draw(84, 120, 42, 52), case.draw(310, 410, 411, 520)
    # Were the formula drawn anew too, as `source` does, most questions would be about the one unlike the others.
    while not _is_settled(formula, others, qt, rate):
        rate, qt = case.draw(84, 120, 42, 52), case.draw(310, 410, 411, 520)
    case.facts += [f"heart rate {rate:g}/min", f"QT interval {qt:g} ms"]
    return case.problem(
        f"the corrected QT interval in ms by the {formula} formula",
        qtc_steps(formula, qt, rate),
        {"multiplied by the root in place of divided": qt * (60 / rate) ** 0.5, "QT not corrected": qt},
        rivals={f"the {other} formula taken": qtc_steps(other, qt, rate) for other in others},
    )


def _is_settled(formula: str, others: Sequence[str], qt: float, rate: float) -> bool:
    right, *rivals = (qtc_steps(each, qt, rate).steps[-1].value for each in (formula, *others))
    return all(apart(rival, right) for rival in rivals)


def gradient_steps(fio2: float, pressure: float, paco2: float, pao2: float) -> Work:
    """FiO2 (pressure - 47) - PaCO2/0.8 - PaO2 (Fenn, Rahn and Otis 1946)."""
    work = Solution()
    dry = work.step("dry pressure", f"{pressure:g} - 47", "mmHg")
    inspired = work.step("inspired oxygen", f"{fio2:g}*{dry}", "mmHg", 2)
    carbon = work.step("PaCO2 over 0.8", f"{paco2:g}/0.8", "mmHg", 2)
    alveolar = work.step("alveolar oxygen", f"{inspired} - {carbon}", "mmHg", 2)
    work.step("A-a gradient", f"{alveolar} - {pao2:g}", "mmHg", 1)
    return work


def _gradient(case: Case) -> Problem:
    fio2 = case.pick((0.21, 0.24, 0.28, 0.35, 0.4), (0.5, 0.6, 0.7))
    pressure = case.rng.choice((760, 760, 740, 720))
    paco2 = case.draw(28, 48, 49, 70)
    ideal = fio2 * (pressure - 47) - paco2 / 0.8
    pao2 = max(35, round(ideal * case.rng.uniform(0.45, 0.85)))
    case.facts += [
        f"FiO2 {fio2}",
        f"atmospheric pressure {pressure} mmHg",
        f"PaCO2 {paco2:g} mmHg",
        f"PaO2 {pao2} mmHg",
    ]
    rivals = {"PaCO2 not divided by 0.8": ideal + paco2 / 4 - pao2}
    if fio2 != 0.21:
        rivals["room air taken"] = 0.21 * (pressure - 47) - paco2 / 0.8 - pao2
    if pressure != 760:
        rivals["the pressure at sea level taken"] = ideal + fio2 * (760 - pressure) - pao2
    return case.problem(
        "the alveolar-arterial oxygen gradient in mmHg, with a respiratory quotient of 0.8",
        gradient_steps(fio2, pressure, paco2, pao2),
        {
            "water vapour left out": ideal + fio2 * 47 - pao2,
            "PaCO2 multiplied by 0.8": ideal + 0.45 * paco2 - pao2,
            "the alveolar pressure given": ideal,
        },
        rivals=rivals,
    )


def pf_steps(pao2: float, fio2: float) -> Work:
    """PaO2 over FiO2 (Horovitz 1974)."""
    work = Solution()
    work.step("P/F ratio", f"{pao2:g}/{fio2:g}", "mmHg")
    return work


def _pf(case: Case) -> Problem:
    if case.basic:
        fio2 = case.rng.choice((0.4, 0.5))
        pao2 = case.draw(50, 98, 100, 160, 2)
    else:
        fio2 = case.pick((0.3, 0.35, 0.4, 0.45, 0.5), (0.55, 0.6, 0.7, 0.8, 1.0))
        pao2 = case.draw(52, 99, 100, 180)
    told = f"FiO2 {fio2 * 100:.0f} %" if not case.basic and case.rng.random() < 0.5 else f"FiO2 {fio2}"
    case.facts += [f"PaO2 {pao2:g} mmHg", told]
    work = pf_steps(pao2, fio2)
    return case.problem(
        "the PaO2/FiO2 ratio in mmHg",
        work,
        {
            "multiplied in place of divided": pao2 * fio2,
            "a FiO2 0.1 higher taken": pf_steps(pao2, fio2 + 0.1),
            "a FiO2 0.1 lower taken": pf_steps(pao2, fio2 - 0.1),
            "room air taken": pf_steps(pao2, 0.21),
        },
    )


def shock_index_steps(rate: float, sbp: float) -> Work:
    """Heart rate over systolic pressure (Allgoewer and Burri 1967)."""
    work = Solution()
    work.step("shock index", f"{rate:g}/{sbp:g}", decimals=2, least=1)
    return work


def _shock_index(case: Case) -> Problem:
    sbp = case.told("systolic pressure {} mmHg", 100, 140, 60, 95, 20, 1)
    dbp = round(0.6 * sbp)
    rate = case.told("heart rate {}/min", 60, 120, 122, 160, 2, 1)
    case.tell(f"diastolic pressure {dbp} mmHg")
    return case.problem(
        "the shock index",
        shock_index_steps(rate, sbp),
        {
            "divided the other way round": sbp / rate,
            "the diastolic pressure taken": rate / dbp,
            "the mean arterial pressure taken": 3 * rate / (sbp + 2 * dbp),
            "the pulse pressure taken": rate / (sbp - dbp),
            "systolic and diastolic added": rate / (sbp + dbp),
        },
    )


SOURCES = (
    source("mean_arterial_pressure", _map, basic=True),
    source("qtc", _qtc),
    source("a_a_gradient", _gradient),
    source("pf_ratio", _pf, basic=True),
    source("shock_index", _shock_index),
)
