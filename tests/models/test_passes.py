"""Passes through a model's layers are signs of life, and change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from medcot_bench.models.passes import count_passes
from medcot_bench.plugins.activity import ACTIVITY

IDS = torch.arange(1, 9)[None]


def test_layers_count_forwards_and_backwards_and_no_number_changes(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medcot_bench.models.passes.EVERY", 2)
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    plain = model(IDS, labels=IDS)
    plain.loss.backward()
    gradients = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    count_passes(model)

    seen = ACTIVITY.signs
    counted = model(IDS, labels=IDS)
    assert ACTIVITY.signs == seen + model.config.num_hidden_layers / 2
    counted.loss.backward()
    assert ACTIVITY.signs == seen + model.config.num_hidden_layers

    assert torch.equal(plain.logits, counted.logits)
    assert all(torch.equal(gradients[name], parameter.grad) for name, parameter in model.named_parameters())


def test_without_gradients_nothing_is_hooked_to_a_tensor(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    count_passes(model)
    with torch.no_grad():
        assert model(IDS).logits.grad_fn is None
