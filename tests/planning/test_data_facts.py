"""What `plan`, `validate` and `run` say about the users' rows."""

from __future__ import annotations

from typing import Any

import pytest

from medcot_bench.planning.build import make_plan
from medcot_bench.planning.data_facts import describe_data
from medcot_bench.study.schema import Study

Fields = dict[str, Any]


def facts_of(fields: Fields, path: Any, **changes: Any) -> list[str]:
    own = {"own": {"rows": {"data": str(path)}}, "tasks": "rows", "data": {}, "adapters": "none,lora"}
    return [*describe_data(make_plan(Study.model_validate({**fields, **own, **changes})))]


def test_rows_are_described_in_one_line_each(study_fields: Fields, write_rows: Any) -> None:
    rows = [
        {"question": f"Which {n}?", "answer": "yes", "split": "eval" if n > 7 else "train", "note": "n", "x": 1}
        for n in range(10)
    ]
    share, *others = facts_of(study_fields, write_rows("rows.jsonl", rows))[2:]
    assert share.startswith("rows: ")
    assert share.endswith("% of the tokens trained on are targets")
    assert facts_of(study_fields, write_rows("rows.jsonl", rows))[:2] == [
        "rows: 10 rows in 10 groups of 1 row",
        "rows: every answer is 'yes', a constant answer",
    ]
    assert others == ["rows: columns not used: note, x"]


@pytest.mark.parametrize("word", ["very ", "节点"])
def test_rows_longer_than_allowed_are_counted(study_fields: Fields, write_rows: Any, word: str) -> None:
    rows = [
        {"question": f"Which {n}? " + word * (400 if n < 3 else 1), "answer": f"a{n}", "split": "train"}
        for n in range(9)
    ]
    path = write_rows("rows.jsonl", [*rows, {"question": "And?", "answer": "b", "split": "eval"}])
    facts = facts_of(study_fields, path, training={"max_length": 200})
    assert "rows: 3 of 9 training items are longer than training.max_length=200 (overlong: drop)" in facts
    assert not [fact for fact in facts_of(study_fields, path) if "longer" in fact and "=1024" not in fact]


def test_items_that_a_task_makes_itself_are_not_described(study_fields: Fields) -> None:
    plan = make_plan(Study.model_validate({**study_fields, "tasks": "kubectl", "data": {}}))
    assert [*describe_data(plan)] == []
