"""The first k blocks, those next to the input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from medcot_adapters.selectors.positional import Positional, make
from medcot_bench import Probe, hookimpl


def choose(probe: Probe, k: int) -> Iterable[int]:
    """Return the numbers of the chosen blocks."""
    return range(k)


@hookimpl
def medcot_make_selector(name: str, options: Mapping[str, Any]) -> Positional:
    """Build the selector."""
    return make("bottom", "The k blocks next to the input.", choose, options)
