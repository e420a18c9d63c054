"""How long a run will still take: guesses of every phase's work, corrected by what the phases before took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from statistics import fmean, median

from medcot_bench.errors import PluginError
from medcot_bench.planning.estimates.speed import seconds_a_token
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.status import CellStatus
from medcot_bench.plugins.entries import blame
from medcot_bench.plugins.prompted_task import apply_baseline
from medcot_bench.results.cells import Cell, Evaluation
from medcot_bench.results.metrics import needs_generation
from medcot_bench.types import Example

CHARACTERS = 3.5
"""Characters a token, roughly; digits are tokens of their own."""
LOOKED_AT = 50
"""Items of a task whose texts are written to estimate their lengths: their order is random."""
BACKWARD = {"full": 2.0, "low_rank": 1.2}
"""What the backward pass through a block costs, in forward passes: low rank needs no gradient of the weights."""
LEAST_SHARE = 0.1
"""Of a phase: what it took until then, with all that comes before its first step, says little of its pace."""
LM_EVAL_DOCUMENTS, LM_EVAL_TOKENS = 1000, 200
"""What a task of lm-eval is taken to have, before it is loaded, and tokens of each."""
WRITTEN = 4.5
"""What a token costs that is generated, in tokens that are read."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One training or evaluation that is to come."""

    cell: str
    task: str | None
    """The evaluation, by its title; None for a training."""
    kind: str
    """Phases of one kind take equally long for equal work, e.g. `train lora`."""
    work: float
    """In tokens read."""


class Eta:
    """Follows the phases of a run. Times are seconds on any clock that doesn't go back."""

    def __init__(self, phases: Sequence[Phase], guessed: float | None = None):
        """Follow these phases; `guessed` is what a token read may take as long as nothing is known."""
        self._left = list(phases)
        self._guessed = guessed
        self._took: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        """Kind -> (work, seconds) of what is done."""
        self._current: Phase | None = None
        self._began = self._share = 0.0

    def started(self, cell: str, task: str | None, now: float) -> None:
        """Take note that a phase is at work: an evaluation by its title, or the training of a cell."""
        self._current = next((p for p in self._left if (p.cell, p.task) == (cell, task)), None)
        self._began, self._share = now, 0.0

    def progressed(self, share: float) -> None:
        """Take note of the share of the phase at work that is done."""
        self._share = share

    def finished(self, now: float) -> None:
        """Take note that the phase at work is done: what it took counts for what is to come."""
        if self._current is not None:
            self._took[self._current.kind].append((self._current.work, now - self._began))
            self._left.remove(self._current)
            self._current = None

    def dropped(self, cell: str, task: str | None = None) -> None:
        """Take note that an evaluation of a cell will not be done, or nothing more of the cell."""
        self._left = [p for p in self._left if p.cell != cell or (task is not None and p.task != task)]
        self._current = None

    def seconds_left(self, now: float) -> float | None:
        """Return the seconds that are left, None as long as nothing is known."""
        took = {kind: list(done) for kind, done in self._took.items()}
        current, elapsed = self._current, now - self._began
        known = bool(took) or self._guessed is not None
        if current is not None and self._share >= (LEAST_SHARE if known else 1e-9):
            took.setdefault(current.kind, []).append((current.work * self._share, elapsed))
        if not took and self._guessed is None:
            return None
        total = 0.0
        for phase in self._left:
            seconds = phase.work * (rate_of(took, phase.kind) if took else self._guessed or 0.0)
            if phase is current:
                # One that takes longer than the like goes on at its own pace.
                own = elapsed * (1 - self._share) / self._share if self._share >= LEAST_SHARE else 0.0
                seconds = max(seconds - elapsed, own)
            total += seconds
        return total


def phases(plan: Plan, todos: Sequence[CellStatus]) -> Iterator[Phase]:
    """Yield what is to be done, in order, with its work. What many cells have in common is counted once."""
    trained, measured = cache(partial(trained_items, plan)), cache(partial(measuring_work, plan))
    scored = cache(partial(scoring_work, plan))
    for todo in todos:
        cell = todo.cell
        if todo.action == "train" and cell.task is not None:
            items = trained(cell.task, plan.adapters[cell.adapter].train_items)
            work = trained_tokens(plan, cell, *items) * token_work(plan, cell) + measured(cell.task)
            yield Phase(cell.id, None, f"train {cell.adapter}", work)
        for score in todo.missing:
            who = "the base" if cell.task is None else "a trained model"
            work = scored(score.task, score.baseline, score.chooses, *writes(score), cell.task is None)
            how = "likelihood of" if not _generates(score) else "answers to"
            yield Phase(cell.id, score.title, f"score {how} {score.task} of {who}", work)


def guess(plan: Plan, todos: Sequence[CellStatus]) -> float:
    """Return the seconds that a plan takes on this machine's CPU, by a short calibration."""
    return seconds_a_token(plan) * sum(phase.work for phase in phases(plan, todos))


def rate_of(took: Mapping[str, Sequence[tuple[float, float]]], kind: str) -> float:
    """Return seconds for one token read: of this kind, else of training or scoring, else of everything.

    The median over phases, so that one that was held up by other programs doesn't count for all that is to come.
    """
    done = took.get(kind)
    if done is None:
        alike = [pair for other, pairs in took.items() if other.split()[0] == kind.split()[0] for pair in pairs]
        done = alike or [pair for pairs in took.values() for pair in pairs]
    return median(seconds / max(work, 1e-9) for work, seconds in done)


def trained_items(plan: Plan, task: str, count: int | None) -> tuple[int, float]:
    """Return the number of items that a training takes, and about how many tokens each has."""
    items = plan.items.train(task, count)
    return len(items), sum(_mean_tokens(plan, task, items))


def measuring_work(plan: Plan, task: str) -> float:
    """Return about how much is read to measure KL and forgetting, 0 where the study doesn't ask for them."""
    if not plan.study.drift:
        return 0.0
    items = plan.items.measured(task)
    return len(plan.general_text) / CHARACTERS + len(items) * sum(_mean_tokens(plan, task, items))


def trained_tokens(plan: Plan, cell: Cell, items: int, each: float) -> float:
    """Return the length of a training in tokens, about, of so many items with so many tokens each."""
    recipe = plan.recipe(cell)
    tokens = recipe.epochs * items * each
    if recipe.max_steps is not None:
        tokens = recipe.max_steps * recipe.batch_size * each
    if recipe.train_tokens is not None:
        tokens = min(tokens, recipe.train_tokens) if recipe.max_steps is not None else recipe.train_tokens
    return tokens


def token_work(plan: Plan, cell: Cell) -> float:
    """Return about how much is read for a token that is trained on, with its way back through the blocks."""
    chosen, info = plan.adapters[cell.adapter], plan.base.info
    placed = chosen.place(info, plan.base.modules, cell.seed or 0)
    layers = [module.layer for module in plan.base.modules if module.path in placed]
    lowest = min((layer or 0 for layer in layers), default=0)
    return 1 + BACKWARD[chosen.adapter.spec.update] * (1 - lowest / info.n_layers)


def scoring_work(
    plan: Plan, task: str, baseline: str, chooses: bool, generates: bool, longest: int, untrained: bool
) -> float:
    """Return about how much the engine `fast` has to read, each prompt once; `longest` answers in tokens."""
    if task in plan.lm_eval_tasks:
        return LM_EVAL_TOKENS * float(plan.lm_eval_tasks[task].limit or LM_EVAL_DOCUMENTS)
    items = plan.items.scored(task, choosing=chooses)
    prompt, target = _mean_tokens(plan, task, items)
    answers = min(len(items), plan.scoring.generate_items or len(items)) if generates else 0
    spec = apply_baseline(plan.tasks[task], baseline).task.spec
    written = longest if untrained and not spec.stop else target
    return len(items) * (prompt + target) + answers * WRITTEN * written


def writes(score: Evaluation) -> tuple[bool, int]:
    """Return whether an evaluation has answers written, and the most tokens of one."""
    return _generates(score), score.request.get("max_new_tokens", 0)


def _generates(score: Evaluation) -> bool:
    names = score.request.get("scores")
    return not names or any(map(needs_generation, names))


def _mean_tokens(plan: Plan, task: str, items: Sequence[Example]) -> tuple[float, float]:
    """Return about how many tokens prompt and target have, in the mean over the first items."""
    chosen, found = plan.tasks[task], []
    for item in items[:LOOKED_AT]:
        with suppress(PluginError), blame(chosen.entry, "prompt or target"):  # the run says what is wrong
            texts = chosen.task.prompt(item, chosen.template), chosen.task.target(item).text
            found.append([len(text) / CHARACTERS + _digits(text) * (1 - 1 / CHARACTERS) for text in texts])
    prompts, targets = zip(*found, strict=True) if found else ((0.0,), (0.0,))
    return fmean(prompts), fmean(targets)


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))
