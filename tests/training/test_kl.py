"""KL divergence from the base: a number from plain transformers, nothing for no change, first tokens only."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from medcot_bench.training.batches import Item
from medcot_bench.training.kl import TOKENS, measure_divergence, next_token_logprobs

LENGTHS = ((5, 3), (12, 7), (9, TOKENS + 4))  # tokens of prompts and targets


@pytest.fixture
def items() -> list[Item]:
    numbers = random.Random(0)
    return [Item(*([numbers.randrange(250) for _ in range(size)] for size in pair)) for pair in LENGTHS]


def load(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def test_agrees_with_plain_transformers(tiny_model: Path, items: list[Item]) -> None:
    base, tuned = load(tiny_model), load(tiny_model)
    with torch.no_grad():
        for parameter in tuned.parameters():
            parameter.mul_(1.2)
    found = measure_divergence(next_token_logprobs(base, items, torch.float32), tuned, items, torch.float32)
    assert found is not None
    total, tokens = 0.0, 0
    for item in items:
        ids = torch.tensor([item.prompt + item.target])
        rows = slice(len(item.prompt) - 1, len(item.prompt) - 1 + min(TOKENS, len(item.target)))
        with torch.no_grad():
            p, q = (torch.distributions.Categorical(logits=model(ids).logits[0, rows]) for model in (base, tuned))
        total += torch.distributions.kl_divergence(p, q).sum().item()
        tokens += min(TOKENS, len(item.target))
    assert found.kl == pytest.approx(total / tokens, rel=1e-4)
    assert found.kl > 0.001
    assert (found.items, found.tokens) == (3, 3 + 7 + TOKENS)


def test_an_unchanged_model_is_at_no_distance(tiny_model: Path, items: list[Item]) -> None:
    model = load(tiny_model)
    found = measure_divergence(next_token_logprobs(model, items, torch.float32), model, items, torch.float32)
    assert found is not None
    assert found.kl == 0


def test_what_cannot_be_measured_is_none(tiny_model: Path, items: list[Item]) -> None:
    model = load(tiny_model)
    before = next_token_logprobs(model, items, torch.float32)
    assert measure_divergence([], model, [], torch.float32) is None
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    assert measure_divergence(before, model, items, torch.float32) is None
