"""Where a plan differs from the pilot whose variances it is judged by."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from medcot_bench.planning.estimates.costs import planned_tokens
from medcot_bench.planning.estimates.power import Known, effects
from medcot_bench.planning.plan import Plan
from medcot_bench.results.folder import Results

ALIKE = 0.05
"""The share by which the tokens of two trainings may differ without a word: budgets end with a batch."""


def compare_pilot(plan: Plan, pilot: Results) -> Iterator[str]:
    """Yield a sentence for each way in which the pilot is another study; items are scaled, the rest is not."""
    if pilot.base["digest"] != plan.base.digest:
        yield f"the pilot's base model is {pilot.base['name']}, the plan's {plan.base.name}"
    counts = [(task, _items(pilot, task), len(plan.items.scored(task))) for task in plan.data]
    if differing := [f"{task} {old}, here {new}" for task, old, new in counts if old and old != new]:
        yield f"items in the pilot: {'; '.join(differing)} (taken into account)"
    trained = [run.record.training.tokens for run in pilot.cells if run.record and run.cell.task]
    if trained and abs(fmean(trained) / planned_tokens(plan) - 1) > ALIKE:
        yield f"tokens of a training in the pilot: {fmean(trained):.0f}, here {planned_tokens(plan):.0f}"
    rates = {
        (run.cell.adapter, run.cell.task): run.record.request["recipe"]["lr"]
        for run in pilot.cells
        if run.record and run.cell.task and "recipe" in run.record.request
    }
    planned = {(cell.adapter, cell.task): plan.recipe(cell).lr for cell in plan.cells if cell.task}
    for place, rate in planned.items():
        if rates.get(place, rate) != rate:
            yield f"learning rate of {place[0]} on {place[1]} in the pilot: {rates[place]:g}, here {rate:g}"


def find_unknown(plan: Plan, known: Known) -> Iterator[str]:
    """Yield a sentence where effects have no variances of their own."""
    every = [*effects(plan, known)]
    unknown = [effect for effect in every if effect not in known]
    if unknown:
        yield f"{len(unknown)} of {len(every)} effects have no variances of their own: means over similar effects"


def _items(pilot: Results, task: str) -> int:
    """Return the most items that a pilot's model was scored on, 0 where it has no such task."""
    counts = (run.evaluations[task].counts.get("items", 0) for run in pilot.cells if task in run.evaluations)
    return max(counts, default=0)
