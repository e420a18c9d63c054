"""What `@unseen_range` changes in manuals_qa: numbers, and all words but the names of settings and readings."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

import pytest
from lanes import draw

from medcot_bench import Example
from medcot_tasks.bundled import LEVELS, SEEN_TEMPLATES, Level
from medcot_tasks.manuals import devices
from medcot_tasks.reading import Document, Values

DRAWN = draw(quick=50, slow=300)
KINDS = pytest.mark.parametrize("kind", devices.FAMILY.entities)
HARD = pytest.mark.parametrize("hard", [False, True], ids=["basic", "hard"])
BOTH_RANGES = {"setting_of_value", "allowed"}
"""Kinds of questions answered by the name of a setting, or by yes or no."""


def documents(kind: str, *, unseen: bool, hard: bool, count: int) -> Iterator[Document]:
    for number in range(count):
        yield devices.document(kind, Values(random.Random(f"{kind} {number}"), unseen=unseen, hard=hard))


def numbers(question: str) -> set[str]:
    """Return the numbers in a question with their units, but not that of a step."""
    return set(re.findall(r"(?<![\w.])\d[\d.]* [^\s?.,]+", re.sub(r"(step|number) \d", "", question)))


def asked_about(
    kind: str, *, unseen: bool, hard: bool, count: int
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return kind of question -> the answers, and -> the numbers that stand in the questions."""
    answers, mentioned = defaultdict(set), defaultdict(set)
    for made in documents(kind, unseen=unseen, hard=hard, count=count):
        for question in made.questions:
            answers[question.kind].add(question.answer)
            for template in range(SEEN_TEMPLATES):
                mentioned[question.kind] |= numbers(question.phrased(template, devices.FRAMES))
    return answers, mentioned


@HARD
@KINDS
@DRAWN
def test_all_that_questions_of_unseen_range_ask_about_is_outside_that_of_training(
    kind: str, hard: bool, count: int
) -> None:
    answers, mentioned = asked_about(kind, unseen=False, hard=hard, count=count)
    other_answers, other_mentioned = asked_about(kind, unseen=True, hard=hard, count=count)
    assert answers.keys() == other_answers.keys() >= BOTH_RANGES
    for asked in answers:
        if asked not in BOTH_RANGES:
            assert not answers[asked] & other_answers[asked], asked
        assert not mentioned[asked] & other_mentioned[asked], asked
    assert {"allowed", "code_at_value", "next_service"} <= {asked for asked in mentioned if mentioned[asked]}


def values(kind: str, *, unseen: bool, count: int) -> dict[str, set[int]]:
    """Return setting or reading -> all values that its lines have."""
    found = defaultdict(set)
    for made in documents(kind, unseen=unseen, hard=True, count=count):
        for line in made.text.splitlines():
            row = re.fullmatch(r"([^|]+) \| \d.* \| \d.* \| \d.*", line) or re.match("(.+)(: from| above) ", line)
            if row:
                line = re.sub(r", and the .* stops after .*", "", line)
                found[row[1].casefold()] |= {int(amount) for amount in re.findall(r"(?<!\w)\d+", line)}
    return found


@KINDS
@DRAWN
def test_every_value_of_a_setting_or_reading_lies_above_all_of_training(kind: str, count: int) -> None:
    seen, unseen = values(kind, unseen=False, count=count), values(kind, unseen=True, count=count)
    assert seen.keys() == unseen.keys()
    assert len(seen) == 5
    for name in seen:
        assert max(seen[name]) < min(unseen[name]), name


@pytest.mark.parametrize("level", LEVELS)
def test_no_line_of_a_manual_of_unseen_range_stands_in_one_of_training(level: Level) -> None:
    def lines(items: Iterable[Example]) -> set[str]:
        found = {line for item in islice(items, 800) for line in (item.context or "").splitlines() if line}
        return {re.sub(r"^\d\. |^E\d\d: ", "", line) for line in found}

    shared = lines(devices.examples("train", level=level))
    shared &= lines(devices.examples("eval", "unseen_range", level))
    assert all(line.startswith(("To ", "Setting | ", "Part | ")) for line in shared), shared
