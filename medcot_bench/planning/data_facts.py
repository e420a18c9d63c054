"""Facts about the users' rows that `validate`, `plan` and `run` state before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

from medcot_bench.data.row_facts import describe_rows
from medcot_bench.errors import ConfigError, PluginError
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.entries import blame
from medcot_bench.results.answer import FEW_ITEMS
from medcot_bench.study.schema import BUNDLED
from medcot_bench.text import counted
from medcot_bench.types import SPLITS, Example, Recipe

SPREAD = 0.4
"""Standard deviation of what two models differ by on an item, by scores from 0 to 1: as in published studies."""
MOST = 200
"""Rows that are written as prompts and targets."""
LARGEST_TOKENIZER = 4_000_000
"""Bytes of a tokenizer's file above which reading it takes seconds."""
CHARACTERS = 4
"""Per token, where no tokenizer is read."""
BY_ESTIMATE = f", by {CHARACTERS} characters per token"


def describe_data(plan: Plan) -> Iterator[str]:
    """Yield what is to be known of every task's rows; nothing of items that a task makes itself.

    Raises ConfigError where every item of a task is too long to train on.
    """
    count = _token_counter(plan)
    for label, data in plan.data.items():
        if label not in plan.tasks or data.source.startswith(BUNDLED) or plan.items_of(label):
            continue
        rows = tuple(chain.from_iterable(data.splits[split] for split in SPLITS))
        facts = [
            *describe_rows(rows),
            *_few_scored(plan, label, len(rows)),
            *_lengths(plan, label, count),
            *_cut_off(plan, label, count),
        ]
        facts += [f"columns not used: {', '.join(data.unused)}"] if data.unused else []
        yield from (f"{label}: {fact}" for fact in facts)


def _few_scored(plan: Plan, label: str, rows: int) -> Iterator[str]:
    """Yield that few rows are scored, and what shows all the same: 2.8 * SPREAD / sqrt(items), two-sided at 5%
    with 80% power."""
    scored = len(plan.items.scored(label, choosing=False))
    if 0 < scored < FEW_ITEMS:
        shows = 2.8 * SPREAD / math.sqrt(scored)
        told = (
            f"only differences above about {shows:.1f} will show"
            if shows < 1
            else "too few to show any difference"
        )
        yield f"only {scored} of {counted(rows, 'row')} {'is' if scored == 1 else 'are'} scored: {told}"


def _lengths(plan: Plan, label: str, count: Callable[[str], int] | None) -> Iterator[str]:
    """Yield the share of what is trained on that is target, and how many training items are too long."""
    training = plan.items.train(label) if label in {cell.task for cell in plan.cells} else []
    if not training:
        return
    step = -(-len(training) // MOST)
    measure, unit = (count, "tokens") if count else (len, "characters")
    with suppress(PluginError, MemoryError):  # the run says it, for the training runs that it concerns
        sizes = [tuple(map(measure, _write(plan, label, example))) for example in training[::step]]
        whole, targets = sum(map(sum, sizes)), sum(target for _, target in sizes)
        yield f"{targets / whole:.0%} of the {unit} trained on are targets"
        yield from _overlong(plan, label, training, count)


def _overlong(
    plan: Plan, label: str, training: list[Example], count: Callable[[str], int] | None
) -> Iterator[str]:
    """Yield how many training items are longer than allowed; no text has more tokens than bytes.

    Raises ConfigError where nothing would be left to train on.
    """
    measure = count or _estimate
    recipes = [plan.recipe(cell) for cell in plan.cells if cell.task == label]
    shortest = min(recipes, key=lambda recipe: recipe.max_length)
    written = sum(len(text.encode()) for text in _write(plan, label, training[0]))
    room = shortest.max_length - (written - _size(training[0]))
    long = [example for example in training if _size(example) > room]
    looked = long[:: -(-len(long) // MOST) or 1]
    over = sum(sum(map(measure, _write(plan, label, example))) > shortest.max_length for example in looked)
    all_sampled = over == len(looked) and len(long) == len(training)
    if (
        count
        and all_sampled
        and not _can_be_shortened(training, shortest)
        and all(sum(map(count, _write(plan, label, example))) > shortest.max_length for example in training)
    ):
        if shortest.max_length < plan.base.info.max_positions:
            limit, remedy = f"training.max_length={shortest.max_length}", "raise it"
        else:
            limit = f"the {shortest.max_length} tokens that the model reads"
            remedy = "shorten the rows, or take another --model"
        raise ConfigError(f"task {label}: every training item is longer than {limit}; {remedy}")
    if over:
        about = "" if count and len(looked) == len(long) else "about "
        number = round(over * len(long) / len(looked))
        yield (
            f"{about}{number} of {len(training)} training items are longer than training.max_length="
            f"{shortest.max_length} (overlong: {shortest.overlong}){'' if count else BY_ESTIMATE}"
        )


def _can_be_shortened(training: Iterable[Example], recipe: Recipe) -> bool:
    return recipe.overlong == "truncate-context" and any(example.context for example in training)


def _cut_off(plan: Plan, label: str, count: Callable[[str], int] | None) -> Iterator[str]:
    """Yield how many right answers are longer than what a model may generate: nothing can get them right."""
    spec, scored = plan.tasks[label].task.spec, plan.items.scored(label, choosing=False)
    most, measure = plan.study.scoring.max_new_tokens or spec.max_new_tokens, count or _estimate
    long = [example for example in scored if _bytes(example.answer) + _bytes(example.reasoning or "") > most]
    looked = long[:: -(-len(long) // MOST) or 1]
    with suppress(PluginError, MemoryError):  # as above
        over = sum(measure(_write(plan, label, example)[1]) > most for example in looked)
        if over:
            about = "" if count and len(looked) == len(long) else "about "
            number = round(over * len(long) / len(looked))
            yield (
                f"{about}{number} of {len(scored)} answers to score are longer than the {most} tokens that are "
                f"generated (scoring.max_new_tokens){'' if count else BY_ESTIMATE}"
            )


def _estimate(text: str) -> int:
    return len(text) // CHARACTERS


def _size(example: Example) -> int:
    """Return the bytes of an item's texts."""
    texts = (example.question, example.context, example.reasoning, example.answer, *example.options.values())
    return sum(_bytes(text) for text in texts if text)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _write(plan: Plan, label: str, example: Example) -> tuple[str, str]:
    chosen = plan.tasks[label]
    with blame(chosen.entry, f"prompt or target of item '{example.id}'"):
        return chosen.task.prompt(example, chosen.template), chosen.task.target(example).text


def _token_counter(plan: Plan) -> Callable[[str], int] | None:
    """Return what counts tokens, None where the model has no tokenizer that is read at once."""
    file = (plan.base.path or Path()) / "tokenizer.json"
    if plan.base.kind == "gguf" or not file.is_file() or file.stat().st_size > LARGEST_TOKENIZER:
        return None
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception:  # whatever its reader raises: the run says so when it loads the model
        return None
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False))
