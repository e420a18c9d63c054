"""Parse what is typed after `compare --require`: `lora: manuals_qa.answer >= none`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, cast

from medcot_bench.errors import ConfigError
from medcot_bench.security.foreign_text import quote

Operator = Literal[">=", ">", "<=", "<"]
GRAMMAR = "[ROW [on TASK]:] TASK.SCORE [surely] >= none, or > <= <; or full, full - 0.05, 0.7, 90% of full's gain"
"""What a requirement may say, in one line."""
SURELY = "surely"
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_OPERATOR = re.compile(">=|<=|>|<")
_ONLY_NUMBER = re.compile(rf"[+-]?{_NUMBER}")
_SHARE = re.compile(rf"({_NUMBER})\s*%\s*of\s+(.*\S)['\u2019]s\s+gain")
_SHIFTED = re.compile(rf"(.*\S)\s+([+-])\s*({_NUMBER})")


@dataclass(frozen=True, slots=True)
class Level:
    """The right side: a number, a row's score and a number, or where a share of a row's gain is kept."""

    row: str | None = None
    """As typed; None where the level is a number."""
    percent: float | None = None
    """Of the row's gain over the base model."""
    plus: float = 0.0
    """What is added to the row's score; the level itself where there is no row."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a score of one row, or of every adapter, has to be."""

    text: str
    """As typed, with single spaces."""
    row: str | None
    """As typed; None: every adapter."""
    trained: str | None
    """The training task; None: each that the row was trained on."""
    task: str
    score: str
    surely: bool
    """Whether the end of the 95% interval has to hold, not only the estimate."""
    operator: Operator
    level: Level


def read_requirement(text: str) -> Requirement:
    """Read a requirement. Raises ConfigError for one that can't be read.

    >>> read_requirement("manuals_qa.answer >= full - 0.05").level
    Level(row='full', percent=None, plus=-0.05)
    """
    text = " ".join(text.split())
    found = _OPERATOR.search(text)
    if not found:
        raise _error(text, "has none of >=, >, <= and <")
    left, right = text[: found.start()].strip(), text[found.end() :].strip()
    if left.endswith(("=", "!")) or right.startswith("=") or _OPERATOR.search(right):
        raise _error(text, "has to compare once, by >=, >, <= or <")
    place, surely = left, left.split(" ")[-1] == SURELY
    if surely:
        place = left[: -len(SURELY)].strip()
    prefix, colon, place = place.rpartition(": ")
    row, on, trained = prefix.rpartition(" on ")
    row, trained = (row, trained) if on else (prefix, "")
    task, _, score = place.rpartition(".")
    if not task or not score or (colon and not row) or (on and not trained):
        raise _error(text, f"has {quote(left)} where TASK.SCORE belongs")
    return Requirement(
        text=text,
        row=row or None,
        trained=trained or None,
        task=task,
        score=score,
        surely=surely,
        operator=cast(Operator, found.group()),
        level=_read_level(text, right),
    )


def _read_level(text: str, written: str) -> Level:
    if not written:
        raise _error(text, "has nothing to compare with")
    if _ONLY_NUMBER.fullmatch(written):
        level = Level(plus=float(written))
    elif share := _SHARE.fullmatch(written):
        level = Level(share[2], percent=float(share[1]))
    elif re.match(rf"{_NUMBER}\s*%", written):
        raise _error(text, f"has {quote(written)}, not a share such as 90% of full's gain")
    elif shifted := _SHIFTED.fullmatch(written):
        level = Level(shifted[1], plus=float(shifted[2] + shifted[3]))
    else:
        level = Level(written)
    if not math.isfinite(level.plus) or not math.isfinite(level.percent or 0.0):
        raise _error(text, "has a number that is too large")
    return level


def _error(text: str, problem: str) -> ConfigError:
    return ConfigError(f"--require {quote(text)} {problem}: {GRAMMAR}")
