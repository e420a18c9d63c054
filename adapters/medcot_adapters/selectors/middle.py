"""The k blocks in the middle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from medcot_adapters.selectors.positional import Positional, make
from medcot_bench import Probe, hookimpl


def choose(probe: Probe, k: int) -> Iterable[int]:
    """Return the numbers of the chosen blocks."""
    start = (probe.model.n_layers - k) // 2
    return range(start, start + k)


@hookimpl
def medcot_make_selector(name: str, options: Mapping[str, Any]) -> Positional:
    """Build the selector."""
    return make("middle", "The k blocks in the middle.", choose, options)
