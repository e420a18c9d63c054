"""What the leaderboard says of recipes that differ in more than the learning rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from planted import Made, write

from medcot_bench.analysis.build import build
from medcot_bench.results.folder import load

RECIPE = {"lr": 1e-4, "epochs": 1.0, "train_tokens": 12000, "batch_size": 4, "schedule": "linear", "warmup": 0.1}


def notes(root: Path, **changes: dict[str, Any]) -> list[str]:
    """The notes on recipes of rows on the training task `k8s_qa`, each with changes to one recipe."""
    made = [
        Made(adapter=name, seed=seed, request={"recipe": RECIPE | changed})
        for name, changed in changes.items()
        for seed in (0, 1)
    ]
    other = Made(adapter="full", task="manuals_qa", request={"recipe": RECIPE | {"batch_size": 64}})
    base = Made(adapter="none", task=None, seed=None)
    return [note for note in build(load(write(root, base, *made, other))).notes if "recipes differ" in note]


def test_learning_rates_are_each_adapter_s_own(tmp_path: Path) -> None:
    assert notes(tmp_path, full={}, lora={"lr": 3e-3}, layer_lora={"lr": 1e-3}) == []


def test_every_other_field_that_differs_is_said_with_who_has_what(tmp_path: Path) -> None:
    lora = {"lr": 3e-3, "epochs": 3.0, "train_tokens": None, "warmup": 0.0}
    assert notes(tmp_path, full={"batch_size": 8}, lora=lora, layer_lora={"schedule": "cosine"}) == [
        "k8s_qa: recipes differ beside the learning rate (epochs 1 by full, layer_lora, 3 by lora; "
        "train_tokens 12000 by full, layer_lora, none by lora; batch_size 8 by full, 4 by lora, layer_lora; "
        "schedule linear by full, lora, cosine by layer_lora; warmup 0.1 by full, layer_lora, 0 by lora): "
        "a gap may be one of recipes"
    ]


def test_a_row_that_is_not_trained_yet_says_nothing(tmp_path: Path) -> None:
    made = [Made(adapter=name, request={"recipe": RECIPE}) for name in ("full", "lora")]
    waiting = Made(adapter="qlora", train=None, request={"recipe": RECIPE | {"batch_size": 8}})
    assert not [note for note in build(load(write(tmp_path, *made, waiting))).notes if "recipes differ" in note]
