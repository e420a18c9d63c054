"""A plan with fewer seeds: the steps in which a study grows by its precision rule; a seed meant as a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from medcot_bench.planning.plan import Plan
from medcot_bench.text import counted


def seed_steps(plan: Plan) -> Iterator[Plan]:
    """Yield the plan with the seeds that it begins with, then with one more each; itself alone without a rule."""
    rule = plan.study.analysis.precision
    if rule is None or plan.trials:
        yield plan
        return
    for seeds in range(rule.min_seeds, rule.max_seeds + 1):
        yield with_seeds(plan, seeds)


def with_seeds(plan: Plan, seeds: int) -> Plan:
    """Return the plan with the first seeds only: the cells and evaluations of a study that has no others."""
    kept = plan.study.every_seed[:seeds]
    cells = tuple(cell for cell in plan.cells if cell.seed is None or cell.seed in kept)
    ids = {cell.id for cell in cells}
    return replace(
        plan,
        study=plan.study.model_copy(update={"seeds": kept}),
        cells=cells,
        evaluations=tuple(one for one in plan.evaluations if one.cell in ids),
    )


def note_lone_seed(plan: Plan) -> Iterator[str]:
    """Yield a note where one seed, 2 or more, is named: so many seeds may have been meant."""
    seeds = plan.study.every_seed
    if len(seeds) == 1 and seeds[0] > 1 and any(cell.seed == seeds[0] for cell in plan.cells):
        [seed] = seeds
        yield f"one training with seed {seed}; {counted(seed, 'seed')} are --seeds 0-{seed - 1}"
