"""Our loop against plain transformers + peft: the same loss and the same gradient of every trained tensor."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from medcot_bench.base_model.resolve import resolve
from medcot_bench.models.attention import flat
from medcot_bench.models.load import load_model
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_adapter import resolve_adapter
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.testing.tiny import Architecture, make_tiny_model
from medcot_bench.training.batches import Item, flatten, split_step
from medcot_bench.training.loop import accumulate, mean_nll

LENGTHS = [(4, 3), (250, 50), (60, 20), (10, 90), (150, 5), (30, 30)]  # prompt and target: 7 to 300 tokens
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def make_items() -> list[Item]:
    numbers = random.Random(7)
    return [
        Item([numbers.randrange(256) for _ in range(prompt)], [numbers.randrange(256) for _ in range(target)])
        for prompt, target in LENGTHS
    ]


def padded_gradients(model: Any, items: list[Item]) -> tuple[float, dict[str, torch.Tensor]]:
    """The reference: one padded batch, transformers' own loss over labels of -100 outside targets."""
    longest = max(len(item) for item in items)
    ids = torch.zeros(len(items), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, -100)
    for row, item in enumerate(items):
        ids[row, : len(item)] = torch.tensor(item.prompt + item.target)
        mask[row, : len(item)] = 1
        labels[row, len(item.prompt) : len(item)] = torch.tensor(item.target)
    loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    loss.backward()
    return loss.item(), gradients(model)


def gradients(model: Any) -> dict[str, torch.Tensor]:
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def reference_model(folder: Path, adapter: str) -> Any:
    """The same adapter, made by hand."""
    if adapter == "qlora":
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.float32,
        )
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, quantization_config=config, device_map={"": "cpu"}
        )
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    else:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if adapter == "full":
        return model
    if adapter == "full:select=top,k=1":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(".layers.3." in name)
        return model
    layers = [2, 3] if adapter == "layer_lora" else None
    lora = LoraConfig(
        task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules=LINEAR, layers_to_transform=layers
    )
    torch.manual_seed(5)
    return get_peft_model(model, lora)


@pytest.mark.parametrize("adapter", ["full", "full:select=top,k=1", "lora", "layer_lora", "qlora"])
@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_loss_and_every_gradient_equal_the_padded_reference(
    adapter: str, architecture: Architecture, tmp_path: Path
) -> None:
    folder = make_tiny_model(tmp_path, architecture, hidden_size=64)
    base = resolve(str(folder))
    chosen = resolve_adapter(parse_specs(adapter)[0], installed())
    loaded = load_model(
        folder,
        quantisation=chosen.adapter.spec.quantisation,
        dtype=torch.float32,
        device=torch.device("cpu"),
    )
    torch.manual_seed(5)
    ours = chosen.adapter.prepare(loaded, chosen.place(base.info, base.modules, seed=0))
    reference = reference_model(folder, adapter)
    ours.train()
    reference.train()
    with torch.no_grad():  # a LoRA starts at zero, where half of its gradients vanish
        weights = dict(reference.named_parameters())
        for name, parameter in ours.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.05)
            if parameter.requires_grad:
                weights[name].copy_(parameter)
    items = make_items()
    with flat(ours):
        mean_nll(ours.eval(), items[:1], torch.device("cpu"))  # a look at validation items changes nothing
        ours.train()
        parts = split_step(range(len(items)), 2)
        loss = accumulate(ours, [flatten([items[i] for i in part], torch.device("cpu")) for part in parts])
    found = gradients(ours)
    expected_loss, expected = padded_gradients(reference, items)
    assert loss == pytest.approx(expected_loss, abs=1e-5)
    assert found.keys() == expected.keys()
    assert found.keys() == {name for name, p in ours.named_parameters() if p.requires_grad}
    for name, gradient in found.items():
        error = (gradient - expected[name]).norm() / expected[name].norm()
        assert error < 1e-4, name
