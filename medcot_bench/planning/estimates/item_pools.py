"""The items that a task can be scored on, with their groups: also those beyond a plan's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medcot_bench.data.sources import load
from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import cluster
from medcot_bench.results.metrics import needs_generation
from medcot_bench.stats.crossed import Weights
from medcot_bench.stats.power import ItemSet, grow
from medcot_bench.study.schema import BUNDLED
from medcot_bench.types import Split

LOOKED_AT = 100
"""Items that a task is asked for to learn how its groups repeat, where it makes as many as are wanted."""


@dataclass(frozen=True, slots=True)
class ItemPool:
    """The items of one evaluation task, in their order: those of a plan, then those that a larger one takes."""

    groups: Sequence[str]
    """Of each item."""
    endless: bool
    """Whether the task makes more items than these, as those before."""
    alike: Weights = "items"

    def take(self, items: int) -> ItemSet:
        """Return the first items, all where there are not so many."""
        if items <= len(self.groups) or not self.endless:
            return ItemSet.of(self.groups[:items], self.alike)
        return grow([ItemSet.of(self.groups, self.alike)], items)[0]


def item_pool(plan: Plan, task: str) -> ItemPool:
    """Return the items that a task can be scored on."""
    task = plan.items_of(task) or task
    split = plan.study.scoring.split
    planned, data, chosen = plan.items.scored(task), plan.data[task], plan.tasks[task]
    examples = list(data.splits[split])
    endless = data.source.startswith(BUNDLED) and split in chosen.task.spec.pool
    if endless and len(planned) < LOOKED_AT:
        counts: dict[Split, int | None] = {"train": 1, "validation": 1, "eval": 1, split: LOOKED_AT}
        made = load(chosen, {}, plan.study.data_seed, counts).splits[split]
        examples, endless = [*planned, *made[len(planned) :]], len(made) == LOOKED_AT
    return ItemPool([cluster(task, item.group) for item in examples], endless, plan.study.analysis.weights)


def count_items(plan: Plan, task: str, score: str) -> int:
    """Return how many items of a plan have a score: answers may be written for the first ones only."""
    count = len(plan.items.scored(task))
    return min(count, plan.scoring.generate_items or count) if needs_generation(score) else count
