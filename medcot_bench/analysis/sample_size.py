"""What would settle an inconclusive effect: seeds or groups of items, by the study's own variances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from medcot_bench.results.comparisons import Blocking, Effect, Needed, Persistence
from medcot_bench.stats.contrasts import Part, effective_groups, on_common_seeds, shared_items
from medcot_bench.stats.power import groups_needed, seeds_needed, spread_of


@dataclass(frozen=True, slots=True)
class Gaps:
    """The items behind the gaps of one adapter."""

    in_domain: Part
    out_of_domain: Part


def find_needed(found: Persistence, gaps: Gaps) -> Needed | None:
    """Return what it takes to detect the first effect that is inconclusive.

    None where all are conclusive, and where the study tells nothing of the variances (see `spread_of`).
    """
    if not found.verdict.inconclusive or found.did is None:
        return None
    blocking, effect, parts = _blocking(found, found.did, gaps)
    shared = on_common_seeds(parts)
    spread = spread_of(shared) if shared else None
    if spread is None:
        return None
    names = [{part.groups[item] for item in shared_items(part.values)} for part in shared]
    groups, seeds = min(map(len, names)), effect.found.seeds
    # Counted in the set that has the fewest groups, as many in the others at the same proportion.
    share = groups / effective_groups(names)
    spread = replace(spread, groups=share * spread.groups, rest=share * spread.rest)
    size = max(abs(effect.found.value), found.margin or 0.0)
    return Needed(
        effect=blocking,
        size=size,
        groups=groups,
        seeds=seeds_needed(spread, size, groups),
        groups_needed=groups_needed(spread, size, seeds),
    )


def _blocking(found: Persistence, did: Effect, gaps: Gaps) -> tuple[Blocking, Effect, Sequence[Part]]:
    """Return the first effect that is inconclusive."""
    if not found.in_domain.gap.finding.conclusive:
        return Blocking.IN_DOMAIN, found.in_domain.gap, [gaps.in_domain]
    if not found.out_of_domain.gap.finding.conclusive:
        return Blocking.OUT_OF_DOMAIN, found.out_of_domain.gap, [gaps.out_of_domain]
    return Blocking.DID, did, [gaps.out_of_domain, replace(gaps.in_domain, weight=-1.0)]
