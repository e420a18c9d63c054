"""Values from the laboratory: lipids, liver, insulin, neutrophils, albumin gradient, phenytoin."""

from __future__ import annotations

from medcot_tasks.medical.calculators.case import Case, Solution, source
from medcot_tasks.medical.calculators.wrong import Reading
from medcot_tasks.medical.problem import Problem
from medcot_tasks.medical.steps import Work


def ldl_steps(cholesterol: float, hdl: float, triglycerides: float) -> Work:
    """Total - HDL - triglycerides/5, for triglycerides up to 400 (Friedewald 1972)."""
    if triglycerides > 400:
        raise ValueError("the Friedewald formula holds for triglycerides up to 400 mg/dL only")
    work = Solution()
    fifth = work.step("a fifth of triglycerides", f"{triglycerides:g}/5", decimals=1)
    rest = work.step("total minus HDL", f"{cholesterol:g} - {hdl:g}")
    work.step("LDL", f"{rest} - {fifth}", "mg/dL")
    return work


def _ldl(case: Case) -> Problem:
    cholesterol = case.told("total cholesterol {} mg/dL", 160, 259, 260, 340, 10, 1)
    hdl = case.told("HDL {} mg/dL", 30, 65, 66, 90, 5, 1)
    triglycerides = case.told("triglycerides {} mg/dL", 60, 240, 245, 360, 10, 1)
    right = cholesterol - hdl - triglycerides / 5
    return case.problem(
        "the LDL cholesterol in mg/dL by the Friedewald formula",
        ldl_steps(cholesterol, hdl, triglycerides),
        {
            "triglycerides left out": cholesterol - hdl,
            "triglycerides not divided by 5": cholesterol - hdl - triglycerides,
            "HDL added": right + 2 * hdl,
            "triglycerides divided by 2.2": cholesterol - hdl - triglycerides / 2.2,
            "HDL left out": right + hdl,
        },
    )


def fib4_steps(age: float, ast: float, alt: float, platelets: float) -> Work:
    """Age AST / (platelets root ALT) (Sterling 2006)."""
    work = Solution()
    above = work.step("age times AST", f"{age:g}*{ast:g}")
    root = work.step("root of ALT", f"sqrt({alt:g})", decimals=3)
    below = work.step("platelets times root", f"{platelets:g}*{root}", decimals=1)
    work.step("FIB-4", f"{above}/{below}", decimals=2, least=1)
    return work


def _fib4(case: Case) -> Problem:
    age = case.patient(35, 79, 80, 92)
    ast = case.told("AST {} U/L", 30, 99, 100, 180)
    alt = case.told("ALT {} U/L", 25, 99, 100, 180)
    platelets = case.told("platelets {} x10^9/L", 100, 280, 60, 98)
    return case.problem(
        "the FIB-4 index",
        fib4_steps(age, ast, alt, platelets),
        {
            "AST and ALT swapped": fib4_steps(age, alt, ast, platelets),
            "the root forgotten": age * ast / (platelets * alt),
            "age left out": 10 * ast / (platelets * alt**0.5),
            "ALT left out": age * ast / (10 * platelets),
            "the root taken of AST too": age * ast**0.5 / (platelets * alt**0.5) * 10,
        },
    )


def homa_steps(glucose: float, insulin: float) -> Work:
    """Glucose insulin / 405, in mg/dL and uU/mL (Matthews 1985)."""
    work = Solution()
    product = work.step("glucose times insulin", f"{glucose:g}*{insulin:g}", decimals=1)
    work.step("HOMA-IR", f"{product}/405", decimals=2, least=1)
    return work


def _homa(case: Case) -> Problem:
    sugar, hormone = case.glucose(76, 125, 126, 190), _insulin(case)
    glucose, insulin = sugar.value, hormone.value
    return case.problem(
        "the HOMA-IR, with 1 µU/mL of insulin being 6 pmol/L",
        homa_steps(glucose, insulin),
        {
            **hormone.slips(lambda misread: homa_steps(glucose, misread)),
            **sugar.slips(lambda misread: homa_steps(misread, insulin)),
            "glucose divided by insulin": glucose / insulin,
        },
        rivals={"divided by 22.5": glucose * insulin / 22.5},
    )


def _insulin(case: Case) -> Reading:
    units = case.draw(4, 25, 26, 50)
    if case.keeps_unit():
        case.tell(f"fasting insulin {units:g} µU/mL")
        return case.as_told("insulin", units, units / 6)
    case.tell(f"fasting insulin {6 * units:g} pmol/L")
    return case.converted("insulin in µU/mL", f"{6 * units:g}/6", "µU/mL", 1, 6 * units)


def anc_steps(white_cells: float, segmented: float, bands: float) -> Work:
    """1000 white cells (segmented + bands) / 100, white cells in 10^3/uL (NCI criteria)."""
    work = Solution()
    percent = work.step("neutrophils", f"{segmented:g} + {bands:g}", "%")
    thousands = work.step("white cells per µL over 100", f"1000*{white_cells:g}/100")
    work.step("ANC", f"{thousands}*{percent}", "per µL")
    return work


def _anc(case: Case) -> Problem:
    white_cells = case.told("white cells {} x10^3/µL", 1, 9, 10, 20, 1, 0.1)
    segmented = case.told("segmented neutrophils {} %", 20, 59, 60, 80, 5, 1)
    bands = case.told("bands {} %", 2, 10, 11, 16, 5, 1)
    lymphocytes = round(0.8 * (100 - segmented - bands))
    if not case.basic:
        case.tell(f"lymphocytes {lymphocytes} %")
    return case.problem(
        "the absolute neutrophil count per µL",
        anc_steps(white_cells, segmented, bands),
        {
            "bands left out": 10 * white_cells * segmented,
            "bands subtracted": 10 * white_cells * (segmented - bands),
            "lymphocytes counted too": 10 * white_cells * (segmented + bands + lymphocytes),
            "a tenth": white_cells * (segmented + bands),
            "bands counted twice": 10 * white_cells * (segmented + 2 * bands),
        },
    )


def saag_steps(serum: float, ascites: float) -> Work:
    """Serum - ascites albumin (Runyon 1992)."""
    work = Solution()
    work.step("SAAG", f"{serum:g} - {ascites:g}", "g/dL", 1, least=1)
    return work


def _saag(case: Case) -> Problem:
    ascites = case.draw(0.5, 1.8, 1.9, 2.6, 0.1, 0.1)
    serum = round(ascites + case.rng.randint(4, 22) / 10, 1)
    case.facts += [f"serum albumin {serum:g} g/dL", f"ascites albumin {ascites:g} g/dL"]
    return case.problem(
        "the serum-ascites albumin gradient in g/dL",
        saag_steps(serum, ascites),
        {
            "added in place of subtracted": serum + ascites,
            "divided in place of subtracted": serum / ascites,
            "a normal serum albumin of 4 taken": 4 - ascites,
            "borrowing forgotten": serum - ascites + 1,
        },
    )


def phenytoin_steps(measured: float, albumin: float, renal_failure: bool) -> Work:
    """Measured / (0.2 albumin + 0.1), 0.1 in place of 0.2 in renal failure (Sheiner and Tozer 1978)."""
    work = Solution()
    bound = work.step("albumin term", f"{0.1 if renal_failure else 0.2}*{albumin:g}", decimals=2)
    divisor = work.step("divisor", f"{bound} + 0.1", decimals=2)
    work.step("corrected phenytoin", f"{measured:g}/{divisor}", "µg/mL", 1, least=1)
    return work


def _phenytoin(case: Case) -> Problem:
    failure = case.rng.random() < 0.3
    measured = case.told("phenytoin {} µg/mL", 4, 12, 13, 20, 1, 0.5)
    albumin = case.told("albumin {} g/dL", 2, 3.4, 1.2, 1.9, 0.5, 0.1)
    case.tell("end-stage renal failure" if failure else "normal renal function")
    return case.problem(
        "the phenytoin level in µg/mL corrected by the Sheiner-Tozer formula",
        phenytoin_steps(measured, albumin, failure),
        {
            "0.1 left out": measured / ((0.1 if failure else 0.2) * albumin),
            "multiplied in place of divided": measured * ((0.1 if failure else 0.2) * albumin + 0.1),
            "albumin left out": measured,
            "0.25 taken in place of the factor": measured / (0.25 * albumin + 0.1),
        },
        rivals={"the factor of the other renal function taken": phenytoin_steps(measured, albumin, not failure)},
    )


SOURCES = (
    source("ldl_friedewald", _ldl, basic=True),
    source("fib_4", _fib4),
    source("homa_ir", _homa),
    source("absolute_neutrophils", _anc, basic=True),
    source("saag", _saag, basic=True),
    source("phenytoin", _phenytoin),
)
