"""Right answers put to other items' questions: what a model scores that learnt how answers look, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from medcot_bench import Example, Target
from medcot_bench.models.write_item import Written
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import ResolvedTask, resolve_task
from medcot_bench.scoring.item_scores import ItemScorer, Question
from medcot_bench.scoring.shuffled import score_shuffled
from medcot_bench.study.spec_strings import parse_specs


def chosen() -> ResolvedTask:
    return resolve_task(parse_specs("k8s_qa")[0], installed())


def asked(rows: Sequence[tuple[str, str]]) -> list[Question]:
    questions = []
    for number, (group, answer) in enumerate(rows):
        example = Example(id=str(number), group=group, question="Which?", answer=answer, context="c")
        written = Written(example, "prompt", answer, shortened=False)
        questions.append(Question(written, Target(answer), {}, None, generated=True))
    return questions


def shuffled(*rows: tuple[str, str]) -> Any:
    return score_shuffled(ItemScorer(chosen(), 8, frozenset({"answer"})), asked(rows))


def test_answers_of_other_groups_are_put_to_each_question() -> None:
    # "web pod" to "web node" and back has one word of two: F1 0.5. Answers of the own group are left out.
    assert shuffled(("1", "web pod"), ("2", "web node")) == pytest.approx(0.5)
    assert shuffled(("1", "web pod"), ("1", "web pod"), ("2", "web node")) == pytest.approx(0.5)
    assert shuffled(("1", "pod"), ("2", "node"), ("3", "port")) == 0.0


def test_a_constant_answer_scores_one() -> None:
    assert shuffled(*((str(n), "yes") for n in range(9))) == 1.0


def test_no_more_than_five_answers_are_put_to_a_question() -> None:
    rows = [(str(n), "yes" if n < 6 else "no") for n in range(12)]
    # Those of item 0 to 5 see 5, 4 ... 0 of "yes" in the five that follow; those of "no" likewise.
    assert shuffled(*rows) == pytest.approx(sum(range(6)) * 2 / 60)


def test_one_group_alone_has_none() -> None:
    assert shuffled(("1", "a"), ("1", "b")) is None
    assert shuffled() is None
