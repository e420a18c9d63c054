"""Scores through our task of lm-eval beside its own HFLM on the saved adapter; one set of tokens for both."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from medcot_bench.models.load import load_model, load_tokenizer
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import write
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.scoring.evaluate import EvaluationResult, evaluate_task
from medcot_bench.study.schema import Study
from medcot_bench.types import GenerationRequest


class WithoutStops:
    """A task as it is, without its stop strings."""

    def __init__(self, task: Any):
        self._task = task
        self.spec = dataclasses.replace(task.spec, stop=())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)


def make_study(fields: dict[str, Any], **changes: Any) -> Plan:
    return make_plan(Study.model_validate(fields | changes))


def without_stops(plan: Plan) -> Plan:
    tasks = {
        label: dataclasses.replace(chosen, task=WithoutStops(chosen.task)) for label, chosen in plan.tasks.items()
    }
    return dataclasses.replace(plan, tasks=tasks)


@pytest.fixture
def saved_adapter(tiny_model: Path, tmp_path: Path) -> Path:
    """A LoRA that PEFT saved, with an effect."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(3)
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(base, config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.2)
    model.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def evaluate_adapter(plan: Plan, model_folder: Path, adapter: Path, task: str) -> EvaluationResult:
    base = load_model(model_folder, quantisation="none", dtype=torch.float32, device=torch.device("cpu"))
    model = PeftModel.from_pretrained(base, str(adapter)).eval()
    encoder = Encoder(load_tokenizer(model_folder), plan.study.chat_template)
    score = next(score for score in plan.evaluations if score.task == task)
    return evaluate_task(model, encoder, plan, score)


@pytest.mark.parametrize("chat_template", [False, True])
def test_scores_equal_plain_hflm_on_the_saved_adapter(
    study_fields: dict[str, Any], tiny_model: Path, saved_adapter: Path, chat_template: bool
) -> None:
    plan = make_study(study_fields, tasks="medqa_cot", chat_template=chat_template, limit=5)
    plan = without_stops(plan)
    evaluation = evaluate_adapter(plan, tiny_model, saved_adapter, "medqa_cot")

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), str(saved_adapter))
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    plain = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=2, max_length=2048)
    encoder = Encoder(tokenizer, chat_template)
    chosen = plan.tasks["medqa_cot"]
    assert len(evaluation.samples) == 5
    for example, sample in zip(plan.items.scored("medqa_cot"), evaluation.samples, strict=True):
        written = write(chosen, encoder, example)
        options = [encoder.target(option) for option in chosen.task.options(example).values()]
        requests = [
            Instance("loglikelihood", {}, (written.prompt, text), index)
            for index, text in enumerate([written.target, *options])
        ]
        gold, *choices = [value for value, _ in plain.loglikelihood(requests, disable_tqdm=True)]
        assert sample["gold_loglikelihood"] == pytest.approx(gold, abs=1e-4)
        assert list(sample["option_loglikelihoods"].values()) == pytest.approx(choices, abs=1e-4)
        settings = {"until": [], "max_gen_toks": 8, "do_sample": False}
        request = Instance("generate_until", {}, (written.prompt, settings), 0)
        [text] = plain.generate_until([request], disable_tqdm=True)
        assert sample["prediction"] == text.strip()


def test_answers_are_generated_for_the_first_items_and_likelihoods_are_of_all(
    study_fields: dict[str, Any], tiny_model: Path, saved_adapter: Path
) -> None:
    whole, part = (
        evaluate_adapter(
            make_study(study_fields, limit=5, scoring={"max_new_tokens": 8, "generate_items": count}),
            tiny_model,
            saved_adapter,
            "k8s_qa",
        )
        for count in (None, 2)
    )
    assert (part.counts["n_answer"], part.counts["n_gold_nll"], part.counts["n_rouge_l"]) == (2, 5, 2)
    counted = [name for name in part.counts if name.startswith("n_")]
    assert counted == sorted(counted)  # whatever order this process has for sets
    for number, (more, less) in enumerate(zip(whole.samples, part.samples, strict=True)):
        assert more["gold_loglikelihood"] == less["gold_loglikelihood"]
        assert less["prediction"] == (more["prediction"] if number < 2 else None)
        assert set(less["scores"]) == (set(more["scores"]) if number < 2 else {"gold_nll"})


@pytest.mark.parametrize("chat_template", [False, True])
def test_training_and_lm_eval_see_the_same_tokens(
    study_fields: dict[str, Any], tiny_model: Path, chat_template: bool
) -> None:
    plan = make_study(study_fields, tasks="medqa_cot,k8s_qa", eval_tasks="manuals_qa")
    tokenizer = load_tokenizer(tiny_model)
    encoder = Encoder(tokenizer, chat_template)
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    plain = HFLM(pretrained=model, tokenizer=tokenizer)
    for label, chosen in plan.tasks.items():
        for example in plan.items.train(label)[:4]:
            written = write(chosen, encoder, example)
            assert encoder.pair(written.prompt, written.target) == plain._encode_pair(
                written.prompt, written.target
            )
            assert encoder.encode(written.prompt) == plain.tok_encode(written.prompt)


def test_a_stop_string_counts_only_after_text(study_fields: dict[str, Any], tiny_model: Path) -> None:
    from medcot_bench.scoring.hflm import StopRows

    tokenizer = load_tokenizer(tiny_model)
    rows = ["\n\n A", "\n\n A Pod.\n", "A Pod.\nQ"]
    ids = tokenizer(["prompt" + row for row in rows], padding=True, padding_side="left", return_tensors="pt")
    width = ids["input_ids"].shape[1] - max(len(row.encode()) for row in rows)
    stop = StopRows(tokenizer, GenerationRequest((1,), 8, stop_after_text=("\n",)).stops, width)
    padded = tokenizer(rows, padding=True, return_tensors="pt")["input_ids"]
    prompt = torch.zeros(3, width, dtype=torch.long)
    assert stop(torch.cat([prompt, padded], dim=1), None).tolist() == [False, True, True]
