"""What the parts of a study cost in seconds, by a pilot's records: so the time of other designs can be told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from medcot_bench.planning.estimates.duration import (
    MEASURED_WITH,
    SECONDS_A_TOKEN,
    measuring_work,
    rate_of,
    scoring_work,
    token_work,
    trained_items,
    trained_tokens,
    writes,
)
from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import FINAL, Cell, Evaluation
from medcot_bench.results.folder import Results

TRAIN, MEASURE, SCORE = "train", "measure", "score"
WRITTEN = "n_truncated"
"""The count of answers in an evaluation's record: every answer that is written has this score."""
START = 60.0
"""Seconds of a run that are no phase: until the first training, and between phases."""
Rate = Callable[[str], float]
"""Kind of phase -> seconds for a token read."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that a training with its evaluations takes: a fixed number, and for each unit."""

    fixed: float = 0.0
    per_token: float = 0.0
    """Trained on."""
    per_item: float = 0.0
    """Scored by likelihood, on every evaluation task."""
    per_answer: float = 0.0
    """Written, on every evaluation task."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.fixed + other.fixed,
            self.per_token + other.per_token,
            self.per_item + other.per_item,
            self.per_answer + other.per_answer,
        )

    def seconds(self, tokens: float, items: int, answers: int) -> float:
        """Return what so many tokens, items and answers take."""
        return self.fixed + tokens * self.per_token + items * self.per_item + answers * self.per_answer


@dataclass(frozen=True, slots=True)
class Costs:
    """What a study costs."""

    base: Cost
    """Starting, and scoring the base model: once."""
    runs: Mapping[str, Cost]
    """Adapter -> its training runs of one seed, on all training tasks."""
    search: Mapping[str, Cost] = field(default_factory=dict)
    """Adapter -> its trials of learning rates, once; their scoring counts as fixed."""

    def seconds(self, adapters: Sequence[str], seeds: int, tokens: float, items: int, answers: int) -> float:
        """Return what a study with these adapters, seeds and sizes takes."""
        once = sum((self.search.get(adapter, Cost()) for adapter in adapters), self.base)
        each = sum((self.runs[adapter] for adapter in adapters), Cost())
        return once.seconds(tokens, items, answers) + seeds * each.seconds(tokens, items, answers)


def estimate_costs(plan: Plan, trials: Plan | None = None, pilot: Results | None = None) -> Costs:
    """Return what the parts of a plan cost, by a pilot's seconds where it has the like, else as `guess` says.

    `trials` is the plan of its learning-rate search, where it has one.
    """
    rate = _rates(plan, pilot)
    base, runs, search = Cost(fixed=START), defaultdict[str, Cost](Cost), defaultdict[str, Cost](Cost)
    for cell in plan.cells:
        if cell.task is None:
            base += _scoring(plan, cell, rate)
        elif cell.seed == plan.study.seeds[0]:
            runs[cell.adapter] += _training(plan, cell, rate) + _scoring(plan, cell, rate)
    if trials:
        for cell in trials.cells:
            items = len(trials.items.scored(str(cell.task)))
            scored = Cost(fixed=_scoring(trials, cell, rate).seconds(0, items, 0))
            search[cell.adapter] += _training(trials, cell, rate) + scored
    return Costs(base, dict(runs), dict(search))


def planned_tokens(plan: Plan) -> float:
    """Return the length of a training of a plan in tokens, about: the most of any."""
    return max(trained_tokens(plan, cell, *_items(plan, cell)) for cell in plan.cells if cell.task)


def _training(plan: Plan, cell: Cell, rate: Rate) -> Cost:
    """Return what the training of a cell costs, and measuring KL and forgetting after it."""
    own = token_work(plan, cell) * rate(f"{TRAIN} {cell.adapter}")
    measured = 0.0 if plan.trials else measuring_work(plan, str(cell.task)) * rate(MEASURE)
    return Cost(fixed=measured, per_token=own)


def _scoring(plan: Plan, cell: Cell, rate: Rate) -> Cost:
    """Return what all evaluations of a cell cost."""
    total = Cost()
    for score in plan.evaluations_of(cell):
        seconds = rate(_kind(score.task, generates=writes(score)[0], trained=cell.task is not None))
        if score.task in plan.lm_eval_tasks:
            total += Cost(fixed=seconds * _reading(plan, score))
        else:
            read, written = _per_item(plan, score, trained=cell.task is not None)
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
    """Return the seconds for a token read: a pilot's, by kind of phase, or those of the reference machine."""
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
        reference = SECONDS_A_TOKEN * plan.base.info.parameters / MEASURED_WITH
        return lambda kind: reference
    return lambda kind: rate_of(known, kind)
