"""Items -> steps of a training run -> flat batches."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

import torch

from medcot_bench.models.attention import Segment
from medcot_bench.types import Recipe


@dataclass(frozen=True, slots=True)
class Item:
    """The tokens of one training item; the target ends in EOS."""

    prompt: list[int]
    target: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.target)


@dataclass(frozen=True, slots=True)
class FlatBatch:
    """Sequences one after another. T tokens, of which N predict a target token."""

    input_ids: torch.Tensor
    """(1, T)"""
    position_ids: torch.Tensor
    """(1, T), from 0 in each sequence."""
    segments: list[Segment]
    predicting: torch.Tensor
    """(N,) positions whose next token belongs to a target."""
    labels: torch.Tensor
    """(N,) those next tokens."""


def plan_steps(items: Sequence[Item], recipe: Recipe, seed: int) -> list[list[int]]:
    """Return the items of every step by number. The order depends on the seed only, so adapters see the same.

    See Recipe for where it ends. A token budget is never exceeded, except by its first step.
    """
    if recipe.max_steps == 0 or not items:
        return []
    endless = recipe.max_steps is not None or recipe.train_tokens is not None
    order = _order(len(items), None if endless else round(recipe.epochs * len(items)), seed)
    steps: list[list[int]] = []
    tokens = 0
    while recipe.max_steps is None or len(steps) < recipe.max_steps:
        step = list(islice(order, recipe.batch_size))
        tokens += sum(len(items[number]) for number in step)
        if not step or (recipe.train_tokens is not None and steps and tokens > recipe.train_tokens):
            break
        steps.append(step)
    return steps


def split_step(step: Sequence[int], parts: int) -> list[Sequence[int]]:
    """Split a step into at most `parts` passes of nearly equal size.

    >>> split_step([4, 2, 7, 1, 9], 2)
    [[4, 2, 7], [1, 9]]
    """
    size = -(-len(step) // parts)
    return [step[start : start + size] for start in range(0, len(step), size)]


def flatten(items: Sequence[Item], device: torch.device) -> FlatBatch:
    """Put items one after another. The last prompt token predicts the first target token, and so on."""
    ids: list[int] = []
    positions: list[int] = []
    predicting: list[int] = []
    labels: list[int] = []
    for item in items:
        first = len(ids) + len(item.prompt) - 1
        predicting.extend(range(first, first + len(item.target)))
        labels.extend(item.target)
        ids.extend(item.prompt + item.target)
        positions.extend(range(len(item)))
    return FlatBatch(
        torch.tensor([ids], device=device),
        torch.tensor([positions], device=device),
        [Segment(len(item)) for item in items],
        torch.tensor(predicting, device=device),
        torch.tensor(labels, device=device),
    )


def _order(size: int, total: int | None, seed: int) -> Iterator[int]:
    given = 0
    for epoch in count():
        numbers = list(range(size))
        random.Random(f"order:{seed}:{epoch}").shuffle(numbers)
        for number in numbers:
            if given == total:
                return
            yield number
            given += 1
