"""The known trap and the gates that stop it (the evaluation of arXiv 2510.05003)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from medcot_bench import Example
from medcot_bench.errors import GateError
from medcot_bench.models.load import load_tokenizer
from medcot_bench.models.tokenization import Encoder
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.leak_gate import find_leaks
from medcot_bench.planning.plan import Plan
from medcot_bench.scoring.evaluate import evaluate_task
from medcot_bench.scoring.gates import check_predictions, mark_unread
from medcot_bench.scoring.rouge import Rouge, RougeL
from medcot_bench.study.schema import Study
from medcot_bench.testing.tiny import make_tiny_model


class Leaky:
    """A task whose prompt holds the reference, as in the paper's notebook."""

    def __init__(self, task: Any):
        self._task = task
        self.spec = task.spec

    def prompt(self, example: Example, template: str) -> str:
        target = self._task.target(example)
        return f"{self._task.prompt(example, template)} {target.reasoning} {target.answer}\nAgain:"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)


def leaky_plan(fields: dict[str, Any]) -> Plan:
    plan = make_plan(
        Study.model_validate(
            fields | {"tasks": ("medqa_cot",), "scoring": {"split": "train", "max_new_tokens": 24}}
        )
    )
    chosen = plan.tasks["medqa_cot"]
    return dataclasses.replace(plan, tasks={"medqa_cot": dataclasses.replace(chosen, task=Leaky(chosen.task))})


@torch.no_grad()
def rouge_with_the_prompt_left_in(folder: Path, plan: Plan) -> list[Rouge]:
    """What the notebook computes: the decoded prompt and continuation against the reference."""
    tokenizer = load_tokenizer(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    chosen, metric, scores = plan.tasks["medqa_cot"], RougeL(), []
    for example in plan.items.scored("medqa_cot"):
        prompt = chosen.task.prompt(example, "default")
        ids = tokenizer(prompt, return_tensors="pt")
        output = model.generate(**ids, max_new_tokens=12, do_sample=False, pad_token_id=tokenizer.pad_token_id)
        text = tokenizer.decode(output[0], skip_special_tokens=True)
        scores.append(metric.one(text, str(chosen.task.target(example).reasoning)))
    return scores


def test_the_trap_scores_two_random_models_alike_and_the_gate_stops_it(
    study_fields: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    plan = leaky_plan(study_fields)
    other = make_tiny_model(tmp_path / "other", seed=1)
    first = rouge_with_the_prompt_left_in(tiny_model, plan)
    second = rouge_with_the_prompt_left_in(other, plan)
    assert all(score.recall == 1.0 for score in first + second)
    mean = [sum(score.f1 for score in scores) / len(scores) for scores in (first, second)]
    assert mean[0] == pytest.approx(mean[1], abs=0.02)
    assert mean[0] > 0.2

    encoder = Encoder(load_tokenizer(tiny_model))
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    [refused] = find_leaks(plan)
    assert "12 of 12 prompts give their own target away" in refused
    marked = dataclasses.replace(plan, study=plan.study.model_copy(update={"limit": 12}))
    [mark, *_] = evaluate_task(model, encoder, marked, marked.evaluations[0]).marks
    assert mark.startswith("12 of 12 prompts give their own target away")


def test_right_answers_that_would_be_cut_off_are_marked(study_fields: dict[str, Any], tiny_model: Path) -> None:
    plan = make_plan(Study.model_validate({**study_fields, "limit": 3, "scoring": {"max_new_tokens": 1}}))
    encoder = Encoder(load_tokenizer(tiny_model))
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    marks = evaluate_task(model, encoder, plan, plan.evaluations[0]).marks
    assert "3 of 3 right answers are longer than the 1 tokens that are generated (scoring.max_new_tokens)" in marks


def test_predictions_that_begin_with_their_prompts_fail_and_a_few_are_marked() -> None:
    left_in = [(str(n), "Question: which unit?", "Question: Which unit?\n the blue pump") for n in range(2)]
    with pytest.raises(GateError, match="2 of 2 predictions begin with their prompt, the first is '0'"):
        check_predictions(left_in, [])
    fair = [(str(n), "Question: which unit?", "the blue pump") for n in range(2, 5)]
    assert check_predictions([*left_in, *fair], []) == ["2 of 5 predictions repeat their prompt"]


def test_recall_of_one_throughout_is_marked_unless_the_texts_are_equal() -> None:
    predictions = [("1", "Which?", "a long text that holds the blue pump")]
    assert check_predictions(predictions, [Rouge(0.3, 1.0, 0.46)]) == [
        "every prediction holds its whole reference"
    ]
    assert check_predictions(predictions, [Rouge(1.0, 1.0, 1.0)]) == []
    assert check_predictions(predictions, [Rouge(0.3, 0.9, 0.45)]) == []


def test_where_hardly_any_answer_can_be_read_an_example_is_shown() -> None:
    lost = [("", False), ("The patient\nis fine." + "x" * 200, False), *[("?", False)] * 19]
    (mark,) = mark_unread(lost)
    assert mark.startswith(
        "an answer could be read from 0 of 21 predictions; the first that could not: 'The patient is fine.x"
    )
    assert len(mark) < 200
    assert mark_unread([("", False)]) == ["an answer could be read from 0 of 1 predictions; all are empty"]
    assert mark_unread([*lost, ("B", True)])[0].startswith("an answer could be read from 1 of 22 predictions")
    assert mark_unread([*lost, *[("B", True)] * 2]) == []
    assert mark_unread([]) == []
