"""Four values to choose from, of which nothing but the question tells the right one.

Were all wrong values mistakes of this very calculation, their digits and sizes would give them away without the
question. So the other values are ones that could be right as well: neighbouring totals of a table; of a calculator
one plausible mistake, no odder than its answers are, and the answers of other patients.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, count

from medcot_tasks.medical.number import close, decimals
from medcot_tasks.medical.problem import Problem

COUNT = 4
Bounds = tuple[float, float]


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

    A mistake counts as plausible where it lies within `bounds` and is written to no finer digits than the answer.
    """
    chosen = [problem.answer]
    mistakes = [value for value in problem.wrong.values() if _is_plausible(value, problem.answer, bounds)]
    if mistakes:
        chosen.append(rng.choice(mistakes))
    drawn = (other().answer for other in others for _ in range(50))
    for value in chain(drawn, _slips(problem.answer, rng)):
        if not any(close(float(value), known) or close(float(known), value) for known in chosen):
            chosen.append(value)
        if len(chosen) == COUNT:
            break
    return chosen


def _slips(answer: str, rng: random.Random) -> Iterator[str]:
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


def _is_plausible(value: str, answer: str, bounds: Bounds) -> bool:
    lowest, highest = bounds
    return lowest <= float(value) <= highest and _place(value) >= _place(answer)


def _place(value: str) -> int:
    """Return the place of the last digit that is not 0: 2 for 9600, -1 for 93.3, and 0 for 0."""
    digits = value.lstrip("-").replace(".", "")
    return len(digits) - len(digits.rstrip("0")) - decimals(value) if digits.strip("0") else 0
