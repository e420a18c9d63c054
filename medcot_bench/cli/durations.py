"""Durations as they are typed: 90s, 10m, 2h, off."""

from __future__ import annotations

import argparse
import re

_SECONDS = {"s": 1, "m": 60, "h": 3600}


def read_seconds(text: str) -> float | None:
    """Return the seconds of a duration, None for `off`. Raises ArgumentTypeError.

    >>> read_seconds("90s"), read_seconds("1.5h"), read_seconds("off")
    (90.0, 5400.0, None)
    """
    if text == "off":
        return None
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smh])", text, re.ASCII)
    if found is None or float(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"'{text[:40]}': write a duration such as 90s, 10m or 2h, or off")
    return float(found[1]) * _SECONDS[found[2]]
