"""A run with prompting baselines: rows in the tables, nothing trained or scored anew for them."""

from __future__ import annotations

from typing import Any

import pytest

import medcot_bench

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_workers")]


def test_baselines_come_to_a_study_without_anything_else_being_made_again(study_fields: dict[str, Any]) -> None:
    scoring = study_fields["scoring"] | {"max_new_tokens": 4}
    fields = study_fields | {"tasks": "k8s_qa", "eval_tasks": "medqa_cot", "limit": 2, "scoring": scoring}
    first = medcot_bench.run(fields)
    scores = {path: path.stat().st_mtime_ns for path in first.root.glob("cells/*/scores/*.json")}
    results = medcot_bench.run(fields | {"baselines": "zero_shot,few_shot=1,cot,no_context"})
    made = {path: path.stat().st_mtime_ns for path in results.root.glob("cells/*/scores/*.json")}
    assert {path: made[path] for path in scores} == scores
    assert len(made) == len(scores) + 2 + 2 + 1
    rows = {cell.row: cell for cell in results.cells}
    assert list(rows) == ["none", "none (few_shot=1)", "none (cot)", "none (no_context)", "lora"]
    assert rows["none (no_context)"].evaluations["k8s_qa"].form == {"context": "none", "answer": "text"}
    assert rows["none (few_shot=1)"].evaluations["k8s_qa"].form == rows["none"].evaluations["k8s_qa"].form
    samples = results.samples(rows["none (cot)"], "k8s_qa")
    assert samples != results.samples(rows["none"], "k8s_qa")
    frame = results.to_pandas()
    assert set(frame["method"]) == set(rows)

    board = (results.root / "leaderboard.md").read_text()
    assert "## Is training needed at all?" in board
    assert "| none (few_shot=1)" in board
    assert "medqa_cot: no baseline no_context: its prompts have no context" in board

    plain = medcot_bench.run(fields | {"scoring": scoring | {"num_fewshot": 1}, "adapters": "none"})
    (base,) = plain.cells
    assert base.evaluations["k8s_qa"] == rows["none (few_shot=1)"].evaluations["k8s_qa"]  # one record serves both
