"""The model for end-stage liver disease, without and with sodium."""

from __future__ import annotations

from medcot_tasks.medical.calculators.case import Case, Solution, source
from medcot_tasks.medical.calculators.wrong import Reading, Result
from medcot_tasks.medical.problem import Problem
from medcot_tasks.medical.steps import Work


def meld_steps(creatinine: float, bilirubin: float, inr: float, dialysis: bool = False) -> Work:
    """10 times 0.957 ln Cr + 0.378 ln bilirubin + 1.120 ln INR + 0.643, to one decimal (OPTN 2016).

    Values below 1 count as 1; a creatinine above 4, or dialysis twice a week, counts as 4. 40 at most.
    """
    work = Solution()
    if dialysis:
        creatinine = float(work.step("creatinine on dialysis", "4", "mg/dL"))
    elif creatinine > 4:
        creatinine = float(work.step("creatinine, 4 at most", f"min({creatinine:g}, 4)", "mg/dL"))
    parts = []
    for name, factor, value in (
        ("creatinine", 0.957, creatinine),
        ("bilirubin", 0.378, bilirubin),
        ("INR", 1.12, inr),
    ):
        if value < 1:
            value = float(work.step(f"{name}, 1 at least", f"max({value:g}, 1)"))
        parts.append(work.step(f"{name} term", f"{factor}*ln({value:g})", decimals=4))
    total = work.step("sum", " + ".join([*parts, "0.643"]), decimals=1)
    if float(total) > 4:
        work.step("MELD", f"min(10*{total}, 40)")
    else:
        work.step("MELD", f"10*{total}")
    return work


def meld_na_steps(creatinine: float, bilirubin: float, inr: float, na: float, dialysis: bool = False) -> Work:
    """M + 1.32 (137 - Na) - 0.033 M (137 - Na) where M is above 11, Na within 125 to 137 (OPTN 2016).

    40 at most.
    """
    work = meld_steps(creatinine, bilirubin, inr, dialysis)
    meld = work.steps[-1].value
    if float(meld) <= 11:
        work.step("MELD-Na", meld)
        return work
    if not 125 <= na <= 137:
        na = float(work.step("sodium within 125 to 137", f"min(max({na:g}, 125), 137)", "mEq/L"))
    missing = work.step("missing sodium", f"137 - {na:g}")
    score = f"{meld} + 1.32*{missing} - 0.033*{meld}*{missing}"
    whole = float(meld) + (1.32 - 0.033 * float(meld)) * float(missing)
    work.step("MELD-Na", f"min({score}, 40)" if whole > 40 else score)
    return work


def _laboratory(case: Case) -> tuple[Reading, float, float, bool]:
    """Draw creatinine, bilirubin, INR, and whether the patient is on dialysis.

    Unseen are low and high values together: with high ones alone hardly any score would be below the most, 40.
    """
    dialysis = case.rng.random() < 0.2
    unseen = (3.6, 6) if dialysis else case.rng.choice(((0.3, 0.6), (3.6, 6)))
    serum = case.creatinine(2 if dialysis else 0.7, 3.5, *unseen, 0.1, 0.1)
    bilirubin = case.told("bilirubin {} mg/dL", 0.8, 9, 9.5, 25, 0.1, 0.1)
    inr = case.told("INR {}", 1.3, 2.4, 1, 1.2, 0.1, 0.1)
    if dialysis:
        case.tell("dialysis twice in the last week")
        case.conversions.steps.clear()  # what was measured does not count, so that nothing is to be converted
    return serum, bilirubin, inr, dialysis


def _about_dialysis(creatinine: float, dialysis: bool, opposite: Work) -> dict[str, Result]:
    """Return the wrong answer about dialysis, where it matters: a creatinine above 4 counts as 4 anyway."""
    reason = "dialysis disregarded" if dialysis else "dialysis assumed"
    return {reason: opposite} if creatinine < 4 else {}


def _meld(case: Case) -> Problem:
    serum, bilirubin, inr, dialysis = _laboratory(case)
    creatinine = serum.value
    steps = meld_steps(creatinine, bilirubin, inr, dialysis)
    score = float(steps.steps[-1].value)
    return case.problem(
        "the MELD score (OPTN 2016, before sodium)",
        steps,
        {
            **serum.slips(lambda misread: meld_steps(misread, bilirubin, inr, dialysis)),
            "the constant left out": score - 6.43,
            "bilirubin left out": meld_steps(creatinine, 1, inr, dialysis),
            "INR left out": meld_steps(creatinine, bilirubin, 1, dialysis),
            "creatinine and bilirubin swapped": meld_steps(bilirubin, creatinine, inr, dialysis),
        },
        rivals=_about_dialysis(creatinine, dialysis, meld_steps(creatinine, bilirubin, inr, not dialysis)),
    )


def _meld_na(case: Case) -> Problem:
    serum, bilirubin, inr, dialysis = _laboratory(case)
    creatinine = serum.value
    na = case.told("sodium {} mEq/L", 126, 140, 120, 125)
    return case.problem(
        "the MELD-Na score (OPTN 2016)",
        meld_na_steps(creatinine, bilirubin, inr, na, dialysis),
        {
            **serum.slips(lambda misread: meld_na_steps(misread, bilirubin, inr, na, dialysis)),
            "INR left out": meld_na_steps(creatinine, bilirubin, 1, na, dialysis),
            "sodium taken as 125": meld_na_steps(creatinine, bilirubin, inr, 125, dialysis),
        },
        rivals={
            "sodium left out": meld_steps(creatinine, bilirubin, inr, dialysis),
            **_about_dialysis(creatinine, dialysis, meld_na_steps(creatinine, bilirubin, inr, na, not dialysis)),
        },
    )


SOURCES = (source("meld", _meld), source("meld_na", _meld_na))
