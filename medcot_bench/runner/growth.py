"""The steps of a study: all its seeds at once, or seed by seed until its precision rule is content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from medcot_bench.analysis.precision import look_at, report_precision
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.seeds import seed_steps
from medcot_bench.planning.status import CellStatus, cell_statuses, run_order
from medcot_bench.results.folder import assemble
from medcot_bench.results.plan_file import PlanFile
from medcot_bench.results.precision_looks import PrecisionLook
from medcot_bench.results.store import Store
from medcot_bench.runner.notices import Listener, Looked, Notice
from medcot_bench.runner.outcome import Outcome

Looks = Sequence[PrecisionLook]
RunStep = Callable[[Plan, list[CellStatus], Looks], Outcome]
"""Runs the cells of a plan that have these statuses, after these looks."""
RecordStep = Callable[[Plan, Looks], PlanFile]


def run_steps(
    plan: Plan, store: Store, run_step: RunStep, record_step: RecordStep, listen: Listener
) -> tuple[Outcome, list[PrecisionLook]]:
    """Run what each step of a plan adds and is not finished; look at the results after each.

    What a look decides follows from the records alone: a run that is begun again comes to the same. What failed is
    missing at a look; where all that a step adds has failed, the run ends. Returns the outcome of all steps, with
    the plan of the last one, and the looks. Raises MedcotError as a run does.
    """
    outcome: Outcome | None = None
    looks: list[PrecisionLook] = []
    known: set[str] = set()
    for step in seed_steps(plan):
        added = [status for status in cell_statuses(step, store, read=True) if status.cell.id not in known]
        known.update(status.cell.id for status in added)
        made = run_step(step, added, looks) if run_order(added, step) else None
        outcome = made.after(outcome) if made else outcome and replace(outcome, plan=step)
        if step.study.analysis.precision is None or (made and made.failed == made.ran > 0):
            break
        results = assemble(store.root, record_step(step, looks))
        looks.append(look_at(results, looks[-1] if looks else None))
        if (made or looks[-1].stop) and (report := report_precision(results.analysis, looks[-1:])):
            listen(Notice(event=Looked(precision=report)))
        if looks[-1].stop:
            break
    return outcome or run_step(step, [], looks), looks
