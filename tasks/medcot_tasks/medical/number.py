"""Numbers as answers: read from text, and compared within a tolerance."""

from __future__ import annotations

import math
import re

from medcot_bench import Example

_MINUS = "−"
NUMBER = rf"[-{_MINUS}]?(?:\d{{1,3}}(?:,\d{{3}})+(?!\d)|\d+)(?:\.\d+)?|[-{_MINUS}]?\.\d+"
"""A decimal number, with thousands set apart by commas or not."""
ALONE = r"(?![\d,.]*\d)(?![eE][-+]?\d)(?!,?[ \t]+\d)(?!\s*(?:[-–—~/+*^×x|:]|\bor\b|\band\b|\bto\b)\s*\d)"
"""What may not follow: the rest of a longer number, of a range, a fraction, a sum, a power, a list or a choice."""
_MARK = re.compile(r"\banswer(?:\s+is)?[\s:=*]*(?=[-−.]?\d)", re.IGNORECASE | re.ASCII)
_ALONE = re.compile(f"({NUMBER}){ALONE}", re.IGNORECASE | re.ASCII)
_LONGEST = 40


def read_answer(text: str) -> float | None:
    """Return the number after the last answer mark that has one, None where it does not stand alone.

    >>> read_answer("Answer: 12\\nso the answer is 1,250.5 mL"), read_answer("Answer: 12\\nAnswer: 5 to 6")
    (1250.5, None)
    """
    marks = list(_MARK.finditer(text))
    found = _ALONE.match(text, marks[-1].end()) if marks else None
    return to_float(found[1]) if found else None


def to_float(text: str) -> float | None:
    """Return a written number, None where it is none or out of all proportion."""
    if len(text) > _LONGEST or not re.fullmatch(NUMBER, text, re.ASCII):
        return None
    return float(text.replace(",", "").replace(_MINUS, "-"))


def is_right(example: Example, number: float) -> bool:
    """Return whether a number answers an item.

    The item's `meta` may hold the bounds `lower` and `upper` of right numbers, or `exact` where only the answer
    itself is right; elsewhere `close` decides, with the `decimals` that the answer has before zeros are left out.
    """
    lower, upper = (_bound(example.meta.get(name)) for name in ("lower", "upper"))
    if lower is not None and upper is not None:
        return lower <= number <= upper
    return is_value(example, number, example.answer)


def _bound(given: object) -> float | None:
    """Return a bound of a row, a number or one written as text."""
    return float(given) if isinstance(given, int | float) else to_float(str(given))


def is_value(example: Example, number: float, written: str) -> bool:
    """Return whether a number is a value written for an item, its answer or another option."""
    if example.meta.get("exact"):
        return number == to_float(written)
    meant = example.meta.get("decimals")
    return close(number, written, meant if isinstance(meant, int) else None)


def decimals(text: str) -> int:
    """Return how many decimals a written number has."""
    return len(text.partition(".")[2])


def close(value: float, gold: str, meant: int | None = None) -> bool:
    """Return whether a value is right: within 1%, or half of the last digit that the gold answer writes.

    `meant` is the number of decimals where the gold answer leaves out zeros. False where it is not a number.

    >>> close(93.2, "93.3"), close(92.2, "93.3"), close(2.4, "2"), close(3.0, "2")
    (True, False, True, False)
    """
    right = to_float(gold)
    if right is None or not math.isfinite(value):
        return False
    slack = max(0.01 * abs(right), 0.5 * 10.0 ** -(decimals(gold) if meant is None else meant))
    return abs(value - right) <= slack * (1 + 1e-9)


def apart(one: str, other: str) -> bool:
    """Return whether two written values differ enough: neither is right where the other is the gold.

    >>> apart("990", "1000"), apart("980", "1000"), close(990.0, "1000"), close(1000.0, "990")
    (False, True, True, False)
    """
    return not close(float(one), other) and not close(float(other), one)
