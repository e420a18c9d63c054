"""One run with every adapter: what it leaves on disk, and that the saved models are what was scored."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

import medcot_bench
from medcot_bench import Results
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import write
from medcot_bench.planning.build import make_plan
from medcot_bench.report.notes import UNCHANGED
from medcot_bench.testing.tiny import make_tiny_model

pytestmark = pytest.mark.slow
SECRET = "hf_no_record_may_hold_this"
ADAPTERS = "none,full,full:select=top,k=1,lora,layer_lora:k=1,qlora"


@pytest.fixture(scope="module")
def fields(tiny_model: Path, examples: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return {
        "model": str(tiny_model),
        "tasks": "medqa_cot,k8s_qa",
        "eval_tasks": "manuals_qa",
        "adapters": ADAPTERS,
        "data": {name: f"file:{examples / name}.jsonl" for name in ("medqa_cot", "k8s_qa", "manuals_qa")},
        "training": {"max_steps": 20, "batch_size": 4, "lr": 3e-3},
        "scoring": {"max_new_tokens": 8},
        "limit": 4,
        "keep_weights": "all",
        "threads": 2,
        "output_dir": str(tmp_path_factory.mktemp("all") / "out"),
    }


@pytest.fixture(scope="module")
def results(fields: dict[str, Any]) -> Results:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", SECRET)
        return medcot_bench.run(fields)


def test_every_cell_is_trained_and_scored_on_every_task(results: Results) -> None:
    assert len(results.cells) == 1 + 5 * 2
    for cell in results.cells:
        assert cell.failure is None
        assert set(cell.evaluations) == {"medqa_cot", "k8s_qa", "manuals_qa"}
        relations = {task: score.relation for task, score in cell.evaluations.items()}
        if cell.cell.task is None:
            assert set(relations.values()) == {"base"}
        else:
            assert relations.pop(cell.cell.task) == "same_task"
            assert set(relations.values()) == {"shift"}


def test_training_lowers_the_loss_and_costs_are_recorded(results: Results) -> None:
    for cell in results.cells:
        record = cell.record
        assert record is not None
        if cell.cell.task is None:
            assert record.training.steps == 0
            assert record.divergence is None
            continue
        assert record.training.steps == 20
        assert record.training.first_loss is not None
        assert record.training.final_loss is not None
        assert record.training.final_loss < record.training.first_loss
        assert record.phases["measure"].seconds > 0
        assert record.phases["train"].tokens == record.training.tokens > 0
        assert record.bytes["gradients"] == record.bytes["trained"] == 4 * record.trainable_parameters
        assert record.bytes["states"] >= 2 * record.bytes["trained"]  # AdamW's two moments
        assert record.phases["train"].peak_bytes >= record.bytes["weights"]
        assert record.adapter_bytes > 0
        assert record.divergence is not None
        assert record.divergence.kl > 0


@pytest.mark.parametrize("adapter", ["lora", "qlora"])
def test_in_bfloat16_an_untrained_model_is_at_no_distance_and_a_trained_one_at_some(
    study_fields: dict[str, Any], tmp_path: Path, adapter: str
) -> None:
    folder = make_tiny_model(tmp_path / "base", hidden_size=64)
    fields = study_fields | {"model": str(folder), "dtype": "bfloat16", "limit": 2}
    fields["training"] |= {"lr": 1e-2}
    untrained, trained = medcot_bench.run(fields | {"adapters": f"{adapter}:max_steps=0,{adapter}"}).cells
    assert untrained.record is not None
    assert untrained.record.divergence is not None
    assert trained.record is not None
    assert trained.record.divergence is not None
    # In 4 bits and bfloat16 two passes of one model were seen to differ by 1e-8, once in many runs.
    assert abs(untrained.record.divergence.kl) <= {"lora": 0.0, "qlora": 1e-6}[adapter]
    assert trained.record.divergence.kl > 1e-4


def test_equal_budgets_for_all_adapters(results: Results) -> None:
    for task in ("medqa_cot", "k8s_qa"):
        budgets = {
            (cell.record.training.tokens, cell.record.training.target_tokens)
            for cell in results.cells
            if cell.cell.task == task and cell.record
        }
        assert len(budgets) == 1


def saved(fields: dict[str, Any], adapter: str, task: str) -> Path:
    slug = adapter.replace(":select=", ".").replace(":", ".").replace(",", ".").replace("k=", "k")
    [folder] = Path(fields["output_dir"]).glob(f"cells/{task}__{slug}__s0-*/adapter")
    return folder


def reload(fields: dict[str, Any], adapter: str, task: str) -> Any:
    """Load a saved model with transformers and PEFT alone."""
    folder = saved(fields, adapter, task)
    if adapter.startswith("full"):
        return AutoModelForCausalLM.from_pretrained(folder)
    quantised: dict[str, Any] = {}
    if adapter == "qlora":
        quantised["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.float32,
        )
        quantised["device_map"] = {"": "cpu"}
    base = AutoModelForCausalLM.from_pretrained(fields["model"], dtype=torch.float32, **quantised)
    return PeftModel.from_pretrained(base, str(folder))


@pytest.mark.parametrize("adapter", ["full", "full:select=top,k=1", "lora", "layer_lora:k=1", "qlora"])
def test_a_saved_model_loads_without_us_and_gives_the_recorded_likelihoods(
    fields: dict[str, Any], results: Results, adapter: str
) -> None:
    model = reload(fields, adapter, "k8s_qa").eval()
    tokenizer = AutoTokenizer.from_pretrained(fields["model"])
    plan = make_plan(medcot_bench.Study.model_validate(fields))
    [cell] = [c for c in results.cells if (c.cell.adapter, c.cell.task) == (adapter, "k8s_qa")]
    for example, sample in zip(plan.items.scored("manuals_qa"), results.samples(cell, "manuals_qa"), strict=True):
        encoder = Encoder(tokenizer)
        written = write(plan.tasks["manuals_qa"], encoder, example)
        prompt, target = encoder.pair(written.prompt, written.target)
        with torch.no_grad():
            logits = model(torch.tensor([prompt + target])).logits[0, len(prompt) - 1 : -1]
        likelihood = logits.log_softmax(-1).gather(1, torch.tensor(target)[:, None]).sum().item()
        assert sample["gold_loglikelihood"] == pytest.approx(likelihood, abs=2e-3)


def test_only_the_placed_blocks_differ_after_a_selective_update(fields: dict[str, Any]) -> None:
    base = AutoModelForCausalLM.from_pretrained(fields["model"]).state_dict()
    tuned = AutoModelForCausalLM.from_pretrained(saved(fields, "full:select=top,k=1", "k8s_qa")).state_dict()
    changed = {name for name, weight in base.items() if not torch.equal(weight, tuned[name])}
    assert changed == {name for name in base if ".layers.3." in name}


def test_the_exports_hold_every_cell(fields: dict[str, Any], results: Results) -> None:
    out = Path(fields["output_dir"])
    rows = list(csv.DictReader((out / "leaderboard.csv").read_text().splitlines()))
    named = {(row["method"], row["trained_on"], row["seed"]) for row in rows}
    cells = [cell.cell for cell in results.cells]
    seeds = ["" if cell.seed is None else str(cell.seed) for cell in cells]
    assert named == {(cell.adapter, cell.task or "", seed) for cell, seed in zip(cells, seeds, strict=True)}
    assert {row["items"] for row in rows if (row["task"], row["metric"]) == ("k8s_qa", "answer")} == {"4"}
    board = json.loads((out / "leaderboard.json").read_text())
    assert len(board["rows"]) == len(cells)
    lora = next(row for row in board["rows"] if (row["adapter"], row["task"]) == ("lora", "k8s_qa"))
    assert lora["costs"]["peak_vs_full"] > 0
    assert set(lora["tasks"]["manuals_qa"]["gaps"]) >= {"answer", "gold_nll"}


def test_frames_of_the_results_have_a_row_for_every_score(results: Results) -> None:
    frame = results.to_pandas()
    assert set(frame["method"]) == {cell.cell.adapter for cell in results.cells}
    one = frame[(frame.method == "lora") & (frame.trained_on == "k8s_qa") & (frame.task == "medqa_cot")]
    assert set(one["metric"]) == {
        *("answer", "parsed", "choice", "gold_nll", "rouge_l", "truncated", "repetition")
    }
    assert (one["items"] == 4).all()


def test_no_record_holds_a_token_of_the_environment(fields: dict[str, Any], results: Results) -> None:
    written = [path for path in Path(fields["output_dir"]).rglob("*") if path.is_file()]
    assert len(written) > 50
    assert not [path for path in written if SECRET.encode() in path.read_bytes()]


def test_an_adapter_without_steps_is_the_base_to_the_last_digit_and_marked(
    study_fields: dict[str, Any],
) -> None:
    results = medcot_bench.run(study_fields | {"adapters": "none,lora:max_steps=0"})
    base, lora = results.cells
    assert lora.record is not None
    assert lora.record.training.steps == 0
    assert lora.record.divergence is not None
    assert lora.record.divergence.kl == 0
    assert dict(base.evaluations["k8s_qa"].results) == dict(lora.evaluations["k8s_qa"].results)
    board = (results.root / "leaderboard.md").read_text()
    assert f"lora:max_steps=0 trained on k8s_qa, scored on k8s_qa: {UNCHANGED}" in board
