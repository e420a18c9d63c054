"""Which of the learning rates tried is the best: read from the records of the trials."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean

from medcot_bench.errors import SOME_FAILED, MedcotError
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.status import CellStatus, cell_statuses, keeps_weights
from medcot_bench.results.cells import Cell, Evaluation
from medcot_bench.results.metrics import TRIED_BY
from medcot_bench.results.records import Attempt
from medcot_bench.results.store import Store
from medcot_bench.results.trials import Trial
from medcot_bench.study.schema import Study

DIVERGED = "diverged"


def trials_of(plan: Plan, store: Store) -> list[Trial]:
    """Return the trials of a plan that are there, the chosen rates marked."""
    found = []
    for cell in plan.cells:
        score = _choosing(plan, cell)
        record, scored, diverged = store.cell(cell), store.evaluation(cell, score), _diverged(store, cell)
        if cell.task is None or cell.seed is None or not (scored or diverged):
            continue
        seconds = trained = record.phases["train"].seconds if record else 0.0
        if scored:
            seconds += scored.phase.seconds
        elif diverged:
            seconds += diverged.seconds or 0.0
        # Weights that were dropped, or checkpoints that a trial does not make, take another training.
        again = not keeps_weights(plan, cell) or bool(plan.study.training.checkpoints)
        found.append(
            Trial(
                adapter=cell.adapter,
                task=cell.task,
                seed=cell.seed,
                rate=plan.recipe(cell).lr,
                loss=scored.results[f"{TRIED_BY},none"] if scored else None,
                seconds=seconds,
                reused=0.0 if again else trained,
            )
        )
    chosen = choose(found)
    return [replace(t, chosen=chosen.get((t.adapter, t.task)) == t.rate) for t in found]


def choose(trials: Iterable[Trial]) -> dict[tuple[str, str], float]:
    """Return (adapter, task) -> the rate with the least mean loss over seeds, among those that never diverged."""
    losses: defaultdict[tuple[str, str], defaultdict[float, list[float | None]]]
    losses = defaultdict(lambda: defaultdict(list))
    for trial in trials:
        losses[trial.adapter, trial.task][trial.rate].append(trial.loss)
    chosen = {}
    for key, by_rate in losses.items():
        means = {rate: fmean(done) for rate, tried in by_rate.items() if (done := _all(tried))}
        if means:
            chosen[key] = min(means, key=means.__getitem__)
    return chosen


def trial_statuses(plan: Plan, store: Store) -> list[CellStatus]:
    """Return what every trial needs. One that diverged has had its try, and is left."""
    return [
        replace(todo, action="left", reason="diverged: the rate is out")
        if todo.action != "done" and _diverged(store, todo.cell)
        else todo
        for todo in cell_statuses(plan, store)
    ]


def untried_cells(plan: Plan, store: Store) -> list[CellStatus]:
    """Return the trials that are still to be run."""
    return [todo for todo in trial_statuses(plan, store) if todo.action not in {"done", "left"}]


def with_chosen_rates(study: Study, plan: Plan, store: Store, command: str = "the same command") -> Study:
    """Return the study with the rates that its finished trials chose.

    An adapter whose every trial failed (no memory) or was skipped by a plugin keeps the rate of its recipe, and
    will most likely fail again as a row of the leaderboard. Raises MedcotError where only some of its trials
    failed (`command` is what to run again then), or where every rate diverged.
    """
    trials = trials_of(plan, store)
    chosen = choose(trials)
    done = dict.fromkeys((trial.adapter, trial.task) for trial in trials)
    failed = [
        todo
        for todo in untried_cells(plan, store)
        if (todo.cell.adapter, todo.cell.task) in done
        if store.evaluation(todo.cell, _choosing(plan, todo.cell)) is None
    ]
    if failed:
        raise MedcotError(
            f"{len(failed)} of {len(plan.cells)} trainings that try learning rates failed, so none can be chosen; "
            f"see {store.root}/cells/*/attempts/*/log, then run {command} again",
            exit_code=SOME_FAILED,
        )
    rates: dict[str, dict[str, float]] = {}
    for adapter, task in done:
        if (adapter, task) not in chosen:
            raise MedcotError(
                f"adapter {adapter} on {task}: every learning rate tried diverged; try lower ones, "
                "e.g. --tune-lr 1e-6,1e-5",
                exit_code=SOME_FAILED,
            )
        rates.setdefault(adapter, {})[task] = chosen[adapter, task]
    training = study.training.model_copy(update={"rates": rates})
    return study.model_copy(update={"training": training})


def _choosing(plan: Plan, cell: Cell) -> Evaluation:
    return next(score for score in plan.evaluations_of(cell) if score.chooses)


def _diverged(store: Store, cell: Cell) -> Attempt | None:
    """Return the latest failed attempt where it diverged."""
    attempts = store.attempts(cell)
    return attempts[-1] if attempts and attempts[-1].status == DIVERGED else None


def _all(losses: Sequence[float | None]) -> list[float]:
    done = [loss for loss in losses if loss is not None]
    return done if len(done) == len(losses) else []
