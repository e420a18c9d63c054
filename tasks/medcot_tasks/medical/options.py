"""Four values to choose from, of which nothing but the question tells the right one.

Were all wrong values mistakes of this very calculation, their digits and sizes would give them away without the
question. So the other values are ones that could be right as well: neighbouring totals of a table; of a
calculator one plausible mistake, no odder than its answers are, and the answers of other patients. Where the
mistake is a slip with a unit, another patient's answer and slip stand beside them: two pairs of values with a
unit's factor between them, of which now the lower and now the higher one comes from the right reading.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, combinations, count, starmap

from medcot_tasks.medical.number import apart, decimals
from medcot_tasks.medical.problem import Problem

COUNT = 4
Bounds = tuple[float, float]
WIDER = 1.6
"""How many times outside the usual answers a slip with a unit may lie: so it can be offered for most patients."""


def window(totals: Sequence[float], rng: random.Random) -> tuple[float, list[str]]:
    """Draw four neighbouring totals of a scoring table, then the right one of them: the total, the four written.

    In this order, because then each of the four is right with the same probability, whatever they are.
    """
    start = rng.randrange(len(totals) - COUNT + 1)
    values = totals[start : start + COUNT]
    return rng.choice(values), [f"{value:g}" for value in values]


def beside(
    problem: Problem, others: Sequence[Callable[[], Problem]], bounds: Bounds, rng: random.Random
) -> list[str]:
    """Return a calculator's answer, one plausible mistake if there is one, and answers of other patients.

    `others` make them: of the first as many as there are, then of the next, for ranges of few different answers.
    """

    def patients() -> Iterator[Problem]:
        return (other() for other in others for _ in range(50))

    chosen = [problem.answer, *_unit_slip(problem, bounds, rng)]
    if len(chosen) > 1:
        for patient in patients():
            four = [*chosen, patient.answer, *_unit_slip(patient, bounds, rng)]
            if len(four) == COUNT and all(starmap(apart, combinations(four, 2))):
                return four
    elif mistakes := _usual_mistakes(problem, bounds):
        chosen.append(rng.choice(mistakes))
    for value in chain((patient.answer for patient in patients()), _near(problem.answer, rng)):
        if all(apart(value, known) for known in chosen):
            chosen.append(value)
        if len(chosen) == COUNT:
            break
    return chosen


def _unit_slip(problem: Problem, bounds: Bounds, rng: random.Random) -> list[str]:
    """Return what one of the slips with a unit comes to; nothing where no patient has that value.

    It may have finer digits than the answer: what is converted has finer ones than what is not, right or wrong.
    """
    lowest, highest = bounds
    found = [problem.wrong[reason] for reason in problem.unit_slips if reason in problem.wrong]
    thinkable = [value for value in found if lowest / WIDER <= float(value) <= highest * WIDER]
    return [rng.choice(thinkable)] if thinkable else []


def _usual_mistakes(problem: Problem, bounds: Bounds) -> list[str]:
    """Return the other mistakes that lie within the bounds and are written to no finer digits than the answer."""
    lowest, highest = bounds
    return [
        value
        for reason, value in problem.wrong.items()
        if reason not in problem.unit_slips
        and lowest <= float(value) <= highest
        and _place(value) >= _place(problem.answer)
    ]


def _near(answer: str, rng: random.Random) -> Iterator[str]:
    """Yield values that differ in the last digits without end, for calculators of few different answers."""
    unit = 10.0 ** _place(answer)
    for widest in count(3):
        value = float(answer) + rng.choice((-1, 1)) * rng.randint(1, widest) * unit
        if value > 0 or float(answer) <= 0:
            yield f"{value:.{decimals(answer)}f}"


def usual(answers: Sequence[str]) -> Bounds:
    """Return the range of a sample of answers without its outermost twentieths."""
    values = sorted(map(float, answers))
    cut = len(values) // 20
    return values[cut], values[-cut - 1]


def _place(value: str) -> int:
    """Return the place of the last digit that is not 0: 2 for 9600, -1 for 93.3, and 0 for 0."""
    digits = value.lstrip("-").replace(".", "")
    return len(digits) - len(digits.rstrip("0")) - decimals(value) if digits.strip("0") else 0
