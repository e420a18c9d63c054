"""`export --format model-card --cell`: the card of one training run, whose code loads what the run saved."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from peft import PeftModel

from medcot_bench import Results
from medcot_bench.cli import main

QUICK = str(Path(__file__).parents[2] / "docs" / "results" / "quick")


def card_of(results: Results, cell: str, into: Path) -> ModelCard:
    assert main(["export", str(results.root), "--format", "model-card", "--cell", cell, "-o", str(into)]) == 0
    (path,) = into.iterdir()
    return ModelCard(path.read_text(encoding="utf-8"))


def loaded_by(card: ModelCard, results: Results, cell: str) -> object:
    """Run the code of a card, with the places that it leaves open."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", card.text, re.DOTALL | re.MULTILINE)
    (saved,) = results.root.glob(f"cells/k8s_qa__{cell}-*/adapter")
    made: dict[str, object] = {}
    places = {"PATH_OF_THE_BASE_MODEL": results.base["name"], "PATH_OR_REPOSITORY": str(saved)}
    for place, path in places.items():
        code = code.replace(place, path)
    exec(code, made)
    assert made["tokenizer"]
    return made["model"]


def test_the_code_of_an_adapter_s_card_loads_it(kept: Results, tmp_path: Path) -> None:
    card = card_of(kept, "lora__s0", tmp_path)
    assert card.data.license == "unknown"
    assert {one.dataset_name for one in card.data.eval_results} == {
        *("k8s_qa[file:k8s_qa.jsonl]", "medqa_cot[file:medqa_cot.jsonl]")
    }
    model = loaded_by(card, kept, "lora__s0")
    assert isinstance(model, PeftModel)
    moved = [value for name, value in model.named_parameters() if "lora_B" in name]
    assert any(torch.count_nonzero(value) for value in moved)


def test_the_code_of_a_whole_model_s_card_loads_it(kept: Results, tmp_path: Path) -> None:
    card = card_of(kept, "full__s0", tmp_path)
    assert card.data.library_name == "transformers"
    assert not isinstance(loaded_by(card, kept, "full__s0"), PeftModel)


def test_a_card_needs_no_weights(tmp_path: Path) -> None:
    arguments = ["export", QUICK, "--format", "model-card", "--cell", "layer_lora__s3", "-o", str(tmp_path)]
    assert main(arguments) == 0
    (path,) = tmp_path.iterdir()
    assert path.name.startswith("k8s_qa__layer_lora__s3-")
    assert path.name.endswith(".card.md")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cell", "layer_lora__s3"], "--cell is for one format alone: --format model-card"),
        (["--cell", "x", "--format", "model-card,md"], "--cell is for one format alone: --format model-card"),
        (["--cell", "none", "--format", "model-card"], "is the base model, whose card is its own"),
        (["--cell", "layer_lora", "--format", "model-card"], "'layer_lora' is ambiguous"),
        (["--cell", "x", "--format", "model-card"], "no training run 'x'"),
    ],
)
def test_wrong_use_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["export", QUICK, *arguments, "-o", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
