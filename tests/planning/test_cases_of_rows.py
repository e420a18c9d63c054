"""Whole files of rows that were planned wrongly: grouping, splits, labels in prompts."""

from __future__ import annotations

from typing import Any

import pytest
from cases import find_case

from medcot_bench.errors import ConfigErrors
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.study.schema import Study

Fields = dict[str, Any]


def plan_case(fields: Fields, name: str, file: str = "rows.jsonl", **own: Any) -> Plan:
    task = {"own": {"rows": {"data": str(find_case(name) / file), **own}}, "tasks": "rows", "data": {}}
    return make_plan(Study.model_validate({**fields, **task, "adapters": "none,lora"}))


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("labels_in_prompt", (24, 4, 12)),
        ("same_question_context_split", (24, 4, 12)),
        ("operators", (20, 0, 20)),
        ("plain", (24, 4, 12)),
    ],
)
def test_every_row_of_a_file_with_splits_is_kept(study_fields: Fields, name: str, counts: tuple[int, ...]) -> None:
    data = plan_case(study_fields, name).data["rows"]
    assert tuple(map(len, data.splits.values())) == counts
    assert data.left_out == {}


@pytest.mark.parametrize(("name", "groups"), [("same_question_context", 40), ("emoji_questions", 20)])
def test_questions_that_differ_in_context_or_signs_are_groups_of_their_own(
    study_fields: Fields, name: str, groups: int
) -> None:
    splits = plan_case(study_fields, name).data["rows"].splits.values()
    assert len({example.group for examples in splits for example in examples}) == groups


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("one_group", "no item to score in 'eval'; 40 rows in 1 group,"),
        ("one_row", "no item to score in 'eval'; 1 row in 1 group,"),
    ],
)
def test_too_few_groups_are_counted(study_fields: Fields, name: str, counted: str) -> None:
    with pytest.raises(ConfigErrors, match=counted):
        plan_case(study_fields, name)


def test_of_three_rows_one_is_scored(study_fields: Fields) -> None:
    data = plan_case(study_fields, "three_rows").data["rows"]
    assert {split: len(found) for split, found in data.splits.items()} == {"train": 2, "validation": 0, "eval": 1}


def test_labels_that_the_prompt_lists_are_planned(study_fields: Fields) -> None:
    prompt = "Review: {question}\nIs it positive, negative or neutral?\nLabel:"
    assert plan_case(
        study_fields, "labels_in_prompt", "reviews.csv", question="text", answer="label", prompt=prompt
    ).cells
