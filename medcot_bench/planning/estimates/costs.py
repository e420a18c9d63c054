"""What the parts of a study cost in seconds, by a pilot's records: so the time of other designs can be told."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from enum import StrEnum

from medcot_bench.planning.estimates.duration import (
    LM_EVAL_TOKENS,
    measuring_work,
    rate_of,
    scoring_work,
    token_work,
    trained_items,
    trained_tokens,
    writes,
)
from medcot_bench.planning.estimates.speed import seconds_a_token
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.status import can_be_scored, cell_statuses
from medcot_bench.planning.tuning import untried_cells
from medcot_bench.results.cells import FINAL, Cell, Evaluation
from medcot_bench.results.folder import Results
from medcot_bench.results.store import Store
from medcot_bench.study.spec_strings import Spec

TRAIN, MEASURE, SCORE = "train", "measure", "score"
WRITTEN = "n_truncated"
"""The count of answers in an evaluation's record: every answer that is written has this score."""
START = 60.0
"""Seconds of a run that are no phase: until the first training, and between phases."""
Rate = Callable[[str], float]
"""Kind of phase -> seconds for a token read."""


class Reuse(StrEnum):
    """What a design can use of the runs that a folder has."""

    NOTHING = "nothing"
    TRAININGS = "trainings"
    """The same trainings, scored on other items: weights that are kept."""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of everything a training with its evaluations takes."""

    tokens: float
    """Trained on."""
    items: int
    """Scored by likelihood, on every evaluation task."""
    answers: int
    """Written, on every evaluation task."""
    documents: int
    """Of every task of lm-eval that the study's limit holds for."""
    drift: bool = True
    """Whether KL and forgetting are measured."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that a training with its evaluations takes: a fixed number, and for each unit."""

    fixed: float = 0.0
    per_token: float = 0.0
    per_item: float = 0.0
    per_answer: float = 0.0
    per_document: float = 0.0
    drift: float = 0.0
    """Measuring KL and forgetting."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def seconds(self, amounts: Amounts) -> float:
        """Return what so much takes."""
        return (
            self.fixed
            + amounts.tokens * self.per_token
            + amounts.items * self.per_item
            + amounts.answers * self.per_answer
            + amounts.documents * self.per_document
            + amounts.drift * self.drift
        )


@dataclass(frozen=True, slots=True)
class Costs:
    """What a study costs."""

    base: Cost
    """Scoring the base model: once."""
    runs: Mapping[str, Cost]
    """Adapter -> its training runs of one seed, on all training tasks."""
    search: Mapping[str, Cost] = field(default_factory=dict)
    """Adapter -> its trials of learning rates, once; their scoring counts as fixed."""
    left: Mapping[Reuse, Mapping[str | None, Sequence[Cost]]] = field(default_factory=dict)
    """Adapter, None for the base model -> what is left to run for each of the study's seeds, in their order."""
    search_left: Mapping[str, Cost] = field(default_factory=dict)
    """Adapter -> its trials that are left to run, where the trainings stay as they are."""

    def seconds(
        self, adapters: Sequence[str], seeds: int, amounts: Amounts, reuse: Reuse = Reuse.NOTHING
    ) -> float:
        """Return what is left to run of a study with these adapters and so many seeds, the study's own first."""
        left = self.left.get(reuse, {})
        search = self.search if reuse is Reuse.NOTHING else self.search_left
        total = math.fsum(cost.seconds(amounts) for cost in left.get(None, [self.base]))
        for adapter in adapters:
            begun = left.get(adapter, [])[:seeds]
            once = [*begun, search.get(adapter, Cost())]
            total += math.fsum(cost.seconds(amounts) for cost in once)
            total += (seeds - len(begun)) * self.runs[adapter].seconds(amounts)
        return START + total if total else 0.0


def estimate_costs(plan: Plan, store: Store, trials: Plan | None = None, pilot: Results | None = None) -> Costs:
    """Return what the parts of a plan cost, by a pilot's seconds where it has the like, else as `guess` says.

    `store` has the runs that are done; `trials` is the plan of its learning-rate search, where it has one.
    """
    rate = _rates(plan, pilot)
    base, runs = Cost(), defaultdict[str, Cost](Cost)
    for cell in plan.cells:
        if cell.task is None:
            base += _scoring(plan, cell, plan.evaluations_of(cell), rate)
        elif cell.seed == plan.study.seeds[0]:
            runs[cell.adapter] += _training(plan, cell, rate)
            runs[cell.adapter] += _scoring(plan, cell, plan.evaluations_of(cell), rate)
    search, search_left = defaultdict[str, Cost](Cost), defaultdict[str, Cost](Cost)
    if trials:
        for cell in trials.cells:
            search[cell.adapter] += _trial(trials, cell, rate)
        for todo in untried_cells(trials, store):
            search_left[todo.cell.adapter] += _trial(trials, todo.cell, rate)
    return Costs(base, dict(runs), dict(search), _left(plan, store, rate), dict(search_left))


def _trial(plan: Plan, cell: Cell, rate: Rate) -> Cost:
    """Return what a trial costs."""
    items = len(plan.items.scored(str(cell.task)))
    scored = _scoring(plan, cell, plan.evaluations_of(cell), rate).seconds(Amounts(0, items, 0, 0))
    return _training(plan, cell, rate) + Cost(fixed=scored)


def _left(plan: Plan, store: Store, rate: Rate) -> dict[Reuse, dict[str | None, list[Cost]]]:
    """Return what is left to run of a plan, where its sizes stay as they are, and where only its items change."""
    found: dict[Reuse, dict[str | None, dict[int | None, Cost]]] = {Reuse.ALL: {}, Reuse.TRAININGS: {}}
    for todo in cell_statuses(plan, store):
        cell = todo.cell
        adapter = cell.adapter if cell.task else None
        training = _training(plan, cell, rate) if cell.task else Cost()
        every = plan.evaluations_of(cell)
        needed = training if todo.action == "train" else Cost()
        on_others = Cost() if can_be_scored(store, cell, every) else training
        costs = {
            Reuse.ALL: needed + _scoring(plan, cell, todo.missing, rate),
            Reuse.TRAININGS: on_others + _scoring(plan, cell, every, rate),
        }
        for reuse, cost in costs.items():
            of_seeds = found[reuse].setdefault(adapter, {})
            of_seeds[cell.seed] = of_seeds.get(cell.seed, Cost()) + cost
    return {
        reuse: {adapter: [*of_seeds.values()] for adapter, of_seeds in by_adapter.items()}
        for reuse, by_adapter in found.items()
    }


def planned_tokens(plan: Plan) -> float:
    """Return the length of a training of a plan in tokens, about: the most of any."""
    return max(trained_tokens(plan, cell, *_items(plan, cell)) for cell in plan.cells if cell.task)


def _training(plan: Plan, cell: Cell, rate: Rate) -> Cost:
    """Return what the training of a cell costs, and measuring KL and forgetting after it."""
    own = token_work(plan, cell) * rate(f"{TRAIN} {cell.adapter}")
    measured = 0.0 if plan.trials else measuring_work(plan, str(cell.task)) * rate(MEASURE)
    return Cost(per_token=own, drift=measured)


def _scoring(plan: Plan, cell: Cell, scores: Iterable[Evaluation], rate: Rate) -> Cost:
    """Return what evaluations of a cell cost."""
    total, trained = Cost(), cell.task is not None
    for score in scores:
        seconds = rate(_kind(score.task, generates=writes(score)[0], trained=trained))
        if score.task in plan.lm_eval_tasks:
            own = Spec.read(score.task).options.get("limit")
            work = seconds * LM_EVAL_TOKENS
            total += Cost(per_document=work) if own is None else Cost(fixed=work * int(own))
        else:
            read, written = _per_item(plan, score, trained=trained)
            total += Cost(per_item=seconds * read, per_answer=seconds * written)
    return total


def _items(plan: Plan, cell: Cell) -> tuple[int, float]:
    return trained_items(plan, str(cell.task), plan.adapters[cell.adapter].train_items)


def _kind(task: str, *, generates: bool, trained: bool) -> str:
    how, who = "answers to" if generates else "likelihood of", "a trained model" if trained else "the base"
    return f"{SCORE} {how} {task} of {who}"


def _reading(plan: Plan, score: Evaluation) -> float:
    """Return the work of the likelihoods of an evaluation."""
    return scoring_work(plan, score.task, score.baseline, score.chooses, False, 0, untrained=False)


def _per_item(plan: Plan, score: Evaluation, *, trained: bool) -> tuple[float, float]:
    """Return the work of an item's likelihoods and of an answer that is written, in the mean over the items."""
    items = len(plan.items.scored(score.task, choosing=score.chooses))
    read, (generates, longest) = _reading(plan, score), writes(score)
    if not generates:
        return read / items, 0.0
    whole = scoring_work(plan, score.task, score.baseline, score.chooses, True, longest, untrained=not trained)
    return read / items, (whole - read) / min(items, plan.scoring.generate_items or items)


def _rates(plan: Plan, pilot: Results | None) -> Rate:
    """Return the seconds for a token read: a pilot's, by kind of phase, or those of this machine's CPU."""
    took: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    trained = {cell.adapter: cell for cell in plan.cells if cell.task}
    ends = [score for score in plan.evaluations if score.checkpoint == FINAL and score.task in plan.data]
    scores = {(score.task, score.baseline): score for score in ends}
    for run in pilot.cells if pilot else ():
        if run.record and run.cell.task and run.cell.adapter in trained:
            done, measured = run.record.phases["train"], run.record.phases.get("measure")
            work = done.tokens * token_work(plan, trained[run.cell.adapter])
            took[f"{TRAIN} {run.cell.adapter}"].append((work, done.seconds))
            if measured and run.cell.task in plan.data:
                took[MEASURE].append((measuring_work(plan, run.cell.task), measured.seconds))
        made = [*run.evaluations.items(), *((task, record) for (_, task), record in run.checkpoints.items())]
        for task, record in made:
            if score := scores.get((task, run.baseline)):
                read, written = _per_item(plan, score, trained=run.cell.task is not None)
                answers = record.counts.get(WRITTEN, 0)
                kind = _kind(task, generates=answers > 0, trained=run.cell.task is not None)
                took[kind].append((record.counts["items"] * read + answers * written, record.phase.seconds))
    known = {kind: pairs for kind, found in took.items() if (pairs := [pair for pair in found if all(pair)])}
    if not known:
        guessed = seconds_a_token(plan)
        return lambda kind: guessed
    return lambda kind: rate_of(known, kind)
