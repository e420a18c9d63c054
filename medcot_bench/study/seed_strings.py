"""Read what is typed after --seeds: `0,1,2`, `0-4`, or both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

SEEDS = "distinct seeds from 0 up, as 0,1,2 or 0-4"
MOST = 1000
"""Seeds of one range."""


def read_seeds(value: Any) -> Any:
    """Return the seeds of a number, a string or a list of these; anything else is left to the field's type.

    Raises ValueError.

    >>> read_seeds("0-2, 7"), read_seeds(3), read_seeds([4, "8-9"])
    ([0, 1, 2, 7], [3], [4, 8, 9])
    """
    parts = [value] if isinstance(value, str | int) else value
    return [seed for part in parts for seed in _read(part)] if isinstance(parts, list | tuple) else value


def _read(part: Any) -> Iterator[Any]:
    if not isinstance(part, str):
        yield part
        return
    for text in re.split(r"[,\s]+", part.strip(", \t\n")):
        matched = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", text)
        first, last = (int(matched[1]), int(matched[2] or matched[1])) if matched else (0, -1)
        if not first <= last < first + MOST:
            raise ValueError(f"give {SEEDS}; a range has at most {MOST}")
        yield from range(first, last + 1)
