"""k blocks spread evenly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from medcot_adapters.selectors.positional import Positional, make
from medcot_bench import Probe, hookimpl


def choose(probe: Probe, k: int) -> Iterable[int]:
    """Return the numbers of the chosen blocks."""
    return [(2 * i + 1) * probe.model.n_layers // (2 * k) for i in range(k)]


@hookimpl
def medcot_make_selector(name: str, options: Mapping[str, Any]) -> Positional:
    """Build the selector."""
    return make("every", "k blocks spread evenly.", choose, options)
