"""Invented documents and questions on them: what the items of k8s_qa and manuals_qa are made of."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from medcot_bench import Example, normalise
from medcot_tasks.bundled import SEEN_TEMPLATES, Draw, Level

Depth = Literal["lookup", "compare", "steps"]
"""Read one place, look over several, or work something out."""
T = TypeVar("T")
_SHARES: Mapping[Level, Mapping[Depth, int]] = {
    "basic": {"lookup": 6, "compare": 3, "steps": 2},
    "medium": {"lookup": 2, "compare": 2, "steps": 2},
    "hard": {"lookup": 1, "compare": 2, "steps": 3},
}


@dataclass(frozen=True, slots=True)
class Question:
    """One question about a document, in two wordings seen in training and one that is not."""

    kind: str
    depth: Depth
    answer: str
    wordings: tuple[str, str, str]

    def phrased(self, template: int, frames: Sequence[str]) -> str:
        """Return the wording of a template in one of four frames; the last two frames are not seen either."""
        seen = template < SEEN_TEMPLATES
        wording = self.wordings[template % 2 if seen else 2]
        frame = frames[template // 2 if seen else template - 2]
        return frame.format(q=wording, Q=wording[0].upper() + wording[1:])


@dataclass(frozen=True, slots=True)
class Document:
    """An invented text, and what can be asked about it."""

    text: str
    questions: tuple[Question, ...]


def ask(depth: Depth, kind: str, answer: object, first: str, second: str, unseen: str) -> Question:
    """Return a question of a kind with its three wordings."""
    return Question(kind, depth, str(answer), (first, second, unseen))


class Values:
    """The random values of one item.

    No pool and no range gives a value twice while it has others, so that a fact is distinct from others of its
    kind. The last third of each pool of names, and the numbers above each range, are kept for `@unseen_range`.
    """

    def __init__(self, rng: random.Random, *, unseen: bool = False, hard: bool = False):
        self.rng = rng
        self.unseen = unseen
        self.hard = hard
        self._given: set[tuple[Sequence[object], object]] = set()

    def pick(self, pool: Sequence[str]) -> str:
        """Return a name from a pool."""
        cut = len(pool) * 2 // 3
        return self._fresh(pool[cut:] if self.unseen else pool[:cut])

    def number(self, low: int, high: int, step: int = 1) -> int:
        """Return a number from `low` to `high`; an unseen one is from the range of the same width above."""
        shift = high - low + step if self.unseen else 0
        return self._fresh(range(low + shift, high + shift + 1, step))

    def version(self) -> str:
        """Return a version such as 2.14.3."""
        return f"{self.number(1, 4)}.{self.number(10, 29)}.{self.rng.randint(0, 9)}"

    def yes(self) -> bool:
        """Return whether the answer is to be yes."""
        return self.rng.random() < 0.5

    def _fresh(self, choices: Sequence[T]) -> T:
        value = self.rng.choice(choices)
        if (choices, value) in self._given:
            value = self.rng.choice([other for other in choices if (choices, other) not in self._given] or choices)
        self._given.add((choices, value))
        return value


def make_examples(
    draws: Iterable[Draw], document: Callable[[str, Values], Document], frames: Sequence[str]
) -> Iterator[Example]:
    """Yield an item for every draw: the document of its entity, and a question that does not hold its answer."""
    for draw in draws:
        values = Values(draw.rng, unseen=draw.unseen_range, hard=draw.level == "hard")
        askable: list[Question] = []
        while not askable:
            made = document(draw.entity, values)
            askable = [q for q in made.questions if not _holds(q.phrased(draw.template, frames), q.answer)]
        depths = {question.depth: _SHARES[draw.level][question.depth] for question in askable}
        (depth,) = draw.rng.choices([*depths], [*depths.values()])
        question = draw.rng.choice([question for question in askable if question.depth == depth])
        yield Example(
            id=draw.id,
            group=draw.group,
            question=question.phrased(draw.template, frames),
            answer=question.answer,
            context=made.text,
            meta={"entity": draw.entity, "kind": question.kind, "depth": question.depth},
        )


def _holds(text: str, part: str) -> bool:
    return f" {normalise(part)} " in f" {normalise(text)} "
