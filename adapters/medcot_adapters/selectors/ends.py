"""Half of k at each end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from medcot_adapters.selectors.positional import Positional, make
from medcot_bench import Probe, hookimpl


def choose(probe: Probe, k: int) -> Iterable[int]:
    """Return the numbers of the chosen blocks."""
    blocks = probe.model.n_layers
    return [*range((k + 1) // 2), *range(blocks - k // 2, blocks)]


@hookimpl
def medcot_make_selector(name: str, options: Mapping[str, Any]) -> Positional:
    """Build the selector."""
    return make("ends", "Half of the k blocks at each end, one more at the input where k is odd.", choose, options)
