"""What would settle an inconclusive effect: seeds or items, by the study's own variances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from medcot_bench.results.comparisons import Blocking, Effect, Needed, Persistence
from medcot_bench.stats.contrasts import Part, on_common_seeds, shared_items
from medcot_bench.stats.power import ItemSet, grow, items_needed, seeds_needed, spread_of
from medcot_bench.stats.variance_components import estimate_components


@dataclass(frozen=True, slots=True)
class Gaps:
    """The items behind the gaps of one adapter."""

    in_domain: Part
    out_of_domain: Part


def find_needed(found: Persistence, gaps: Gaps) -> Needed | None:
    """Return what it takes to detect the first effect that is inconclusive.

    None where all are conclusive, and where the study tells nothing of the variances (see `estimate_components`).
    """
    if not found.verdict.inconclusive or found.did is None:
        return None
    blocking, effect, parts = _blocking(found, found.did, gaps)
    shared = on_common_seeds(parts)
    components = estimate_components(shared) if shared else None
    if components is None:
        return None
    spread, seeds = spread_of(components), effect.found.seeds
    sets = [ItemSet.of((part.groups[item] for item in shared_items(part.values)), part.alike) for part in shared]
    sets = sets[: len(spread.sets)]
    side = found.out_of_domain if blocking is Blocking.OUT_OF_DOMAIN else found.in_domain
    size = max(abs(effect.found.value), side.margin or 0.0)
    return Needed(
        effect=blocking,
        size=size,
        items=min(one.items for one in sets),
        seeds=seeds_needed(spread, size, sets),
        items_needed=items_needed(spread, size, seeds, partial(grow, sets)),
    )


def _blocking(found: Persistence, did: Effect, gaps: Gaps) -> tuple[Blocking, Effect, Sequence[Part]]:
    """Return the first effect that is inconclusive."""
    if not found.in_domain.gap.finding.conclusive:
        return Blocking.IN_DOMAIN, found.in_domain.gap, [gaps.in_domain]
    if not found.out_of_domain.gap.finding.conclusive:
        return Blocking.OUT_OF_DOMAIN, found.out_of_domain.gap, [gaps.out_of_domain]
    return Blocking.DID, did, [gaps.out_of_domain, replace(gaps.in_domain, weight=-1.0)]
