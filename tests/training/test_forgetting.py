"""Nats per byte of general text: a number from plain transformers, every token once, nothing for no change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

import medcot_bench
from medcot_bench.data.general_text import read_general_text, text_digest
from medcot_bench.models.load import load_tokenizer
from medcot_bench.testing.tiny import make_tiny_model
from medcot_bench.training.forgetting import WINDOW, general_nll, record_forgetting, split_windows

TEXT = read_general_text("")[: 3 * WINDOW - 7] + " ü — 道"


def load(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def test_agrees_with_plain_transformers_on_the_same_windows(tiny_model: Path) -> None:
    model, tokenizer = load(tiny_model), load_tokenizer(tiny_model)
    tokens = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    assert len(tokens) == len(TEXT.encode()) > 3 * WINDOW  # a token a byte
    total, before = 0.0, tokenizer.bos_token_id
    for start in range(0, len(tokens), WINDOW):
        window = [before, *tokens[start : start + WINDOW]]
        ids = torch.tensor([window])
        with torch.no_grad():
            mean = model(ids, labels=ids).loss  # transformers' own loss: the mean over all but the first token
        total += mean.item() * (len(window) - 1)
        before = window[-1]
    found = general_nll(model, tokenizer, TEXT, 2048, torch.float32)
    assert found == pytest.approx(total / len(TEXT.encode()), abs=1e-5)


@pytest.mark.parametrize("positions", [2048, 100])
def test_windows_fit_the_model_and_predict_every_token_once(tiny_model: Path, positions: int) -> None:
    tokenizer = load_tokenizer(tiny_model)
    tokens = tokenizer.encode(TEXT, add_special_tokens=False)
    made = [*split_windows(tokenizer, TEXT, positions)]
    assert [token for _, targets in made for token in targets] == tokens
    assert [token for read, _ in made for token in read] == [tokenizer.bos_token_id, *tokens[:-1]]
    assert {len(read) for read, _ in made[:-1]} == {min(positions, WINDOW)}
    tokenizer.bos_token = None
    assert next(split_windows(tokenizer, TEXT, positions))[0][0] == tokenizer.eos_token_id


def test_what_cannot_be_measured_is_none(tiny_model: Path) -> None:
    model = load(tiny_model)
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    assert general_nll(model, load_tokenizer(tiny_model), TEXT, 2048, torch.float32) is None
    assert record_forgetting(TEXT, 1.0, None) is record_forgetting(TEXT, None, 1.0) is None


@pytest.mark.slow
def test_the_base_and_every_trained_model_are_measured_on_the_text_of_the_study(
    study_fields: dict[str, Any], tmp_path: Path
) -> None:
    folder = make_tiny_model(tmp_path / "one", layers=1, hidden_size=16)
    (tmp_path / "own.txt").write_text(TEXT)
    fields = study_fields | {"model": str(folder), "limit": 1, "scoring": {"scores": ["gold_nll"]}}
    fields |= {"general_text": str(tmp_path / "own.txt"), "adapters": "none,lora:max_steps=0,lora:lr=0.05"}
    results = medcot_bench.run(fields)
    base, untrained, trained = (cell.record.forgetting for cell in results.cells if cell.record)
    assert base is not None
    assert untrained is not None
    assert trained is not None
    plain = general_nll(load(folder), load_tokenizer(folder), TEXT, 2048, torch.float32)
    assert base.nll == base.base == pytest.approx(plain, abs=1e-6)
    assert untrained.nll == untrained.base == base.nll
    assert trained.base == base.nll != trained.nll
    assert {(one.text, one.bytes) for one in (base, untrained, trained)} == {
        (text_digest(TEXT), len(TEXT.encode()))
    }
    board = (results.root / "leaderboard.md").read_text()
    assert f"{trained.nll - trained.base:+.3f}" in board

    again = medcot_bench.run(fields | {"general_text": ""})  # another text trains nothing anew, and mixes nothing
    assert [cell.cell.id for cell in again.cells] == [cell.cell.id for cell in results.cells]
    board = (again.root / "leaderboard.md").read_text()
    assert "general-text NLL" not in board
    assert "none: forgetting was measured on another general text, and is left out" in board
