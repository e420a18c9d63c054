"""How many seeds a precision rule can be expected to take, and whether items allow what it asks."""

from __future__ import annotations

from dataclasses import dataclass

from medcot_bench.planning.estimates.item_pools import count_items, item_pool
from medcot_bench.planning.estimates.power import Known, aim_of, effects, hypotheses_by, tasks_of, variances_of
from medcot_bench.planning.plan import Plan
from medcot_bench.stats.power import ItemSet, Spread, Varying, items_for_width, seeds_for_width, spread_of
from medcot_bench.study.precision import LOOKS, Precision


@dataclass(frozen=True, slots=True)
class Forecast:
    """What variances known beforehand say of a precision rule, of the hypothesis that needs most."""

    seeds: int | None
    """To be expected, with the one after the first narrow interval; None: more than the rule has."""
    seeds_bounded: int | None
    """The same by the upper bound of the seed variance (80%)."""
    floor: float
    """The half width below which no number of seeds gets."""
    items: int
    """Of the evaluation task, or of the one of both that has fewer."""
    items_needed: int | None
    """With which the most seeds of the rule are expected to do; None: known of no number of items."""


def forecast(plan: Plan, known: Known) -> Forecast | None:
    """Return what to expect of a plan's precision rule, None without one and where no variances are known."""
    rule, score = plan.study.analysis.precision, plan.study.analysis.narrowed
    if rule is None or not any(effect.score == score for effect in effects(plan, known)):
        return None
    aimed = [effect for effect in hypotheses_by(plan, score) if aim_of(effect) is rule.effect]
    found = [one for effect in aimed if (one := _forecast(plan, known, effect, rule))]
    most = rule.max_seeds + 1
    return max(found, key=lambda one: (one.floor > rule.half_width, one.seeds or most, one.floor), default=None)


def _forecast(plan: Plan, known: Known, effect: Varying, rule: Precision) -> Forecast | None:
    components = variances_of(known, effect)
    pools = [item_pool(plan, task) for task in tasks_of(effect, components)]
    counts = [count_items(plan, task, effect.score) for task in tasks_of(effect, components)]
    sets = [pool.take(count) for pool, count in zip(pools, counts, strict=True)]
    spread, bounded = (spread_of(components, bounded=bounded) for bounded in (False, True))
    floor = spread.floor(sets)

    def seeds_for(variances: Spread) -> int | None:
        """Return the seeds with which the mean of the last widths is narrow: about one after the first that is."""
        narrow = seeds_for_width(variances, rule.half_width, sets, range(rule.min_seeds, rule.max_seeds))
        return narrow and max(narrow + 1, min(rule.min_seeds + LOOKS - 1, rule.max_seeds))

    def of_tasks(items: int) -> list[ItemSet]:
        return [pool.take(items) for pool in pools]

    return (
        None
        if floor is None
        else Forecast(
            seeds=seeds_for(spread),
            seeds_bounded=seeds_for(bounded),
            floor=floor,
            items=min(counts),
            items_needed=items_for_width(spread, rule.half_width, rule.max_seeds, of_tasks),
        )
    )
