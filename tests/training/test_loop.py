"""The loop: accumulation, schedule, checkpoints by validation, divergence, windows of attention, repetition."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, MistralConfig

from medcot_bench import Recipe
from medcot_bench.errors import ConfigError, Diverged, ModelError
from medcot_bench.models.attention import Segment, flat, flat_attention
from medcot_bench.training.batches import Item, flatten
from medcot_bench.training.loop import accumulate, learning_rate, mean_nll, train

CPU = torch.device("cpu")


def make_items(count: int, seed: int = 0, longest: int = 40) -> list[Item]:
    numbers = random.Random(seed)
    return [
        Item([numbers.randrange(250) for _ in range(numbers.randrange(3, longest))], [7, 8, 9, 257])
        for _ in range(count)
    ]


@pytest.fixture
def model(tiny_model: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)


def weights(model: Any) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.named_parameters()}


def test_training_learns_and_repeats_bit_for_bit(tiny_model: Path) -> None:
    runs = []
    for _ in range(2):
        model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
        result = train(model, make_items(12), Recipe(lr=3e-3, max_steps=40, batch_size=4), seed=3)
        runs.append((result.log, weights(model)))
    assert runs[0][0] == runs[1][0]
    assert all(torch.equal(tensor, runs[1][1][name]) for name, tensor in runs[0][1].items())
    assert runs[0][0][-1]["loss"] < 0.5 * runs[0][0][0]["loss"]


def test_accumulation_changes_memory_not_the_result(tiny_model: Path) -> None:
    trained = []
    for parts in (1, 3):
        model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
        recipe = Recipe(lr=1e-3, max_steps=3, batch_size=6, accumulation=parts)
        trained.append((train(model, make_items(9), recipe, seed=0).log, weights(model)))
    for one, other in zip(trained[0][0], trained[1][0], strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-5)
    for name, tensor in trained[0][1].items():
        torch.testing.assert_close(tensor, trained[1][1][name], atol=2e-5, rtol=0)


def test_what_is_frozen_stays(model: Any) -> None:
    model.requires_grad_(False)
    model.model.layers[3].mlp.requires_grad_(True)
    before = weights(model)
    result = train(model, make_items(4), Recipe(lr=1e-2, max_steps=2, batch_size=2), seed=0)
    changed = {name for name, tensor in weights(model).items() if not torch.equal(tensor, before[name])}
    assert changed == {f"model.layers.3.mlp.{part}_proj.weight" for part in ("gate", "up", "down")}
    trained = sum(p.numel() for p in model.model.layers[3].mlp.parameters())
    assert result.gradient_bytes == 4 * trained
    assert 8 * trained <= result.state_bytes < 8 * trained + 100  # two moments and a counter a tensor


def test_nothing_to_train_is_an_error(model: Any) -> None:
    with pytest.raises(ConfigError, match="no trainable parameter"):
        train(model.requires_grad_(False), make_items(2), Recipe(lr=1), seed=0)


def test_a_loss_that_is_not_finite_ends_the_training(model: Any) -> None:
    with pytest.raises(Diverged, match=r"in step \d+; try a lower lr"):
        train(model, make_items(8), Recipe(lr=1e30, max_steps=8, batch_size=2, warmup=0), seed=0)


def test_the_best_look_at_validation_items_is_kept(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    held_out = [Item([1, 2, 3], [4, 5, 257])]
    recipe = Recipe(lr=2e-2, max_steps=40, batch_size=2, select_by="val_nll", schedule="constant")
    result = train(model, make_items(4), recipe, seed=0, validation=held_out)
    assert [look["step"] for look in result.validation] == [10, 20, 30, 40]
    best = min(result.validation, key=lambda look: look["nll"])
    assert result.selected_step == best["step"]
    with flat(model):
        assert mean_nll(model, held_out, CPU) == pytest.approx(best["nll"], abs=1e-6)


def test_the_last_step_counts_without_selection(model: Any) -> None:
    result = train(model, make_items(4), Recipe(lr=1e-3, max_steps=3, batch_size=2), seed=0)
    assert (result.selected_step, result.steps, result.epochs) == (3, 3, 1.5)


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_rates_rise_then_follow_the_schedule(schedule: Any) -> None:
    recipe = Recipe(lr=2.0, warmup=0.2, schedule=schedule)
    rates = [learning_rate(recipe, step, 10) for step in range(1, 11)]
    assert rates[:3] == [1.0, 2.0, 2.0]
    assert all(later <= earlier for earlier, later in pairwise(rates[1:]))
    assert (rates[-1] == 2.0) if schedule == "constant" else (0 < rates[-1] < 0.3)


def test_sliding_windows_are_those_of_transformers() -> None:
    config = MistralConfig(
        vocab_size=258,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=8,
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    items = make_items(3, longest=60)
    with flat(model), torch.no_grad():
        batch = flatten(items, CPU)
        found = model(
            batch.input_ids, position_ids=batch.position_ids, use_cache=False, segments=batch.segments
        ).logits[0]
    expected = [model(torch.tensor([item.prompt + item.target]), use_cache=False).logits[0] for item in items]
    torch.testing.assert_close(found, torch.cat(expected), atol=1e-5, rtol=1e-4)


def test_attention_that_is_not_ours_is_refused() -> None:
    tensor = torch.zeros(1, 2, 4, 8)
    for other in ({"softcap": 30.0}, {"s_aux": torch.zeros(2)}, {"segments": None}):
        with pytest.raises(ModelError, match="can't read flat batches"):
            flat_attention(
                torch.nn.Linear(1, 1), tensor, tensor, tensor, None, **({"segments": [Segment(4)]} | other)
            )  # type: ignore[arg-type]


def test_the_attention_is_set_back(model: Any) -> None:
    before = model.config._attn_implementation
    with flat(model):
        assert model.config._attn_implementation != before
        accumulate(model, [flatten(make_items(2), CPU)])
    assert model.config._attn_implementation == before
