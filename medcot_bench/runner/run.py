"""Run what a study still needs: plan, try learning rates, train and score, write the leaderboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
from medcot_bench.results.plan_file import FILE, refuse_newer, written
from medcot_bench.results.records import Attempt, now
from medcot_bench.results.store import Store
from medcot_bench.results.trials import Trial
from medcot_bench.runner.executors.base import Executor
from medcot_bench.runner.executors.local import LocalExecutor
from medcot_bench.runner.notices import Listener, Notice, Planned, Skipped
from medcot_bench.runner.protocol import CHECKPOINT_EVERY
from medcot_bench.runner.supervisor import Supervisor
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
    listen: Listener = lambda notice: None,
    conclude: Callable[[], None] = lambda: None,
    executor: Executor | None = None,
    checkpoint_every: float | None = CHECKPOINT_EVERY,
) -> Outcome:
    """Run everything a study still needs. `conclude` is called at the end, while the folder is still locked.

    `listen` gets a notice of everything that happens; lines of logs come from another thread. Workers run on this
    machine unless an executor is given. A long training is saved every `checkpoint_every` seconds, to go on from
    there after a kill; None: never. Raises MedcotError for a wrong study (nothing is written then), a folder
    in use, or a worker that can't start.
    """
    plan = make_plan(study, errors)
    store = Store(Path(study.output_dir), indexed=True)  # folders that workers add have the names of their cells
    executor = executor or LocalExecutor()
    with store.lock():
        refuse_newer(store.root)
        tries: Plan | None = None
        trials: list[Trial] = []
        if plan.trials:
            tries = plan
            _run_cells(tries, untried_cells(tries, store), store, executor, listen, checkpoint_every)
            plan, trials = make_plan(with_chosen_rates(study, tries, store)), trials_of(tries, store)

        def write_plan() -> None:
            asked = study.model_copy(update={"data": plan.pinned.data})  # without the rates that were chosen
            store.replace(store.root / "study.yaml", dump_study(asked).encode())
            store.replace(store.root / FILE, written(record(plan, tries, trials)))

        outcome = _run_cells(
            plan, cell_statuses(plan, store), store, executor, listen, checkpoint_every, write_plan
        )
        conclude()
    return outcome


def _run_cells(
    plan: Plan,
    statuses: list[CellStatus],
    store: Store,
    executor: Executor,
    listen: Listener,
    checkpoint_every: float | None,
    when_usable: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run the cells that are not finished. `when_usable` is called once it is known that the base can be used."""
    to_run = run_order(statuses, plan)
    listen(Notice(event=_planned(plan, store, len(to_run))))
    skipped = _ask_plugins(to_run, store, listen)
    left = [status for status in to_run if status.cell.id not in skipped]
    if not left:
        when_usable()
    eta = Eta([*phases(plan, left)])
    supervisor = Supervisor(plan, store, executor, listen, eta, when_usable, checkpoint_every)
    failed = supervisor.run([status.cell for status in left])
    return Outcome(plan, ran=len(left), failed=failed, skipped=len(skipped))


def _planned(plan: Plan, store: Store, to_run: int) -> Planned:
    return Planned(
        stage="trials" if plan.trials else "study",
        cells=len(plan.cells),
        to_run=to_run,
        output_dir=str(store.root),
        left_out_baselines=tuple(left_out_baselines(plan)),
        notes=tuple(f"{label}: {note}" for label, data in plan.data.items() for note in data.notes),
    )


def _ask_plugins(statuses: list[CellStatus], store: Store, listen: Listener) -> set[str]:
    """Return the ids of the cells that run-wide plugins leave out; each is recorded with its reason."""
    skipped = set()
    for status in statuses:
        cell = status.cell
        if reason := installed().skip_reason(cell):
            skipped.add(cell.id)
            attempt = Attempt(cell_id=cell.id, status="skipped", error=reason, started=now())
            store.add_attempt(cell, attempt, reason)
            listen(Notice(event=Skipped(cell=cell.id, reason=reason), title=cell.title))
    return skipped
