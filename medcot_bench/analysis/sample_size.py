"""What would settle an inconclusive verdict: seeds or items, by the study's own variances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from medcot_bench.results.comparisons import Blocking, Effect, Needed, Persistence
from medcot_bench.stats.contrasts import Part, on_common_seeds, shared_items
from medcot_bench.stats.power import ItemSet, grow, items_needed, seeds_needed, spread_of
from medcot_bench.stats.variance_components import estimate_components
from medcot_bench.stats.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Gaps:
    """The items behind the gaps of one adapter."""

    in_domain: Part
    out_of_domain: Part


def find_needed(found: Persistence, gaps: Gaps) -> Needed | None:
    """Return what it takes to detect the effect that keeps a verdict inconclusive.

    None for other verdicts, and where the study tells nothing of the variances (see `estimate_components`).
    """
    if found.verdict is not Verdict.INCONCLUSIVE or found.did is None:
        return None
    blocking, effect, parts = _blocking(found, found.did, gaps)
    shared = on_common_seeds(parts)
    components = estimate_components(shared) if shared else None
    if components is None:
        return None
    spread, seeds = spread_of(components), effect.found.seeds
    sets = [ItemSet.of(part.groups[item] for item in shared_items(part.values)) for part in shared]
    sets = sets[: len(spread.sets)]
    size = max(abs(effect.found.value), found.margin or 0.0)
    return Needed(
        effect=blocking,
        size=size,
        items=min(one.items for one in sets),
        seeds=seeds_needed(spread, size, sets),
        items_needed=items_needed(spread, size, seeds, partial(grow, sets)),
    )


def _blocking(found: Persistence, did: Effect, gaps: Gaps) -> tuple[Blocking, Effect, Sequence[Part]]:
    """Return the first effect, in the order of the table of verdicts, that is not significant."""
    if found.in_domain.gap.finding.sign == "n.s.":
        return Blocking.IN_DOMAIN, found.in_domain.gap, [gaps.in_domain]
    if found.out_of_domain.gap.finding.sign == "n.s.":
        return Blocking.OUT_OF_DOMAIN, found.out_of_domain.gap, [gaps.out_of_domain]
    return Blocking.DID, did, [gaps.out_of_domain, replace(gaps.in_domain, weight=-1.0)]
