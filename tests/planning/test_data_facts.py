"""What `plan`, `validate` and `run` say about the users' rows."""

from __future__ import annotations

from typing import Any

import pytest

from medcot_bench.errors import ConfigError
from medcot_bench.planning import data_facts
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
    few, share, *others = facts_of(study_fields, write_rows("rows.jsonl", rows))[2:]
    assert few == "rows: only 2 of 10 rows are scored: only differences above about 0.8 will show"
    assert share.startswith("rows: ")
    assert share.endswith("% of the tokens trained on are targets")
    assert facts_of(study_fields, write_rows("rows.jsonl", rows))[:2] == [
        "rows: 10 rows in 10 groups of 1 row",
        "rows: every answer is 'yes', a constant answer",
    ]
    assert others == ["rows: columns not used: note, x"]


def test_one_scored_row_is_said_to_show_nothing(study_fields: Fields, write_rows: Any) -> None:
    rows = [{"question": f"Which {n}?", "answer": f"a{n}"} for n in range(3)]
    assert "rows: only 1 of 3 rows is scored: too few to show any difference" in facts_of(
        study_fields, write_rows("rows.jsonl", rows)
    )


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


def test_rows_that_are_all_too_long_are_an_error(study_fields: Fields, write_rows: Any) -> None:
    rows = [{"question": f"Which {n}? " + "very " * 100, "answer": f"a{n}", "split": "train"} for n in range(250)]
    path = write_rows("rows.jsonl", [*rows, {"question": "And?", "answer": "b", "split": "eval"}])
    with pytest.raises(
        ConfigError, match=r"^task rows: every training item is longer than training\.max_length=200;"
    ):
        facts_of(study_fields, path, training={"max_length": 200})
    held = {"question": "And?", "answer": "b", "split": "eval"}
    longer = write_rows("long.jsonl", [*({**row, "question": row["question"] * 9} for row in rows[:3]), held])
    with pytest.raises(ConfigError, match="than the 2048 tokens that the model reads; shorten the rows, or take"):
        facts_of(study_fields, longer, training={"max_length": 9999})
    short = write_rows(
        "one.jsonl", [*rows, {"question": "And?", "answer": "b"}, {"question": "Or?", "answer": "c"}]
    )
    facts = facts_of(study_fields, short, training={"max_length": 200})
    assert [fact for fact in facts if "of 251 training items are longer" in fact]


def test_without_a_tokenizer_lengths_are_estimated(
    study_fields: Fields, write_rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_facts, "_token_counter", lambda plan: None)
    rows = [{"question": "Which? " + "very " * size, "answer": "a", "split": "train"} for size in (5, 400, 900)]
    path = write_rows("rows.jsonl", [*rows, {"question": "And?", "answer": "long " * 200, "split": "eval"}])
    facts = facts_of(study_fields, path, training={"max_length": 300})
    beside = "training.max_length=300 (overlong: drop), by 4 characters per token"
    assert f"rows: about 2 of 3 training items are longer than {beside}" in facts
    generated = "the 8 tokens that are generated (scoring.max_new_tokens), by 4 characters per token"
    assert f"rows: about 1 of 1 answers to score are longer than {generated}" in facts


def test_answers_longer_than_what_is_generated_are_counted(study_fields: Fields, write_rows: Any) -> None:
    rows = [
        {"question": f"Which {n}?", "answer": "long " * size, "split": "eval"} for n, size in enumerate((2, 90))
    ]
    path = write_rows("rows.jsonl", [*rows, {"question": "And?", "answer": "b", "split": "train"}])
    said = (
        "rows: 1 of 2 answers to score are longer than the 64 tokens that are generated (scoring.max_new_tokens)"
    )
    assert said in facts_of(study_fields, path, scoring={"max_new_tokens": 64})
    assert not [
        fact for fact in facts_of(study_fields, path, scoring={"max_new_tokens": 999}) if "generated" in fact
    ]


def test_items_that_a_task_makes_itself_are_not_described(study_fields: Fields) -> None:
    plan = make_plan(Study.model_validate({**study_fields, "tasks": "kubectl", "data": {}}))
    assert [*describe_data(plan)] == []
