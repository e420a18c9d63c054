"""Wrong answers to a calculator's question: what leads to them, and which differ enough from the right one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from medcot_tasks.medical.number import apart, decimals
from medcot_tasks.medical.steps import Work, needed, rounded

Result = float | Work
"""A value, or the working that ends in it."""
Wrong = Mapping[str, Result]
"""Why a wrong answer comes about -> what it comes to."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A quantity in the formula's unit, and what a slip with its unit makes of it.

    The slip is to leave a conversion out, or to convert what was told in the formula's unit already. Both are
    made of a quantity about equally often, lest of two values that a factor of conversion lies between, one side
    be the right one always.
    """

    value: float
    misread: float = 0
    slip: str = ""
    """What the slip is called; empty where all are told in one unit."""

    def slips(self, solve: Callable[[float], Result]) -> dict[str, Result]:
        """Return the wrong answer that the misread quantity leads to, if there is one."""
        return {self.slip: solve(self.misread)} if self.slip else {}


def written(result: Result, right: Work) -> str:
    """Return what was worked out, written as it were if it was right."""
    value = float(result.steps[-1].value) if isinstance(result, Work) else result
    return rounded(value, needed(value, right.decimals, right.least))


def mistakes(right: Work, wrong: Wrong) -> dict[str, str]:
    """Return the wrong values that differ enough from the right one and from each other, as they are written.

    Arithmetic slips are added until there are three, with one on either side of the right value.
    """
    known = right.steps[-1].value
    answer = float(known)
    digit = 10.0 ** -decimals(known)
    found: dict[str, str] = {}

    def add(reason: str, result: Result) -> None:
        value = written(result, right)
        possible = answer <= 0 or float(value) > 0
        if possible and apart(value, known) and value not in found.values():
            found[reason] = value

    for reason, result in wrong.items():
        add(reason, result)
    for size in (0.1, 0.2, 0.3):
        slip = max(size * abs(answer), digit * 10 * size)
        below = any(float(value) < answer for value in found.values())
        above = any(float(value) > answer for value in found.values())
        if len(found) < 3 or not below:
            add(f"an arithmetic slip, {size:.0%} too low", answer - slip)
        if len(found) < 3 or not above:
            add(f"an arithmetic slip, {size:.0%} too high", answer + slip)
    return found
