"""Solved examples that come from the documents that are scored are marked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from medcot_bench.scoring.lm_eval_shots import mark_shots

SCORED = "its solved examples come from the split that is scored"


class Task:
    """What is asked of a task of lm-eval."""

    def __init__(self, shots: int = 2, split: str | None = None, samples: Any = None, **splits: str):
        names = ("training_split", "validation_split", "test_split")
        self.config = SimpleNamespace(**{name: splits.get(name) for name in names})
        self.fewshot_cfg = SimpleNamespace(split=split, samples=samples)
        self._shots = shots

    def get_config(self, key: str) -> Any:
        return {"num_fewshot": self._shots}[key]

    def has_test_docs(self) -> bool:
        return self.config.test_split is not None

    def doc_to_text(self, doc: dict[str, str]) -> str:
        return f"Q: {doc['q']}\nA:"


def marks(task: Task, *prompts: str) -> list[str]:
    rows = [{"doc_id": n, "doc": {"q": str(n)}, "arguments": [(prompt, {})]} for n, prompt in enumerate(prompts)]
    return [*mark_shots({"pipes": task}, {"pipes": rows})]


@pytest.mark.parametrize(
    "task",
    [
        Task(test_split="test"),
        Task(validation_split="validation"),
        Task(split="test", test_split="test", training_split="train"),
    ],
)
def test_examples_of_the_scored_split_are_marked(task: Task) -> None:
    assert marks(task, "Q: 1\nA: red\n\nQ: 0\nA:") == [f"pipes: {SCORED}"]


@pytest.mark.parametrize(
    "task",
    [
        Task(shots=0, test_split="test"),
        Task(test_split="test", training_split="train"),
        Task(test_split="test", validation_split="validation"),
        Task(split="train", test_split="test"),
        Task(samples=[{"q": "9"}], test_split="test"),
    ],
)
def test_examples_of_another_split_are_not(task: Task) -> None:
    assert marks(task, "Q: 1\nA: red\n\nQ: 0\nA:") == []


def test_prompts_that_hold_their_own_answer_are_counted() -> None:
    own, other = "Q: 0\nA: red\n\nQ: 0\nA:", "Q: 0\nA: red\n\nQ: 1\nA:"
    assert marks(Task(test_split="test"), own, other) == [f"pipes: {SCORED}; 1 of 2 prompts hold their own answer"]
