"""Which learning rates are tried, and which are the best: read from the records of the trials."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from medcot_bench.errors import SOME_FAILED, MedcotError
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.race import Race, follow_race
from medcot_bench.planning.status import CellStatus, cell_statuses, keeps_weights
from medcot_bench.results.cells import Cell, Evaluation
from medcot_bench.results.items import read_items
from medcot_bench.results.metrics import TRIED_BY
from medcot_bench.results.records import Attempt, EvaluationRecord
from medcot_bench.results.store import Store
from medcot_bench.results.trials import Trial, find_ties
from medcot_bench.study.schema import Study

DIVERGED = "diverged"
Row = tuple[str, str]
"""Adapter and training task."""


def reach_trials(plan: Plan, store: Store) -> Plan:
    """Return a plan of trials with those alone that are made or due: the others, of a race, may never be."""
    if len(plan.search_seeds) <= plan.study.training.tune_seeds:
        return plan
    races = _races(plan, trials_of(plan, store))

    def is_reached(cell: Cell) -> bool:
        return (plan.recipe(cell).lr, cell.seed) in races[cell.adapter, str(cell.task)].reached

    cells = tuple(filter(is_reached, plan.cells))
    ids = {cell.id for cell in cells}
    return replace(plan, cells=cells, evaluations=tuple(one for one in plan.evaluations if one.cell in ids))


def trials_of(plan: Plan, store: Store) -> list[Trial]:
    """Return the trials of a plan that are there, the chosen rates and those that were kept beside them marked."""
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
                losses=_losses(store, cell, score, scored) if scored else {},
                seconds=seconds,
                reused=0.0 if again else trained,
            )
        )
    kept = {row: race.kept for row, race in _races(plan, found).items()}
    return [
        replace(trial, kept=trial.rate in rates, chosen=trial.rate in rates[:1])
        for trial in found
        for rates in [kept[trial.adapter, trial.task]]
    ]


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
    """Return the study with the rates that its finished trials chose, and those that their races left beside them.

    An adapter whose every trial failed (no memory) or was skipped by a plugin keeps the rate of its recipe, and
    will most likely fail again as a row of the leaderboard. Raises MedcotError where only some of its trials
    failed (`command` is what to run again then), or where every rate diverged.
    """
    trials = trials_of(plan, store)
    chosen = {(trial.adapter, trial.task): trial.rate for trial in trials if trial.chosen}
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
    kept: dict[str, dict[str, tuple[float, ...]]] = {}
    for (adapter, task), (_, *others) in find_ties(trials).items() if study.training.race_seeds else ():
        kept.setdefault(adapter, {})[task] = tuple(others)
    training = study.training.model_copy(update={"rates": rates, "kept_rates": kept or None})
    return study.model_copy(update={"training": training})


def _races(plan: Plan, trials: Iterable[Trial]) -> Mapping[Row, Race]:
    """Return how far the rates of every adapter on every training task have come."""
    rates: defaultdict[Row, dict[float, None]] = defaultdict(dict)
    for cell in plan.cells:
        rates[cell.adapter, str(cell.task)][plan.recipe(cell).lr] = None
    made: defaultdict[Row, list[Trial]] = defaultdict(list)
    for trial in trials:
        made[trial.adapter, trial.task].append(trial)
    seeds, first = plan.search_seeds, plan.study.training.tune_seeds
    return {row: follow_race([*tried], seeds, first, made[row]) for row, tried in rates.items()}


def _losses(
    store: Store, cell: Cell, choosing: Evaluation, record: EvaluationRecord
) -> dict[str, dict[str, float]]:
    """Return group -> validation item -> loss; empty where samples were not published with a record."""
    if not store.has_samples(cell, choosing):
        return {}
    items = read_items(store.samples(cell, choosing, record))
    losses: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for item, loss in items.scores.get(TRIED_BY, {}).items():
        losses[items.groups[item]][item] = loss
    return dict(losses)


def _choosing(plan: Plan, cell: Cell) -> Evaluation:
    return next(score for score in plan.evaluations_of(cell) if score.chooses)


def _diverged(store: Store, cell: Cell) -> Attempt | None:
    """Return the latest failed attempt where it diverged."""
    attempts = store.attempts(cell)
    return attempts[-1] if attempts and attempts[-1].status == DIVERGED else None
