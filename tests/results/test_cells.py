"""What names a training and an evaluation: folders, files, titles, ids, and the groups of items."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.results.cells import CellKey, EvaluationKey, cluster, request_id

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@pytest.mark.parametrize(
    ("task", "adapter", "seed", "name", "title"),
    [
        ("k8s_qa", "lora", 0, "k8s_qa__lora__s0-c0ffee", "lora × k8s_qa × seed 0"),
        (None, "none", None, "base__none-c0ffee", "none"),
        (
            "medqa_cot:level=hard,target=answer",
            "layer_lora:select=top,k=2",
            12,
            "medqa_cot.levelhard.targetanswer__layer_lora.top.k2__s12-c0ffee",
            "layer_lora:select=top,k=2 × medqa_cot:level=hard,target=answer × seed 12",
        ),
        (
            None,
            "peft:path=/home/me/trained/v2/",
            None,
            "base__peft.pathv2-c0ffee",
            "peft:path=/home/me/trained/v2/",
        ),
    ],
)
def test_a_cell_s_folder_is_of_readable_parts_and_its_id(
    task: str | None, adapter: str, seed: int | None, name: str, title: str
) -> None:
    key = CellKey(id="c0ffee", task=task, adapter=adapter, seed=seed)
    assert (key.name, key.title) == (name, title)


@pytest.mark.parametrize(
    ("task", "more", "name", "title"),
    [
        ("k8s_qa", {}, "k8s_qa-ab12", "k8s_qa"),
        ("k8s_qa@unseen_range", {}, "k8s_qa-unseen_range-ab12", "k8s_qa@unseen_range"),
        ("k8s_qa", {"checkpoint": "1/3"}, "k8s_qa-ab12", "k8s_qa at 1/3"),
        ("k8s_qa", {"baseline": "few_shot=5"}, "k8s_qa-ab12", "k8s_qa (few_shot=5)"),
        ("lm_eval:arc_easy", {}, "lm_eval.arc_easy-ab12", "lm_eval:arc_easy"),
        (
            "lm_eval:arc_easy,num_fewshot=5,limit=9",
            {},
            "lm_eval.arc_easy.num_fewshot5.limit9-ab12",
            "lm_eval:arc_easy,num_fewshot=5,limit=9",
        ),
        ("lm_eval:/data/own tasks/prose.yaml", {}, None, "lm_eval:/data/own tasks/prose.yaml"),
    ],
)
def test_an_evaluation_s_file_is_of_its_task_and_its_id(
    task: str, more: dict[str, str], name: str | None, title: str
) -> None:
    key = EvaluationKey(id="ab12", cell="c0ffee", task=task, **more)
    assert key.title == title
    assert name in (None, key.name)


@given(TEXTS, TEXTS, st.integers(0, 99) | st.none())
def test_whatever_is_typed_the_folder_and_the_file_stay_where_they_belong(
    task: str, adapter: str, seed: int | None
) -> None:
    cell = CellKey(id="c0ffee", task=task, adapter=adapter, seed=seed)
    evaluation = EvaluationKey(id="ab12", cell=cell.id, task=task)
    for name, made in ((cell.name, cell.id), (evaluation.name, evaluation.id)):
        assert re.fullmatch(r"(?!\.)[A-Za-z0-9_.+=-]+", name), name
        assert name.endswith(f"-{made}")


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("k8s_qa", "k8s_qa page 3"),
        ("k8s_qa@unseen_range", "k8s_qa page 3"),
        ("k8s_qa@other_prompt:level=hard", "k8s_qa page 3"),
        ("manuals_qa", "manuals_qa page 3"),
        ("lm_eval:arc_easy,limit=9", "lm_eval:arc_easy page 3"),
    ],
)
def test_groups_are_those_of_the_task_itself_in_any_wording(task: str, expected: str) -> None:
    assert cluster(task, "page 3") == expected


@given(st.dictionaries(TEXTS, st.integers() | TEXTS | st.none() | st.lists(TEXTS, max_size=2), max_size=4))
def test_an_id_depends_on_what_is_asked_and_not_on_its_order(request_: dict[str, object]) -> None:
    turned = dict(reversed(request_.items()))
    assert request_id(request_) == request_id(turned)
    assert re.fullmatch(r"[0-9a-f]{12}", request_id(request_))
    assert request_id({**request_, "one": "more"}) != request_id({**request_, "one": "other"})


def test_ids_stay_as_they_are() -> None:
    """The hash of every record ever made: a change here loses them all."""
    assert request_id({}) == "44136fa355b3"
    assert request_id({"b": [1, 2.5, None], "a": {"é": True}}) == "2dd2c98899b7"
