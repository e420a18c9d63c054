"""Reasoning as typed steps: `name: expression = value unit`, a line each; written, read again and checked."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from medcot_bench import Example, normalise
from medcot_tasks.medical.arithmetic import evaluate
from medcot_tasks.medical.number import ALONE, decimals, to_float


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a solution. `value` is the expression's value as written, rounded to its decimals."""

    name: str
    expression: str
    value: str
    unit: str = ""

    @property
    def text(self) -> str:
        """The line that is written.

        >>> Step("MAP", "(120 + 2*80)/3", "93.3", "mmHg").text
        'MAP: (120 + 2*80)/3 = 93.3 mmHg'
        """
        return f"{self.name}: {self.expression} = {self.value} {self.unit}".rstrip()


@dataclass
class Work:
    """Builds a solution step by step; a later step uses the earlier values as they were written."""

    steps: list[Step] = field(default_factory=list)
    decimals: int = 0
    """Those of the last step, at most."""
    least: int = 0
    """Those of the last step, at least."""

    def step(self, name: str, expression: str, unit: str = "", decimals: int = 0) -> str:
        """Add a step and return its value as written. Raises ValueError for an expression without value."""
        value = evaluate(expression)
        if value is None:
            raise ValueError(f"{name}: '{expression}' has no value")
        written = rounded(value, decimals)
        self.steps.append(Step(name, expression, written, unit))
        self.decimals = self.least = decimals
        return written


def rounded(value: float, decimals: int) -> str:
    """Return a number with so many decimals, halves away from zero, as clinicians round.

    >>> rounded(2.5, 0), rounded(-0.04, 1), rounded(1.005, 2)
    ('3', '0.0', '1.01')
    """
    scaled = math.floor(abs(value) * 10**decimals + 0.5 + 1e-9) / 10**decimals
    return f"{math.copysign(scaled, value) if scaled else 0.0:.{decimals}f}"


def needed(value: float, decimals: int, least: int = 0) -> int:
    """Return how many of the decimals a number is written with, so that no zero at the end says nothing.

    >>> needed(2.5, 2), needed(2.004, 2), needed(2.004, 2, least=1)
    (1, 0, 1)
    """
    while decimals > least and float(rounded(value, decimals - 1)) == float(rounded(value, decimals)):
        decimals -= 1
    return decimals


_STEP = re.compile(
    r"^[\s*-]*(?P<name>[^:=]{1,80}?)\s*:\s*(?P<expression>[^:=]{1,200}?)\s*=\s*"
    rf"(?P<value>[-−]?(?:\d+(?:,\d{{3}})*(?:\.\d+)?|\.\d+)){ALONE}\s*(?P<unit>[^=]{{0,40}}?)\s*\.?$",
    re.ASCII,
)


def read(text: str) -> list[Step]:
    """Return the steps that stand in a text; other lines are passed over.

    >>> read("So:\\nMAP: (120 + 2*80)/3 = 93.3 mmHg\\nThat is high.")[0].value
    '93.3'
    """
    found = []
    for line in text.split("\n"):
        if match := _STEP.match(line[:400]):
            value = match["value"].replace("−", "-").replace(",", "")
            found.append(Step(match["name"], match["expression"], value, match["unit"]))
    return found


def holds(step: Step) -> bool:
    """Return whether a step's arithmetic is right, to the last digit that it writes.

    >>> holds(Step("MAP", "(120 + 2*80)/3", "93.3")), holds(Step("MAP", "(120 + 2*80)/3", "93.4"))
    (True, False)
    """
    value = evaluate(step.expression)
    half = 0.5 * 10.0 ** -decimals(step.value)
    return value is not None and abs(value - float(step.value)) <= half * (1 + 1e-6) + 1e-9


_FIELDS = {"name", "expression", "value", "unit"}
SCORES = ("step_f1", "arithmetic", "first_error")


def solution(example: Example) -> list[Step]:
    """Return the typed steps of an item's `meta`; none where it has none, or what it has is no steps."""
    found = example.meta.get("steps")
    if not isinstance(found, list):
        return []
    steps = []
    for step in found:
        if (
            not isinstance(step, dict)
            or set(step) != _FIELDS
            or not all(isinstance(v, str) for v in step.values())
        ):
            return []
        if to_float(step["value"]) is None:
            return []
        steps.append(Step(**step))
    return steps


def check(example: Example, text: str) -> dict[str, float | None]:
    """Compare the steps of a text with those of an item's solution; None each where the item has no typed steps.

    - `step_f1`: F1 of steps with the right name and value, each gold step found once at most.
    - `arithmetic`: share of written steps whose arithmetic holds; None without steps.
    - `first_error`: share of the solution's steps before the first wrong one; a step is wrong where its value is
      not that of the gold step in its place, or its arithmetic does not hold. 1 where none is wrong; steps after
      the last one lower it.
    """
    gold = solution(example)
    if not gold:
        return dict.fromkeys(SCORES)
    written = read(text)
    if not written:
        return {"step_f1": 0.0, "arithmetic": None, "first_error": 0.0}
    left = list(gold)
    shared = 0
    for step in written:
        found = next((other for other in left if _same(other, step)), None)
        if found:
            left.remove(found)
            shared += 1
    return {
        "step_f1": 2 * shared / (len(gold) + len(written)),
        "arithmetic": sum(map(holds, written)) / len(written),
        "first_error": _first_error(gold, written),
    }


def _first_error(gold: Sequence[Step], written: Sequence[Step]) -> float:
    for number, wanted in enumerate(gold):
        if number >= len(written) or not _same(wanted, written[number]) or not holds(written[number]):
            return number / len(gold)
    return 1.0 if len(written) == len(gold) else len(gold) / len(written)


def _same(gold: Step, step: Step) -> bool:
    return normalise(gold.name) == normalise(step.name) and float(gold.value) == float(step.value)
