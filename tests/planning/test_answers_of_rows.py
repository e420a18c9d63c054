"""Rows whose answers are signs, numbers, other scripts or hold stop strings: golds score 1, other answers less."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from cases import find_case

from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.scoring.item_scores import cut
from medcot_bench.study.schema import Study
from medcot_bench.types import SPLITS

OWN = {
    "signs": ["👍", "👎"],
    "operators": ["+", "-", "*", "/", ">=", "<", "==", "!="],
    "scripts": ["重启节点", "检查日志", "再起動", "รีสตาร์ท"],
    "numbers": ["0.50", "-0.50", "1,050", "1.05"],
    "quizzes": ["Here it is.\nQuestion: which?\nAnswer: this one", "Here.\nQ: who?"],
    "lines": ["line 0\r\nline b", "line 1\r\nline b"],
}


def planned(rows: Path, model: Path) -> Plan:
    study = {"model": str(model), "adapters": "none,lora", "tasks": "rows", "own": {"rows": {"data": str(rows)}}}
    return make_plan(Study.model_validate(study))


def check(plan: Plan) -> None:
    task, data = plan.tasks["rows"].task, plan.data["rows"]
    by_answer = {item.answer: item for split in SPLITS for item in data.splits[split]}
    assert len(by_answer) > 1
    for one, other in product(by_answer.values(), repeat=2):
        scores = task.score(one, cut(task.target(other).text, task.spec.stop))
        if one is other:
            assert scores == {"answer": 1, "exact": 1}, one
        else:
            assert scores["exact"] == 0, (one, other)
            assert scores["answer"] != 1, (one, other)


@pytest.mark.parametrize("name", OWN)
def test_answers_are_right_by_themselves_alone(name: str, tmp_path: Path, tiny_model: Path) -> None:
    answers = OWN[name]
    rows = [
        {"question": f"About topic {n}?\r\nPlease.", "answer": answers[n % len(answers)], "split": split}
        for n, split in enumerate(["train", "eval"] * 8)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    plan = planned(path, tiny_model)
    check(plan)
    found = {item.answer for split in SPLITS for item in plan.data["rows"].splits[split]}
    assert found == set(answers)  # line ends within them too


@pytest.mark.parametrize(
    "name", ["symbol_answers", "chinese", "numbers_decimal", "question_in_answer", "crlf_answers"]
)
def test_answers_of_the_cases_are_right_by_themselves_alone(name: str, tiny_model: Path) -> None:
    check(planned(find_case(name) / "rows.jsonl", tiny_model))
