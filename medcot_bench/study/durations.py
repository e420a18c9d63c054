"""Times as users write them: 90s, 30m, 2h."""

from __future__ import annotations

import re

from medcot_bench.errors import ConfigError

MINUTE = 60.0
UNITS = {"s": 1.0, "m": MINUTE, "h": 60 * MINUTE}


def read_seconds(text: str, typed: str) -> float | None:
    """Return the seconds of a duration, None for `none`. Raises ConfigError that names what was typed.

    >>> read_seconds("90s", "--timeout 90s"), read_seconds("none", "--timeout load=none")
    (90.0, None)
    """
    if text.strip() == "none":
        return None
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*([smh])", text.strip())
    if not found or not float(found[1]):
        raise ConfigError(f"{typed[:60]}: write a time as 90s, 30m or 2h, or none")
    return float(found[1]) * UNITS[found[2]]


def spoken(seconds: float) -> str:
    """Write a limit as a person would.

    >>> spoken(1800.0), spoken(7200.0), spoken(2.5)
    ('30 min', '2 h', '2.5 s')
    """
    for unit, length in (("h", UNITS["h"]), ("min", MINUTE)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"
