"""What holds for both tasks with a document and a short answer. Their answers are worked out again elsewhere.

After a change that is meant (raise the family's version), make the golden files again:
UPDATE_GOLDEN=1 python -m pytest tests/tasks/test_clusters.py
"""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lanes import draw

from medcot_bench import Example
from medcot_bench.text import normalise
from medcot_tasks.bundled import SEEN_TEMPLATES, SHIFTS, TEMPLATES
from medcot_tasks.kubernetes import clusters
from medcot_tasks.kubernetes.k8s_qa import K8sQA
from medcot_tasks.kubernetes.k8s_qa import medcot_make_task as make_k8s
from medcot_tasks.manuals import devices
from medcot_tasks.manuals.manuals_qa import ManualsQA
from medcot_tasks.manuals.manuals_qa import medcot_make_task as make_manuals
from medcot_tasks.reading import Values
from medcot_tasks.text_answer import score_text

GOLDEN = Path(__file__).parent / "golden"
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))
BOTH = pytest.mark.parametrize("made", [clusters, devices], ids=["k8s_qa", "manuals_qa"])


def take(made: ModuleType, count: int, split: str = "train", **options: Any) -> list[Example]:
    return list(islice(made.examples(split, **options), count))


def holds(text: str, part: str) -> bool:
    return f" {normalise(part)} " in f" {normalise(text)} "


# --- both tasks ---


@BOTH
def test_items_are_the_same_each_time_and_others_with_another_seed(made: ModuleType) -> None:
    assert take(made, 200) == take(made, 200)
    assert take(made, 50) != take(made, 50, seed=1)


@BOTH
@draw(quick=2000, slow=10_000)
def test_items_go_on_and_nearly_all_differ(made: ModuleType, count: int) -> None:
    items = take(made, count)
    assert len({item.id for item in items}) == count
    assert len({(item.context, item.question) for item in items}) > 0.98 * count


@BOTH
def test_the_first_items_are_the_golden_ones(made: ModuleType) -> None:
    items = [*take(made, 12), *take(made, 6, "eval"), *take(made, 4, level="hard")]
    items += [item for shift in SHIFTS for item in take(made, 4, "eval", shift=shift)]
    assert not any(item.turns for item in items)
    fields = ({k: v for k, v in asdict(item).items() if k != "turns"} for item in items)
    found = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in fields)
    golden = GOLDEN / f"{made.FAMILY.name}.jsonl"
    if UPDATE:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("task", [K8sQA(), ManualsQA()], ids=["k8s_qa", "manuals_qa"])
def test_gold_scores_one_on_every_score(task: K8sQA | ManualsQA) -> None:
    for item in islice(task.examples("train"), 300):
        assert task.score(item, task.target(item).text) == {"answer": 1.0, "exact": 1.0}


def test_a_part_of_the_answer_scores_in_part_and_is_not_exact() -> None:
    assert score_text("30 minutes", "30 hours") == {"answer": 0.5, "exact": 0.0}
    assert score_text("30 minutes", " \n") == {"answer": None, "exact": None}


@BOTH
@pytest.mark.parametrize("level", ["basic", "hard"])
@pytest.mark.parametrize("shift", ["", *SHIFTS])
@draw(quick=200, slow=500)
def test_questions_do_not_hold_their_answer_and_have_no_gaps(
    made: ModuleType, level: str, shift: str, count: int
) -> None:
    for item in take(made, count, "eval", level=level, shift=shift):
        assert item.context
        assert not holds(item.question, item.answer), item.question
        assert not re.search(r"[{}]|None|  ", item.question), item.question
        assert not re.search(r"[{}]|None", item.context), item.context
        assert item.question[0].isupper()
        assert item.question[-1] in "?."


@BOTH
@pytest.mark.parametrize("level", ["basic", "hard"])
@draw(quick=500, slow=2000)
def test_what_is_looked_up_stands_in_the_document(made: ModuleType, level: str, count: int) -> None:
    for item in take(made, count, level=level):
        if item.meta["depth"] != "steps" and item.answer not in ("yes", "no", "failed", "successful"):
            assert holds(item.context or "", item.answer), item


@BOTH
def test_the_six_phrasings_of_every_question_differ(made: ModuleType) -> None:
    for item in take(made, 300):
        kind = item.meta["entity"]
        for question in made.document(kind, Values(random.Random(item.id))).questions:
            phrased = {question.phrased(template, made.FRAMES) for template in range(TEMPLATES)}
            assert len(phrased) == TEMPLATES
            assert question.wordings[2] not in question.wordings[:2]


@BOTH
def test_unseen_templates_share_no_phrasing_with_training(made: ModuleType) -> None:
    for item in take(made, 100):
        for question in made.document(item.meta["entity"], Values(random.Random(item.id))).questions:
            seen = {question.phrased(template, made.FRAMES) for template in range(SEEN_TEMPLATES)}
            assert not seen & {question.phrased(n, made.FRAMES) for n in range(SEEN_TEMPLATES, TEMPLATES)}


@BOTH
def test_each_entity_has_four_kinds_of_questions_or_more(made: ModuleType) -> None:
    kinds: dict[str, set[str]] = {}
    for item in [*take(made, 3000), *take(made, 600, "eval", shift="unseen_entity")]:
        kinds.setdefault(item.meta["entity"], set()).add(item.meta["kind"])
    assert set(kinds) == set(made.FAMILY.entities)
    assert len(kinds) >= 14
    assert min(map(len, kinds.values())) >= 4


@BOTH
@pytest.mark.parametrize("level", ["basic", "hard"])
@draw(quick=2000, slow=6000)
def test_no_constant_answer_is_often_right_and_yes_is_as_frequent_as_no(
    made: ModuleType, level: str, count: int
) -> None:
    answers = Counter(item.answer for item in take(made, count, level=level))
    assert answers.most_common(1)[0][1] < 0.15 * count
    assert answers["yes"] / (answers["yes"] + answers["no"]) == pytest.approx(0.5, abs=360 / count)


@pytest.mark.parametrize("make", [make_k8s, make_manuals], ids=["k8s_qa", "manuals_qa"])
def test_a_name_with_a_shift_makes_its_items(make: Callable[..., K8sQA | ManualsQA]) -> None:
    item = next(iter(make("x@unseen_template", {"level": "hard", "seed": 3}).examples("eval")))
    assert "-unseen_template-hard-3-" in item.id


def test_without_context_there_is_nothing_to_read_and_no_bundled_source() -> None:
    task = K8sQA(context="none")
    assert list(task.examples("train")) == []
    assert (task.spec.sources, task.spec.shifts, task.spec.pool) == (
        {"hub": "evgenypal/k8s-docs-rag-bench"},
        (),
        {},
    )


# --- values ---


@pytest.mark.parametrize("unseen", [False, True])
def test_values_keep_to_their_third_of_a_pool_and_their_side_of_a_range(unseen: bool) -> None:
    values = Values(random.Random("values"), unseen=unseen)
    assert {values.pick("abcdef") for _ in range(200)} == set("ef" if unseen else "abcd")
    assert {values.number(10, 30, 5) for _ in range(200)} == set(range(35, 60, 5) if unseen else range(10, 35, 5))
