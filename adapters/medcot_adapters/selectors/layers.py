"""Blocks by their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medcot_adapters.selectors.positional import in_blocks
from medcot_bench import ConfigError, Option, Placement, Probe, SelectorSpec, hookimpl
from medcot_bench.options import number_ranges

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
        """Return the modules of these blocks. Raises ConfigError for a block that the model lacks."""
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
