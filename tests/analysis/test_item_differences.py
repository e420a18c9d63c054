"""The items on which methods differ most: which, in what order, and with whose answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from planted import Made, answers, write

from medcot_bench.analysis.item_differences import TaskDifferences, find_item_differences
from medcot_bench.results.folder import load


def said(prediction: str | None, **texts: Any) -> dict[str, dict[str, Any]]:
    return {
        item: {"prediction": prediction and f"{prediction} {item}", "target": " yes", **texts} for item in "abcd"
    }


def made(adapter: str, seed: int, *values: float) -> Made:
    scores = {"k8s_qa": {"answer": answers(*values), "gold_nll": answers(*values)}}
    return Made(adapter=adapter, seed=seed, scores=scores, said=said(f"{adapter} {seed}", question="Q?"))


BASE = Made(
    adapter="none",
    seed=None,
    task=None,
    scores={"k8s_qa": {"answer": answers(0.25, 0, 1, 0.5)}},
    said=said("base", question="Q?"),
)
STUDY = [
    BASE,
    made("full", 0, 1, 0, 1, 1),
    made("full", 1, 0.5, 0, 1, 0),
    made("lora", 0, 0, 0, 0, 1),
    made("lora", 1, 0, 0, 0.5, 1),
]


def found(root: Path, *study: Made, score: str = "answer", count: int = 10) -> list[TaskDifferences]:
    return [*find_item_differences([load(write(root, *study))], score, count)]


def test_items_are_in_the_order_of_the_largest_difference_of_means_over_seeds(tmp_path: Path) -> None:
    # Means over seeds of base, full, lora: a 0.25 0.75 0; b 0 0 0; c 1 1 0.25; d 0.5 0.5 1.
    (task,) = found(tmp_path, *STUDY)
    assert (task.trained, task.task, task.differing, task.lower_is_better) == ("k8s_qa", "k8s_qa", 3, False)
    assert [(one.item, one.difference) for one in task.items] == [("a", 0.75), ("c", 0.75), ("d", 0.5)]
    assert [(one.method, one.value) for one in task.items[0].answers] == [
        ("none", 0.25),
        ("full", 0.75),
        ("lora", 0),
    ]


def test_the_answer_is_that_of_the_first_seed(tmp_path: Path) -> None:
    (task,) = found(tmp_path, *STUDY, count=1)
    (item,) = task.items
    assert (item.question, item.right) == ("Q?", "yes")
    assert [one.answer for one in item.answers] == ["base a", "full 0 a", "lora 0 a"]


def test_less_may_be_better(tmp_path: Path) -> None:
    (task,) = found(tmp_path, *STUDY, score="gold_nll")
    assert task.lower_is_better
    assert [one.method for one in task.items[0].answers] == ["full", "lora"]


def test_one_method_alone_differs_from_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, STUDY[1], STUDY[2]) == []
    (task,) = found(tmp_path / "equal", STUDY[1], replace(STUDY[1], adapter="lora"))
    assert (task.differing, task.items) == (0, ())


def test_two_folders_are_set_beside_each_other(tmp_path: Path) -> None:
    one, other = (load(write(tmp_path / name, part)) for name, part in (("one", STUDY[1]), ("two", STUDY[3])))
    (task,) = find_item_differences([one, other], "answer", 10)
    assert [(one.folder, one.method) for one in task.items[0].answers] == [(0, "full"), (1, "lora")]


@pytest.mark.parametrize(("texts", "asked"), [({}, None), ({"prompt": "x" * 400 + "Why?"}, "x" * 296 + "Why?")])
def test_older_samples_have_no_question_and_those_of_lm_eval_a_prompt(
    tmp_path: Path, texts: dict[str, str], asked: str | None
) -> None:
    study = [replace(part, said=said(None, **texts)) for part in STUDY]
    (task,) = found(tmp_path, *study)
    assert task.items[0].question == asked
    assert {one.answer for one in task.items[0].answers} == {None}
