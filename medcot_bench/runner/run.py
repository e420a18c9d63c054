"""Run what a study still needs: plan, try learning rates, train and score, write the leaderboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from medcot_bench.errors import OK, SOME_FAILED
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.estimates.duration import Eta, phases
from medcot_bench.planning.evaluations import left_out_baselines
from medcot_bench.planning.pinned_study import dump_study
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.plan_record import record
from medcot_bench.planning.status import CellStatus, cell_statuses, run_order
from medcot_bench.planning.tuning import trials_of, untried_cells, with_chosen_rates
from medcot_bench.plugins.manager import installed
from medcot_bench.results.plan_file import FILE, written
from medcot_bench.results.records import Attempt, now
from medcot_bench.results.store import Store
from medcot_bench.results.trials import Trial
from medcot_bench.runner.protocol import Listener
from medcot_bench.runner.supervisor import _Supervisor
from medcot_bench.study.schema import Study


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    plan: Plan
    ran: int
    failed: int
    skipped: int

    @property
    def exit_code(self) -> int:
        """0 where no cell failed, 1 where some did; cells that a plugin skipped did not fail."""
        return SOME_FAILED if self.failed else OK


def run_study(
    study: Study,
    errors: list[str] | None = None,
    listen: Listener = lambda event: None,
    conclude: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run everything a study still needs. `conclude` is called at the end, while the folder is still locked.

    `listen` gets every event as a mapping with the key `event`; those of the worker have `eta_s`, the seconds that
    the run will still take, None while nothing is known. Raises MedcotError for a wrong study (nothing is
    written then), a folder in use, or a worker that can't start.
    """
    plan = make_plan(study, errors)
    store = Store(Path(study.output_dir))
    with store.lock():
        tries: Plan | None = None
        trials: list[Trial] = []
        if plan.trials:
            tries = plan
            _run(tries, untried_cells(tries, store), store, listen, write_plan=lambda: None)
            plan, trials = make_plan(with_chosen_rates(study, tries, store)), trials_of(tries, store)

        def write_plan() -> None:
            asked = study.model_copy(update={"data": plan.pinned.data})  # without the rates that were chosen
            store.replace(store.root / "study.yaml", dump_study(asked).encode())
            store.replace(store.root / FILE, written(record(plan, tries, trials)))

        ran, failed, skipped = _run(plan, cell_statuses(plan, store), store, listen, write_plan)
        conclude()
    return Outcome(plan, ran, failed, skipped)


def _run(
    plan: Plan, todos: list[CellStatus], store: Store, listen: Listener, write_plan: Callable[[], None]
) -> tuple[int, int, int]:
    """Run cells; return how many ran, failed and were skipped. `write_plan` is called once the base is usable."""
    todos = run_order(todos, plan)
    listen(
        {
            "event": "planned",
            "stage": "trials" if plan.trials else "study",
            "cells": len(plan.cells),
            "to_run": len(todos),
            "output_dir": str(store.root),
            "left_out_baselines": [asdict(one) for one in left_out_baselines(plan)],
            "notes": [
                *(f"{label}: {note}" for label, data in plan.data.items() for note in data.notes),
            ],
        }
    )
    skipped = _skip(todos, store, listen)
    todos = [todo for todo in todos if todo.cell.id not in skipped]
    if not todos:
        write_plan()
    supervisor = _Supervisor(plan, store, listen, Eta(list(phases(plan, todos))), write_plan)
    return len(todos), supervisor.run(todos), len(skipped)


def _skip(todos: list[CellStatus], store: Store, listen: Listener) -> set[str]:
    skipped = set()
    for todo in todos:
        if reason := installed().skip_reason(todo.cell):
            skipped.add(todo.cell.id)
            attempt = Attempt(cell_id=todo.cell.id, status="skipped", error=reason, started=now())
            store.add_attempt(todo.cell, attempt, reason)
            listen({"event": "skipped", "cell": todo.cell.id, "title": todo.cell.title, "reason": reason})
    return skipped
