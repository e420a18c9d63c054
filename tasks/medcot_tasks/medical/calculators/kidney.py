"""Kidney function and water: clearance, estimated filtration, fractional excretion, free water, carboplatin."""

from __future__ import annotations

from medcot_tasks.medical.calculators.case import Case, Solution, source
from medcot_tasks.medical.problem import Problem
from medcot_tasks.medical.steps import Work


def cockcroft_gault_steps(age: float, kg: float, creatinine: float, female: bool) -> Work:
    """(140 - age) kg / (72 creatinine), times 0.85 for women (Cockcroft and Gault 1976)."""
    work = Solution()
    years = work.step("140 minus age", f"140 - {age:g}")
    above = work.step("times weight", f"{years}*{kg:g}", decimals=1)
    below = work.step("72 times creatinine", f"72*{creatinine:g}", decimals=2)
    if not female:
        work.step("clearance", f"{above}/{below}", "mL/min", 1)
        return work
    clearance = work.step("before the factor for women", f"{above}/{below}", "mL/min", 4)
    work.step("clearance", f"0.85*{clearance}", "mL/min", 1)
    return work


def _cockcroft_gault(case: Case) -> Problem:
    age = case.patient()
    weight, serum = case.weight(), case.creatinine(0.6, 3.5, 3.6, 7, 0.5, 0.1)
    kg, creatinine = weight.value, serum.value
    female = case.female
    right = (140 - age) * kg / (72 * creatinine) * (0.85 if female else 1)
    return case.problem(
        "the creatinine clearance in mL/min by the Cockcroft-Gault formula, for the actual weight",
        cockcroft_gault_steps(age, kg, creatinine, female),
        {
            **weight.slips(lambda misread: cockcroft_gault_steps(age, misread, creatinine, female)),
            **serum.slips(lambda misread: cockcroft_gault_steps(age, kg, misread, female)),
            "72 left out and weight taken as 72": (140 - age) / creatinine * (0.85 if female else 1),
            "age in place of 140 minus age": right * age / (140 - age),
        },
        rivals={
            "the factor for women forgotten" if female else "the factor for women applied": (
                cockcroft_gault_steps(age, kg, creatinine, not female)
            ),
        },
    )


def ckd_epi_steps(age: float, creatinine: float, female: bool) -> Work:
    """142 min(Scr/k, 1)^a max(Scr/k, 1)^-1.2 0.9938^age, 1.012 for women (CKD-EPI 2021, Inker 2021)."""
    kappa, alpha = (0.7, 0.241) if female else (0.9, 0.302)
    work = Solution()
    ratio = work.step("creatinine over kappa", f"{creatinine:g}/{kappa}", decimals=5)
    low = work.step("power below 1", f"min({ratio}, 1)^-{alpha}", decimals=5)
    high = work.step("power above 1", f"max({ratio}, 1)^-1.2", decimals=5)
    years = work.step("age factor", f"0.9938^{age:g}", decimals=5)
    if female:
        work.step("eGFR", f"142*{low}*{high}*{years}*1.012", "mL/min/1.73 m2", 1)
    else:
        work.step("eGFR", f"142*{low}*{high}*{years}", "mL/min/1.73 m2", 1)
    return work


def _ckd_epi(case: Case) -> Problem:
    age = case.patient()
    serum = case.creatinine(0.5, 3.5, 3.6, 7, 0.1, 0.1)
    creatinine, female = serum.value, case.female
    right = float(ckd_epi_steps(age, creatinine, female).steps[-1].value)
    return case.problem(
        "the eGFR in mL/min/1.73 m2 by the CKD-EPI 2021 equation",
        ckd_epi_steps(age, creatinine, female),
        {
            **serum.slips(lambda misread: ckd_epi_steps(age, misread, female)),
            "the age factor left out": right / 0.9938**age,
            "an exponent of -1 taken above 1": right * max(creatinine / (0.7 if female else 0.9), 1) ** 0.2,
        },
        rivals={
            "the other sex's constants taken": ckd_epi_steps(age, creatinine, not female),
            "the MDRD equation taken": mdrd_steps(age, creatinine, female),
        },
    )


def mdrd_steps(age: float, creatinine: float, female: bool) -> Work:
    """175 Scr^-1.154 age^-0.203, times 0.742 for women (four variables, IDMS; Levey 2006)."""
    work = Solution()
    first = work.step("creatinine factor", f"{creatinine:g}^-1.154", decimals=5)
    years = work.step("age factor", f"{age:g}^-0.203", decimals=5)
    sex = "*0.742" if female else ""
    work.step("eGFR", f"175*{first}*{years}{sex}", "mL/min/1.73 m2", 1)
    return work


def _mdrd(case: Case) -> Problem:
    age = case.patient()
    serum = case.creatinine(0.7, 3.5, 3.6, 7, 0.1, 0.1)
    creatinine, female = serum.value, case.female
    return case.problem(
        "the eGFR in mL/min/1.73 m2 by the four-variable MDRD equation (175)",
        mdrd_steps(age, creatinine, female),
        {
            **serum.slips(lambda misread: mdrd_steps(age, misread, female)),
            "exponents swapped": 175 * creatinine**-0.203 * age**-1.154 * (0.742 if female else 1),
            "the age factor left out": 175 * creatinine**-1.154 * (0.742 if female else 1),
        },
        rivals={
            "the factor for women forgotten" if female else "the factor for women applied": (
                mdrd_steps(age, creatinine, not female)
            ),
            "the CKD-EPI 2021 equation taken": ckd_epi_steps(age, creatinine, female),
        },
    )


def fena_steps(urine_na: float, creatinine: float, na: float, urine_creatinine: float) -> Work:
    """100 UNa PCr / (PNa UCr) (Espinel 1976)."""
    work = Solution()
    above = work.step("urine sodium times serum creatinine", f"{urine_na:g}*{creatinine:g}", decimals=3)
    below = work.step("serum sodium times urine creatinine", f"{na:g}*{urine_creatinine:g}")
    work.step("FENa", f"100*{above}/{below}", "%", 2, least=1)
    return work


def _fena(case: Case) -> Problem:
    urine_na = case.told("urine sodium {} mEq/L", 18, 80, 82, 130, 2, 1)
    serum = case.creatinine(1.5, 5, 5.2, 9, 0.5, 0.1)
    na = case.told("serum sodium {} mEq/L", 130, 148, 149, 158)
    urine_creatinine = case.told("urine creatinine {} mg/dL", 30, 120, 122, 180, 10, 1)
    creatinine = serum.value
    return case.problem(
        "the fractional excretion of sodium in %",
        fena_steps(urine_na, creatinine, na, urine_creatinine),
        {
            **serum.slips(lambda misread: fena_steps(urine_na, misread, na, urine_creatinine)),
            "the two creatinines swapped": 100 * urine_na * urine_creatinine / (na * creatinine),
            "creatinine left out": 100 * urine_na / na,
            "the sodium ratio left out": 100 * creatinine / urine_creatinine,
            "not multiplied by 100": urine_na * creatinine / (na * urine_creatinine),
        },
    )


def free_water_steps(na: float, kg: float, share: float) -> Work:
    """Body water (Na/140 - 1), body water being a share of the weight (Adrogue and Madias 2000)."""
    work = Solution()
    water = work.step("body water", f"{share}*{kg:g}", "L", 2)
    excess = work.step("excess of sodium", f"{na:g} - 140", "mEq/L")
    work.step("free-water deficit", f"{water}*{excess}/140", "L", 1, least=1)
    return work


def body_water_share(age: float, female: bool) -> float:
    """Return which share of the weight is water: children and men 0.6, women and old men 0.5, old women 0.45."""
    if age < 18:
        return 0.6
    if female:
        return 0.45 if age >= 65 else 0.5
    return 0.5 if age >= 65 else 0.6


def _free_water(case: Case) -> Problem:
    age = case.patient()
    share = body_water_share(age, case.female)
    weight = case.weight()
    kg = weight.value
    na = case.told("sodium {} mEq/L", 152, 170, 171, 182)
    others = [other for other in (0.6, 0.5, 0.45) if other != share]
    return case.problem(
        f"the free-water deficit in L, with a body water of {share} of the weight and a target sodium of 140",
        free_water_steps(na, kg, share),
        {
            **weight.slips(lambda misread: free_water_steps(na, misread, share)),
            "the whole weight taken for body water": free_water_steps(na, kg, 1),
            "divided by the actual sodium": share * kg * (1 - 140 / na),
        },
        rivals={f"the share {other} taken for body water": free_water_steps(na, kg, other) for other in others},
    )


def calvert_steps(auc: float, gfr: float) -> Work:
    """AUC (GFR + 25) (Calvert 1989), with a GFR of 125 at most (FDA 2010)."""
    work = Solution()
    if gfr > 125:
        gfr = float(work.step("GFR, 125 at most", f"min({gfr:g}, 125)", "mL/min"))
    plus = work.step("GFR plus 25", f"{gfr:g} + 25")
    work.step("dose", f"{auc:g}*{plus}", "mg")
    return work


def _calvert(case: Case) -> Problem:
    auc = case.pick((4, 5, 6), (2, 3, 7))
    gfr = case.told("GFR {} mL/min", 40, 99, 100, 125 if case.basic else 150, 5, 1)
    return case.problem(
        f"the carboplatin dose in mg for an AUC of {auc} by the Calvert formula, with a GFR of 125 at most",
        calvert_steps(auc, gfr),
        {
            "25 left out": auc * min(gfr, 125),
            "25 added after multiplying": auc * min(gfr, 125) + 25,
            "25 subtracted": auc * (min(gfr, 125) - 25),
            "an AUC one higher taken": calvert_steps(auc + 1, gfr),
        },
        rivals={"GFR not limited": auc * (gfr + 25)} if gfr > 125 else {},
    )


SOURCES = (
    source("cockcroft_gault", _cockcroft_gault),
    source("ckd_epi_2021", _ckd_epi),
    source("mdrd", _mdrd),
    source("fena", _fena),
    source("free_water_deficit", _free_water),
    source("calvert", _calvert, basic=True),
)
