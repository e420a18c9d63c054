"""Blocks by their numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from medcot_adapters.selectors.positional import in_blocks
from medcot_bench import ConfigError, Option, Placement, Probe, SelectorSpec, hookimpl

SPEC = SelectorSpec(
    name="layers",
    version=1,
    description="The blocks with these numbers, counted from 0.",
    options={"layers": Option(str, "0", "numbers and ranges joined by +, e.g. 1+3+8-15")},
)


class Layers:
    """The selector plugin."""

    spec = SPEC

    def __init__(self, layers: str = "0"):
        try:
            self._blocks = number_ranges(layers)
        except ValueError as error:
            raise ConfigError(f"selector layers: {error}") from None

    def place(self, probe: Probe) -> Placement:
        """Return the modules of these blocks. Raises ConfigError for a block that the model does not have."""
        if max(self._blocks) >= probe.model.n_layers:
            raise ConfigError(
                f"selector layers: block {max(self._blocks)} of a model with blocks 0 to "
                f"{probe.model.n_layers - 1}"
            )
        return in_blocks(probe, self._blocks)


@hookimpl
def medcot_make_selector(name: str, options: Mapping[str, Any]) -> Layers:
    """Build the selector."""
    return Layers(**options)


def number_ranges(text: str) -> list[int]:
    """Read a list of numbers and ranges joined by `+`. Raises ValueError.

    >>> number_ranges("1+3+8-10")
    [1, 3, 8, 9, 10]
    """
    numbers: list[int] = []
    for part in text.split("+"):
        match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part)
        if not match:
            raise ValueError(f"'{part}' is neither a number nor a range; write e.g. 1+3+8-15")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"'{part}' runs backwards")
        numbers.extend(range(first, last + 1))
    return numbers
