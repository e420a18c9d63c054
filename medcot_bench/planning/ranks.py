"""Ranks above the smaller side of a matrix: they train what a lower one does, at a higher cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from medcot_bench.errors import ConfigError
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.resolve_adapter import ResolvedAdapter
from medcot_bench.types import ModuleInfo, Placement


def check_ranks(adapter: ResolvedAdapter, placement: Placement, modules: Iterable[ModuleInfo]) -> None:
    """Raise ConfigError for an adapter whose ranks are above the smaller side of all its matrices."""
    above = [*_ranks_above(adapter, placement, modules)]
    if above and len(above) == len(placement):
        rank, side = max(rank for rank, _ in above), max(side for _, side in above)
        raise ConfigError(
            f"adapter {adapter.label}: its rank {rank} is above the smaller side of all its matrices; "
            f"rank {side} trains the same"
        )


def find_high_ranks(plan: Plan) -> Iterator[str]:
    """Yield a note for each adapter whose ranks are above the smaller side of some of its matrices."""
    for adapter in plan.adapters.values():
        placement = adapter.place(plan.base.info, plan.base.modules, plan.study.seeds[0])
        if above := [*_ranks_above(adapter, placement, plan.base.modules)]:
            rank, side = max(above)
            yield (
                f"adapter {adapter.label}: its rank {rank} is above the smaller side ({side}) of {len(above)} of "
                f"{len(placement)} matrices, where a lower one trains the same"
            )


def _ranks_above(
    adapter: ResolvedAdapter, placement: Placement, modules: Iterable[ModuleInfo]
) -> Iterator[tuple[int, int]]:
    """Yield (rank, smaller side) of each such matrix. Only a declared option `r` is known to be a rank."""
    if adapter.adapter.spec.update != "low_rank":
        return
    own = int(adapter.options["r"]) if "r" in adapter.adapter.spec.options else 0
    for module in modules:
        if module.path in placement:
            rank, side = placement[module.path] or own, min(module.shapes[0])
            if rank > side:
                yield rank, side
