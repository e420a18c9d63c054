"""What would settle each inconclusive effect: seeds, items or groups, by the study's own variances and seconds."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from medcot_bench.analysis.costs import Prices
from medcot_bench.analysis.persistence import Compared
from medcot_bench.results.comparisons import Effect, Needed, Persistence, Showing, Sizes
from medcot_bench.stats.contrasts import Part, on_common_seeds, shared_items
from medcot_bench.stats.power import ItemSet, add_groups, grow, spread_of
from medcot_bench.stats.variance_components import estimate_components
from medcot_bench.stats.verdict import ALPHA

REACH = 10
"""Times the seeds, items or groups of a study that may be asked for."""
SEEDS_BESIDE = (1.5, 2, 3, 5, REACH)
"""Times the seeds that are tried beside more items or groups."""


def find_needed(compared: Sequence[Compared], prices: Prices) -> tuple[Persistence, ...]:
    """Return the comparisons, each inconclusive effect with what would settle it.

    An effect has nothing where verdicts take more seeds, and where the study tells nothing of the variances (see
    `estimate_components`).
    """
    families: defaultdict[tuple[str, bool], list[Persistence]] = defaultdict(list)
    for one in compared:
        families[one.found.score, one.found.declared].append(one.found)
    counts = {key: _open_by_kind(family) for key, family in families.items()}
    known: dict[tuple[int, bool], Effect] = {}  # a row's gap in domain is one effect, whatever the shift
    settled = []
    for one in compared:
        found, own, other = one.found, one.found.in_domain, one.found.out_of_domain
        if found.verdict.descriptive:
            settled.append(found)
            continue
        in_domain, out_of_domain, dids = counts[found.score, found.declared]
        key = id(one.in_domain), found.declared
        if key not in known:
            known[key] = _settle(own.gap, [one.in_domain], own.margin, in_domain, prices)
        gap = _settle(other.gap, [one.out_of_domain], other.margin, out_of_domain, prices)
        both = [one.out_of_domain, one.in_domain.weighed(-1.0)]
        did = _settle(found.did, both, own.margin, dids, prices) if found.did else None
        settled.append(
            replace(found, in_domain=replace(own, gap=known[key]), out_of_domain=replace(other, gap=gap), did=did)
        )
    return tuple(settled)


class _Open(NamedTuple):
    """How many tests of a family Holm's method has left once it is past those that are significant, at least 1.

    The first of them is at 5% divided by their number.
    """

    differences: int
    equivalences: int

    @classmethod
    def of(cls, effects: Iterable[Effect]) -> _Open:
        several = [*effects]
        differences, equivalences = ([one.difference for one in several], [one.equivalence for one in several])
        return cls(_count_open(differences), _count_open(equivalences))


def _count_open(p_values: Sequence[float | None]) -> int:
    return max(sum(p is not None and p > ALPHA for p in p_values), 1)


def _open_by_kind(family: Sequence[Persistence]) -> tuple[_Open, _Open, _Open]:
    """Return the open tests in domain, where a row counts once, out of domain, and of the DiDs."""
    rows = {(one.task, one.adapter): one.in_domain.gap for one in family}
    dids = [one.did for one in family if one.did]
    return _Open.of(rows.values()), _Open.of(one.out_of_domain.gap for one in family), _Open.of(dids)


@dataclass(frozen=True, slots=True)
class _Question:
    """What may be shown of an effect, and the smallest size that a study of these items and seeds shows."""

    showing: Showing
    size: float
    smallest: Callable[[Sequence[ItemSet], int], float | None]

    def distance(self, sets: Sequence[ItemSet], seeds: int) -> float:
        """Return how many times too large the smallest size is."""
        smallest = self.smallest(sets, seeds)
        return math.inf if smallest is None or not self.size else smallest / self.size


def _settle(
    effect: Effect, parts: Sequence[Part], margin: float | None, still_open: _Open, prices: Prices
) -> Effect:
    """Return an effect with what would settle it, where it is inconclusive and its variances are known."""
    shared = [] if effect.finding.conclusive else on_common_seeds(parts)
    components = estimate_components(shared, effect.found) if shared else None
    if components is None:
        return effect
    spread = spread_of(components)
    apart = shared[: len(spread.sets)]
    groups = [[part.groups[item] for item in shared_items(part.values)] for part in apart]
    sets = [ItemSet.of(own, part.alike) for own, part in zip(groups, apart, strict=True)]
    now = Sizes(len(shared[0].values), min(map(len, groups)), min(len({*own}) for own in groups))
    detectable = partial(spread.detectable, tests=still_open.differences)
    questions = [_Question(Showing.DIFFERENCE, abs(effect.found.value), detectable)]
    if margin is not None and effect.equivalence is not None:
        showable = partial(spread.showable, tests=still_open.equivalences)
        questions.append(_Question(Showing.EQUIVALENCE, margin, showable))
    nearest = min(questions, key=lambda question: question.distance(sets, now.seeds))

    def priced(sizes: Sizes) -> Sizes:
        return replace(sizes, seconds=prices.seconds(now.seeds, sizes.seeds, sizes.items / now.items))

    ways = _ways(now, sets, nearest, priced)
    return replace(effect, needed=Needed(nearest.showing, nearest.size, now, tuple(sorted(ways, key=_cost))))


def _cost(sizes: Sizes) -> float:
    return sizes.seconds or float(sizes.seeds * sizes.items)


def _ways(
    now: Sizes, sets: Sequence[ItemSet], question: _Question, priced: Callable[[Sizes], Sizes]
) -> list[Sizes]:
    """Return the least that is enough: of seeds, of items, of groups; if none of these is, the cheapest of two."""

    def with_seeds(seeds: int) -> Sizes:
        return replace(now, seeds=seeds)

    def with_items(items: int, seeds: int = now.seeds) -> Sizes:
        return Sizes(seeds, items, items if now.groups == now.items else now.groups)

    def with_groups(groups: int, seeds: int = now.seeds) -> Sizes:
        return Sizes(seeds, round(now.items * groups / now.groups), groups)

    def find(count: int, grown: Callable[[int], Sizes]) -> Sizes | None:
        """Return the first sizes that are enough, from `count` on, of what it is the number now."""

        def is_enough(number: int) -> bool:
            sizes = grown(number)
            of_groups = add_groups(sets, sizes.groups / now.groups)
            return question.distance(grow(of_groups, sizes.items), sizes.seeds) <= 1

        most = REACH * count
        if not is_enough(most):
            return None
        return priced(grown(bisect_left(range(most), True, lo=count + 1, key=is_enough)))

    more: list[tuple[int, Callable[..., Sizes]]] = [(now.items, with_items)]
    if now.groups < now.items:
        more.append((now.groups, with_groups))
    alone = [*filter(None, (find(*one) for one in [(now.seeds, with_seeds), *more]))]
    if alone:
        return alone
    for count, grown in more:
        seeds = (round(times * now.seeds) for times in SEEDS_BESIDE)
        if both := [*filter(None, (find(count, partial(grown, seeds=number)) for number in seeds))]:
            return [min(both, key=_cost)]
    return []
