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
from medcot_bench.results.records import Status
from medcot_bench.results.store import Store
from medcot_bench.runner.notices import Listener, Looked, Notice
from medcot_bench.runner.outcome import Outcome
from medcot_bench.runner.supervision import is_tried

Looks = Sequence[PrecisionLook]
RunStep = Callable[[Plan, list[CellStatus], Looks], Outcome]
"""Runs the cells of a plan that have these statuses, after these looks."""
RecordStep = Callable[[Plan, Looks], PlanFile]


def follow_records(
    plan: Plan, store: Store, record_step: RecordStep, retry: frozenset[Status]
) -> tuple[Plan, list[PrecisionLook]]:
    """Return the plan with the seeds that a study has come to by its records, and the looks of its precision rule.

    Without a rule that is the plan itself. What failed with a status to `retry` is still to come. Raises
    StoreError for records that can't be read.
    """
    looks: list[PrecisionLook] = []
    for step in seed_steps(plan):
        if step.study.analysis.precision is None:
            break
        if any(is_tried(status, store, retry) for status in run_order(cell_statuses(step, store), step)):
            break
        looks.append(_look(step, store, record_step, looks))
        if looks[-1].stop:
            break
    return step, looks


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
        looks.append(_look(step, store, record_step, looks))
        if (made or looks[-1].stop) and (report := report_precision(step.study.analysis, looks[-1:])):
            listen(Notice(event=Looked(precision=report)))
        if looks[-1].stop:
            break
    return outcome or run_step(step, [], looks), looks


def _look(step: Plan, store: Store, record_step: RecordStep, before: Looks) -> PrecisionLook:
    return look_at(assemble(store.root, record_step(step, before)), before)
