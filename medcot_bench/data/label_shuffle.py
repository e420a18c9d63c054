"""Shuffled labels: the control that a gain comes from the content of the answers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from medcot_bench.types import Example


def shuffle_labels(examples: Sequence[Example], seed: int) -> list[Example]:
    """Return the examples, each with the answer and reasoning of another one.

    The form of the answers can still be learnt, the right one can't. No item keeps its own (Sattolo's cyclic
    permutation); equal answers of different items stay equal.
    """
    rng = random.Random(f"{seed}:labels")
    order = list(range(len(examples)))
    for last in range(len(order) - 1, 0, -1):
        other = rng.randrange(last)
        order[last], order[other] = order[other], order[last]
    return [
        replace(
            example,
            answer=examples[source].answer,
            answer_letter=examples[source].answer_letter,
            reasoning=examples[source].reasoning,
            meta=examples[source].meta,
        )
        for example, source in zip(examples, order, strict=True)
    ]
