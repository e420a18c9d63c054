"""What selectors by position share: blocks of the model -> the modules in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from medcot_bench import ConfigError, Option, Placement, Probe, SelectorSpec

K = {"k": Option(int, 0, "number of blocks; 0 means half of them")}


class Positional:
    """A selector that chooses whole blocks by `choose(probe, k)`."""

    def __init__(self, spec: SelectorSpec, choose: Callable[[Probe, int], Iterable[int]], k: int = 0):
        self.spec = spec
        self._choose = choose
        self._k = k

    def place(self, probe: Probe) -> Placement:
        """Return the modules of the chosen blocks, at the adapter's own rank."""
        return in_blocks(probe, self._choose(probe, block_count(probe, self._k)))


def block_count(probe: Probe, k: int) -> int:
    """Return how many blocks `k` means. Raises ConfigError for a negative one or more than there are."""
    if not 0 <= k <= probe.model.n_layers:
        raise ConfigError(f"select: k={k} is not from 0 to {probe.model.n_layers}, the model's number of blocks")
    return k or max(1, probe.model.n_layers // 2)


def in_blocks(probe: Probe, blocks: Iterable[int]) -> Placement:
    """Return the modules that may be chosen and lie in these blocks."""
    wanted = set(blocks)
    return {module.path: None for module in probe.modules if module.layer in wanted}


def make(
    name: str, description: str, choose: Callable[[Probe, int], Iterable[int]], options: Mapping[str, Any]
) -> Positional:
    """Build a positional selector with the option `k`."""
    spec = SelectorSpec(name=name, version=1, description=description, options=K)
    return Positional(spec, choose, **options)
