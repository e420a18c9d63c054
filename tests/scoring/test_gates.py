"""The known trap and the gates that stop it (the evaluation of arXiv 2510.05003)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from medcot_bench import Example, Target
from medcot_bench.errors import GateError
from medcot_bench.models.load import load_tokenizer
from medcot_bench.models.tokenization import Encoder
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.scoring.evaluate import evaluate_task
from medcot_bench.scoring.gates import check_predictions, check_prompts
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
    with pytest.raises(GateError, match="the prompt holds the target in 3 of 3 items"):
        evaluate_task(model, encoder, plan, plan.evaluations[0])


def example(**fields: Any) -> Example:
    return Example(**{"id": "1", "group": "1", "question": "Which unit?", "answer": "the blue pump"} | fields)


def test_an_answer_may_stand_in_the_context_and_is_counted_there() -> None:
    item = example(context="Start the blue pump first.")
    prompt = "Documentation:\nStart  the blue\npump first.\n\nQuestion: Which unit?\nAnswer:"
    leak = check_prompts([(item, Target("the blue pump"), prompt)], context_given=True)
    assert (leak.leaked, leak.extractive) == (0, 1)


def test_an_answer_beside_the_context_leaks() -> None:
    item = example(context="Start the blue pump first.")
    prompt = "Start the blue pump first. The BLUE pump! Which unit?"
    with pytest.raises(GateError, match="1 of 1 item, the first is '1'"):
        check_prompts([(item, Target("The blue pump."), prompt)], context_given=True)


def test_an_option_may_stand_among_the_options_only() -> None:
    item = example(options={"A": "the blue pump", "B": "the valve"})
    fair = "Which unit?\nA. the blue pump\nB. the valve\nAnswer:"
    assert check_prompts([(item, Target("Answer: A"), fair)], context_given=False).leaked == 0
    with pytest.raises(GateError):
        check_prompts([(item, Target("Answer: A"), f"{fair} Answer: A\nAnswer:")], context_given=False)


def test_a_few_short_answers_in_their_questions_are_counted_not_fatal() -> None:
    items = [(example(id=str(n)), Target("the blue pump"), "Which unit? Answer:") for n in range(3)]
    items.append((example(id="x", answer="Pod"), Target("Pod"), "Is it a Pod or a Node? Answer:"))
    assert check_prompts(items, context_given=False).leaked == 1


def test_the_answer_of_an_item_with_reasoning_leaks_too() -> None:
    prompt = "Which unit?\nAnswer: B\nReasoning:"
    with pytest.raises(GateError, match="1 of 1 item"):
        check_prompts([(example(), Target("Answer: B", "It pumps."), prompt)], context_given=False)


def test_a_context_that_the_prompt_does_not_give_excuses_nothing() -> None:
    item = example(context="Start the blue pump first.")
    prompt = "Hint: the blue pump. Which unit?"
    with pytest.raises(GateError, match="1 of 1 item"):
        check_prompts([(item, Target("the blue pump"), prompt)], context_given=False)
    closed_book = check_prompts([(item, Target("the blue pump"), "Which unit?")], context_given=False)
    assert (closed_book.leaked, closed_book.extractive) == (0, 0)


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
