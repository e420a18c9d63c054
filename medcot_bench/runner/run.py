"""Run what a study still needs: plan, try learning rates, train and score, write the leaderboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from medcot_bench.errors import ConfigError, StoreError
from medcot_bench.planning.adapter_notes import find_adapter_notes
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.data_facts import describe_data
from medcot_bench.planning.estimates.duration import Eta, phases
from medcot_bench.planning.estimates.speed import is_on_cpu, seconds_a_token
from medcot_bench.planning.evaluations import left_out_baselines
from medcot_bench.planning.looks import count_looks
from medcot_bench.planning.pinned_study import dump_study
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.plan_record import record
from medcot_bench.planning.seeds import note_lone_seed
from medcot_bench.planning.status import CellStatus, cell_statuses, keeps_weights, missing_evaluations, run_order
from medcot_bench.planning.tuning import reach_trials, trials_of, untried_cells, with_chosen_rates
from medcot_bench.results import study_file
from medcot_bench.results.plan_file import FILE, PlanFile, read, refuse_newer, written
from medcot_bench.results.precision_looks import PrecisionLook
from medcot_bench.results.records import Attempt, now
from medcot_bench.results.store import Store
from medcot_bench.results.trials import Trial
from medcot_bench.runner.executors.base import Executor
from medcot_bench.runner.executors.local import LocalExecutor
from medcot_bench.runner.growth import run_steps
from medcot_bench.runner.notices import Listener, LogLine, Notice, Planned, Skipped
from medcot_bench.runner.outcome import Outcome
from medcot_bench.runner.rehearsal import rehearse_plan
from medcot_bench.runner.run_wide import RunWidePlugins
from medcot_bench.runner.supervision import Supervision, is_tried
from medcot_bench.runner.supervisor import Supervisor
from medcot_bench.study.schema import Study


def run_study(
    study: Study,
    errors: list[str] | None = None,
    listen: Listener = lambda notice: None,
    conclude: Callable[[], None] = lambda: None,
    executor: Executor | None = None,
    supervision: Supervision = Supervision(),  # noqa: B008  (frozen)
) -> Outcome:
    """Run everything a study still needs. `conclude` is called at the end, while the folder is still locked.

    `listen` gets a notice of everything that happens; lines of logs come from another thread. Workers run on this
    machine unless an executor is given. Raises MedcotError for a wrong study or a plugin that ends or hangs the
    planning (nothing is written then), a folder in use, workers that can't start, and a run that was stopped.
    """
    # Absolute, whatever the working directory is later; folders that workers add have the names of their cells.
    store = Store(Path(study.output_dir).absolute(), indexed=True)
    rehearse_plan(study, supervision.timeouts.plan)
    plan = make_plan(study, errors)
    executor = executor or LocalExecutor()
    timeout = supervision.timeouts.plan
    with store.lock(), RunWidePlugins(timeout, lambda line: listen(Notice(event=LogLine(line=line)))) as plugins:
        refuse_newer(store.root)
        before = _earlier_plan(store)
        tries: Plan | None = None
        trials: list[Trial] = []
        if plan.trials:
            tries = _run_trials(plan, store, executor, listen, supervision, plugins)
            plan = make_plan(with_chosen_rates(study, tries, store, supervision.same_command))
            trials = trials_of(tries, store)

        def record_step(step: Plan, looks: Sequence[PrecisionLook]) -> PlanFile:
            return record(step, tries, trials, looks)

        def write_plan(step: Plan, looks: Sequence[PrecisionLook]) -> None:
            nonlocal before
            asked = study.model_copy(update={"data": plan.pinned.data})  # without the rates that were chosen
            store.replace(store.root / study_file.FILE, study_file.written(dump_study(asked)))
            now = record_step(step, looks)
            before = replace(now, looks=count_looks(before, now, store))
            store.replace(store.root / FILE, written(before))

        def run_step(step: Plan, statuses: list[CellStatus], looks: Sequence[PrecisionLook]) -> Outcome:
            usable = partial(write_plan, step, tuple(looks))
            return _run_cells(step, statuses, store, executor, listen, supervision, plugins, usable)

        outcome, looks = run_steps(plan, store, run_step, record_step, listen)
        if looks:
            write_plan(outcome.plan, looks)
        for made in (outcome.plan, *([tries] if tries else [])):
            _drop_left_weights(made, store)
        conclude()
    return outcome


def _drop_left_weights(plan: Plan, store: Store) -> None:
    """Delete the weights of finished cells that were not to be kept: a run that was stopped leaves them."""
    for cell in plan.cells:
        if store.has_passing_weights(cell) and not keeps_weights(plan, cell):
            with suppress(OSError):  # the next run tries again
                if not missing_evaluations(plan, store, cell):
                    store.drop_weights(cell)


def _earlier_plan(store: Store) -> PlanFile | None:
    """Return the folder's plan, None where there is none or it can't be read: this run writes it."""
    try:
        return read(store.root)
    except (ConfigError, StoreError):
        return None


def _run_trials(
    plan: Plan,
    store: Store,
    executor: Executor,
    listen: Listener,
    supervision: Supervision,
    plugins: RunWidePlugins,
) -> Plan:
    """Try learning rates, one round of their races after another. Return the plan of the trials made."""
    tried = set[str]()
    while True:
        reached = reach_trials(plan, store)
        due = [status for status in untried_cells(reached, store) if status.cell.id not in tried]
        if due or not tried:
            _run_cells(reached, due, store, executor, listen, supervision, plugins)
        if not due:
            return reached
        tried.update(status.cell.id for status in due)


def _run_cells(
    plan: Plan,
    statuses: list[CellStatus],
    store: Store,
    executor: Executor,
    listen: Listener,
    supervision: Supervision,
    plugins: RunWidePlugins,
    when_usable: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run the cells that are not finished. `when_usable` is called once it is known that the base can be used."""
    unfinished = run_order(statuses, plan)
    to_run = [status for status in unfinished if is_tried(status, store, supervision.retry)]
    listen(Notice(event=_planned(plan, len(to_run))))
    skipped = _ask_plugins(to_run, store, listen, plugins)
    left = [status for status in to_run if status.cell.id not in skipped]
    if not left:
        when_usable()
    eta = Eta([*phases(plan, left)], seconds_a_token(plan) if is_on_cpu(plan.study.device) else None)
    supervisor = Supervisor(plan, store, executor, listen, eta, when_usable, supervision, plugins)
    failed = supervisor.run([status.cell for status in left])
    own = {status.cell.id for status in statuses}
    at_the_end = run_order(cell_statuses(plan, store, read=True), plan)  # read again: the folder is the truth
    return Outcome(
        plan,
        ran=len(left),
        failed=failed,
        skipped=len(skipped),
        left_out=len(unfinished) - len(to_run),
        missing=sum(status.cell.id in own - skipped for status in at_the_end),
    )


def _planned(plan: Plan, to_run: int) -> Planned:
    return Planned(
        stage="trials" if plan.trials else "study",
        cells=len(plan.cells),
        to_run=to_run,
        output_dir=plan.study.output_dir,
        left_out_baselines=tuple(left_out_baselines(plan)),
        notes=(
            *(f"{label}: {note}" for label, data in plan.data.items() for note in data.notes),
            *find_adapter_notes(plan),
            *note_lone_seed(plan),
        ),
        facts=tuple(describe_data(plan)) if plan.study.training.rates is None else (),
    )


def _ask_plugins(statuses: list[CellStatus], store: Store, listen: Listener, plugins: RunWidePlugins) -> set[str]:
    """Return the ids of the cells that run-wide plugins leave out; each is recorded with its reason."""
    skipped = set()
    for status in statuses:
        cell = status.cell
        if reason := plugins.skip_reason(cell):
            skipped.add(cell.id)
            attempt = Attempt(cell_id=cell.id, status="skipped", error=reason, started=now())
            store.add_attempt(cell, attempt, reason)
            listen(Notice(event=Skipped(cell=cell.id, reason=reason), title=cell.title))
    return skipped
