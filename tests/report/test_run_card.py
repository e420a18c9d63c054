"""The card of one training run: its own scores alone, as huggingface_hub reads them, and how to load it."""

from __future__ import annotations

import ast
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import eval_results_to_model_index
from planted import TRAIN, Made, answers, write

from medcot_bench.errors import ConfigError
from medcot_bench.report.run_card import write_run_card
from medcot_bench.results.cell_result import CellResult
from medcot_bench.results.folder import Results, load

GOLDEN = Path(__file__).parent / "golden" / "run.card.md"
RECIPE = {"recipe": {"lr": 2e-4}, "prompt": {"chat_template": True, "system_prompt": ""}}
HUB = {"name": "org/base@main", "origin": "hub, revision 0123", "digest": "hub:org/base@0123abc"}


def scores(mean: float) -> dict[str, dict[str, dict[str, float]]]:
    values = {"answer": answers(1, mean, 0, 0), "gold_nll": answers(1, 2, 3, 4)}
    return {"k8s_qa": values, "manuals_qa": {"answer": answers(1, 1, mean, mean)}}


STUDY = [
    Made(adapter="none", seed=None, task=None, scores=scores(0), update="none"),
    Made(adapter="lora", scores=scores(0.5), request=RECIPE, update="low_rank", train=TRAIN),
    Made(adapter="lora", seed=1, scores=scores(1), request=RECIPE, update="low_rank"),
    Made(adapter="full", scores=scores(0.25), request=RECIPE, update="full"),
    Made(adapter="qlora", request={"base": {"quantisation": "nf4"}}, update="low_rank"),
    Made(adapter="ia3", train=None),
]


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return load(write(tmp_path, *STUDY))


def run(results: Results, name: str, seed: int | None = 0, **changes: Any) -> CellResult:
    cell = next(one for one in results.cells if (one.row, one.cell.seed) == (name, seed))
    assert cell.record
    return replace(cell, record=replace(cell.record, **changes))


def code_of(card: str) -> str:
    (code,) = re.findall(r"^```python\n(.*?)^```$", card, re.DOTALL | re.MULTILINE)
    ast.parse(code)
    return str(code)


def test_it_is_the_golden_one(results: Results) -> None:
    card = write_run_card(results, run(results, "lora"), "apache-2.0")
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(card, encoding="utf-8")
    assert card == GOLDEN.read_text(encoding="utf-8")


def test_huggingface_hub_reads_the_scores_of_this_run_alone(results: Results) -> None:
    card = ModelCard(write_run_card(results, run(results, "lora"), "apache-2.0"))
    found = {(one.dataset_name, one.metric_type): one for one in card.data.eval_results}
    assert {key: one.metric_value for key, one in found.items()} == {
        ("k8s_qa[file:k8s_qa.jsonl]", "answer"): 0.375,
        ("k8s_qa[file:k8s_qa.jsonl]", "gold_nll"): 2.5,
        ("manuals_qa[file:manuals_qa.jsonl]", "answer"): 0.75,
    }
    answer = found["manuals_qa[file:manuals_qa.jsonl]", "answer"]
    assert (answer.dataset_type, answer.metric_name) == ("medcot-bench/manuals_qa", "answer")
    assert answer.metric_args == {"stderr": 0.25, "items": 4, "groups": 2}  # groups have means 1 and 0.5
    assert found["k8s_qa[file:k8s_qa.jsonl]", "gold_nll"].metric_name == "gold_nll (lower is better)"
    index = eval_results_to_model_index(card.data.model_name, card.data.eval_results)
    assert index == card.data.to_dict()["model-index"]
    assert (card.data.license, card.data.library_name, card.data.pipeline_tag) == (
        *("apache-2.0", "peft"),
        "text-generation",
    )


@pytest.mark.parametrize(
    ("name", "whole", "library", "relation"),
    [
        ("lora", False, "peft", "adapter"),
        ("lora", True, "transformers", "finetune"),
        ("full", False, "transformers", "finetune"),
    ],
)
def test_it_says_what_it_is_to_a_base_model_of_the_hub(
    results: Results, name: str, whole: bool, library: str, relation: str
) -> None:
    card = ModelCard(write_run_card(results, run(results, name, base=HUB), None, whole=whole))
    data = card.data.to_dict()
    assert (data["base_model"], data["base_model_relation"], data["library_name"]) == (
        "org/base",
        relation,
        library,
    )
    assert data["license"] == "unknown"
    assert "Licence: unknown." in card.text
    code = code_of(card.text)
    assert ('"org/base", revision="0123abc"' in code) == (library == "peft")
    assert ("PeftModel" in code) == (library == "peft")


def test_the_base_model_of_qlora_is_loaded_in_4_bits(results: Results) -> None:
    code = code_of(write_run_card(results, run(results, "qlora"), None))
    assert 'bnb_4bit_quant_type="nf4"' in code
    assert "quantization_config=quantised" in code


def test_an_adapter_that_peft_can_t_load_is_not_said_to_be_one_of_peft(results: Results) -> None:
    saved = {"scales.safetensors": object()}
    card = write_run_card(results, run(results, "lora", saved=saved), None)
    assert "```python" not in card
    assert "Only its adapter plugin can load it" in card
    assert "library_name" not in ModelCard(card).data.to_dict()


def test_the_place_of_a_local_base_model_is_not_told(results: Results) -> None:
    base = {"name": "/models/private/llama", "origin": "folder", "digest": "sha256:0"}
    card = write_run_card(results, run(results, "lora", base=base), None)
    assert "private" not in card
    assert "llama" in card


@pytest.mark.parametrize(
    ("name", "path", "digest", "title", "library"),
    [
        ("full", "/models/private/tuned", "sha256:1", "tuned, external model", "transformers"),
        ("full", "org/tuned", "hub:org/tuned@4567", "org/tuned, external model", "transformers"),
        ("peft", "/models/private/half", "sha256:1", "half, external adapter", "peft"),
    ],
)
def test_an_external_model_is_not_said_to_be_made_of_the_base(
    results: Results, name: str, path: str, digest: str, title: str, library: str
) -> None:
    asked = {"adapter": {"name": name, "weights": digest}}
    external: dict[str, Any] = {"adapter": f"{name}:path={path}", "task": None, "update": "none", "request": asked}
    card = ModelCard(write_run_card(results, run(results, "lora", base=HUB, **external), "apache-2.0"))
    assert f"# org/base, {title}\n" in card.text
    assert "private" not in card.content
    assert "Fine-tuned" not in card.text
    assert "Licence: unknown. Check it before you publish." in card.text
    assert "How it was trained is not known here." in card.text
    data = card.data.to_dict()
    assert (data["library_name"], data["license"]) == (library, "unknown")
    assert ("base_model" in data) == ("PeftModel" in code_of(card.text)) == (library == "peft")


def test_weights_that_were_trained_again_are_said_to_be(results: Results) -> None:
    card = write_run_card(results, run(results, "lora", retrained_loss=9.0), None)
    assert "weights that were trained again, to a loss of 9.0 after 2.0" in card


@pytest.mark.parametrize(
    ("name", "seed", "said"),
    [("none", None, "is the base model, whose card is its own"), ("ia3", 0, "is not trained")],
)
def test_what_has_no_card_is_one_line(results: Results, name: str, seed: int | None, said: str) -> None:
    cell = next(one for one in results.cells if one.row == name)
    with pytest.raises(ConfigError, match=said):
        write_run_card(results, cell, None)


def test_a_task_s_own_items_are_never_a_public_benchmark(results: Results) -> None:
    tasks = {"MedQA": replace(results.plan.tasks["k8s_qa"], source="bundled-v1")}
    cell = run(results, "lora")
    cell = replace(cell, evaluations={"MedQA": cell.evaluations["k8s_qa"]}, keys={})
    board = replace(results, plan=replace(results.plan, tasks=tasks))
    with pytest.raises(ConfigError, match="called after a public benchmark"):
        write_run_card(board, cell, None)


@pytest.mark.parametrize(
    "hostile", ["---\nlicense: mit", "<script>alert(1)</script>", "```\nrm", "# x\n\n# y", "{{x}} [a](b)"]
)
def test_names_act_on_nothing(results: Results, hostile: str) -> None:
    base = {"name": hostile, "origin": hostile, "digest": f"sha256:{hostile}"}
    card = ModelCard(write_run_card(results, run(results, "lora", adapter=hostile, base=base), None))
    assert card.data.license == "unknown"
    assert "<script>" not in card.text
    assert card.text.count("```") == 2
    titles = [line for line in card.text.splitlines() if line.startswith("#")]
    assert len(titles) == 6
