"""What analyses need of an evaluation's samples, without their texts: a large study's fit into memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from sys import intern
from typing import Any

ANSWERS = ("prediction", "gold_loglikelihood", "option_loglikelihoods")
"""What a model said of an item."""


@dataclass(frozen=True, slots=True)
class Items:
    """The items of one evaluation."""

    groups: Mapping[str, str]
    """Item -> the group that it belongs to."""
    scores: Mapping[str, Mapping[str, float]]
    """Score -> item -> value."""
    answers: Mapping[str, str]
    """Kind of answer -> digest over all items; without the kinds that the evaluation has none of."""
    options: Sequence[int]
    """The number of options of each item that has some."""


def read_items(samples: Sequence[Mapping[str, Any]]) -> Items:
    """Return what analyses need of an evaluation's samples."""
    scores: dict[str, dict[str, float]] = {}
    for sample in samples:
        for name, value in sample["scores"].items():
            scores.setdefault(name, {})[intern(sample["id"])] = value
    options = (sample.get("option_loglikelihoods") for sample in samples)
    return Items(
        groups={intern(sample["id"]): intern(sample["group"]) for sample in samples},
        scores=scores,
        answers={name: _digest(samples, name) for name in ANSWERS if samples and samples[0].get(name) is not None},
        options=tuple(len(of_item) for of_item in options if of_item),
    )


def _digest(samples: Iterable[Mapping[str, Any]], name: str) -> str:
    said = [(sample["id"], sample.get(name)) for sample in samples]
    return sha256(json.dumps(said).encode()).hexdigest()
