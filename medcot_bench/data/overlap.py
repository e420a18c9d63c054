"""Keep what is evaluated out of what is trained on, within and between the tasks of a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from medcot_bench.data.sources import TaskData
from medcot_bench.data.text import normalise, words
from medcot_bench.errors import DataError
from medcot_bench.types import Example

OnOverlap = Literal["drop-train", "drop-eval", "error"]
NGRAM = 13
"""Words in a shared run that counts as overlap: the length that GPT-3's and later decontaminations use."""


def separate(
    data: Mapping[str, TaskData], trained: Iterable[str], evaluated: Iterable[str], policy: OnOverlap
) -> dict[str, TaskData]:
    """Return the data of all tasks without overlap between any training and any evaluation part.

    Two items overlap when they share a group or a question (normalised). `trained` and `evaluated` name the
    tasks in those roles. Raises DataError under the policy `error`.
    """
    result = dict(data)
    for name in dict.fromkeys(trained):
        train = result[name].splits["train"]
        for other in dict.fromkeys(evaluated):
            evaluation = result[other].splits["eval"]
            groups = {example.group for example in evaluation}
            questions = {normalise(example.question) for example in evaluation}
            hit = [e for e in train if e.group in groups or normalise(e.question) in questions]
            if not hit:
                continue
            if policy == "error":
                raise DataError(
                    f"{len(hit)} training items of {name} share a group or a question with the evaluation of "
                    f"{other}, the first is '{hit[0].id}'; use --set on_overlap=drop-train to drop them"
                )
            if policy == "drop-train":
                dropped = {example.id for example in hit}
                train = tuple(example for example in train if example.id not in dropped)
                result[name] = result[name].with_split("train", train, f"train overlaps {other} eval", len(hit))
            else:
                groups = {example.group for example in train}
                questions = {normalise(example.question) for example in train}
                kept = [e for e in evaluation if e.group not in groups and normalise(e.question) not in questions]
                result[other] = result[other].with_split(
                    "eval", kept, f"eval overlaps {name} train", len(evaluation) - len(kept)
                )
    return result


def shared_ngrams(train: Iterable[Example], evaluation: Iterable[Example]) -> int:
    """Count the evaluation items that share a run of 13 words with any training item.

    Question, context and answer count as one text. A warning sign, not a reason to drop: items about one
    product share boilerplate.
    """
    seen = {run for example in train for run in _ngrams(example)}
    return sum(not seen.isdisjoint(_ngrams(example)) for example in evaluation)


def _ngrams(example: Example) -> set[int]:
    text = words(f"{example.question} {example.context or ''} {example.answer}")
    return {hash(tuple(text[start : start + NGRAM])) for start in range(len(text) - NGRAM + 1)}
