"""k blocks drawn by the cell's seed: the placebo of every other selector."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from medcot_adapters.selectors.positional import Positional, make
from medcot_bench import Probe, hookimpl


def choose(probe: Probe, k: int) -> Iterable[int]:
    """Return the numbers of the chosen blocks."""
    return random.Random(f"random:{probe.seed}").sample(range(probe.model.n_layers), k)


@hookimpl
def medcot_make_selector(name: str, options: Mapping[str, Any]) -> Positional:
    """Build the selector."""
    return make(
        "random", "k blocks drawn by the cell's seed: the placebo of every other selector.", choose, options
    )
