"""Leaks are refused before anything is trained; labels and spans are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medcot_bench.errors import ConfigErrors
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.study.schema import Study

Fields = dict[str, Any]
LABELS = ["positive", "negative", "neutral"]
SPLITS = ["train", "train", "eval"]


def plan_of(fields: Fields, path: Path, **changes: Any) -> Plan:
    own = {"own": {"rows": {"data": str(path), **changes.pop("own", {})}}, "tasks": "rows", "data": {}}
    return make_plan(Study.model_validate({**fields, **own, "adapters": "none,lora", **changes}))


@pytest.fixture
def leaky(write_rows: Any) -> Path:
    rows = [
        {"question": f"Which code has {n}?\nAnswer: river {n}", "answer": f"river {n}", "split": SPLITS[n % 3]}
        for n in range(30)
    ]
    return Path(write_rows("rows.jsonl", rows))


def test_a_leak_is_refused_with_an_example_and_what_to_do(study_fields: Fields, leaky: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        plan_of(study_fields, leaky)
    [error] = caught.value.errors
    assert error.startswith(
        "task rows: 30 of 30 prompts give their own target away, 1.0 expected by the prompts of "
    )
    assert "e.g. item '" in error
    assert error.endswith("mend the prompt or the columns, or --set scoring.leak_gate=mark if it is meant")
    assert caught.value.exit_code == 2


def test_where_the_user_knows_better_the_ids_are_those_of_any_study(study_fields: Fields, leaky: Path) -> None:
    plan = plan_of(study_fields, leaky, scoring={"leak_gate": "mark"})
    assert plan.cells
    assert "leak_gate" not in str([score.request for score in plan.evaluations])


def test_labels_in_the_prompt_and_spans_of_the_input_are_planned(study_fields: Fields, write_rows: Any) -> None:
    alpaca = [
        {
            "instruction": "Is this review positive, negative or neutral?",
            "input": f"The lamp {n} was so.",
            "output": LABELS[n % 3],
            "split": SPLITS[n // 3 % 3],
        }
        for n in range(36)
    ]
    reviews = [{"text": row["input"], "label": row["output"], "split": row["split"]} for row in alpaca]
    spans = [row | {"instruction": "Name the number.", "output": f"{n}"} for n, row in enumerate(alpaca)]
    assert plan_of(study_fields, write_rows("alpaca.jsonl", alpaca)).cells
    assert plan_of(study_fields, write_rows("spans.jsonl", spans)).cells
    prompt = "Review: {question}\nIs it positive, negative or neutral?\nLabel:"
    named = {"question": "text", "answer": "label", "prompt": prompt}
    assert plan_of(study_fields, write_rows("reviews.jsonl", reviews), own=named).cells


def test_a_leak_of_the_rows_to_score_is_refused_however_many_clean_ones_are_trained_on(
    study_fields: Fields, write_rows: Any
) -> None:
    clean = [{"question": f"Which code has {n}?", "answer": f"river {n}", "split": "train"} for n in range(200)]
    leaky = [
        {"question": f"Which lamp has {n}?\nAnswer: stone {n}", "answer": f"stone {n}", "split": "eval"}
        for n in range(19)
    ]
    with pytest.raises(ConfigErrors, match="19 of 19 prompts give their own target away"):
        plan_of(study_fields, write_rows("rows.jsonl", [*clean, *leaky]))
