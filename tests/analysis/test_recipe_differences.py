"""Which fields of the recipes differ, beside the learning rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from planted import Made, write

from medcot_bench.analysis.recipe_differences import find_recipe_differences
from medcot_bench.results.conditions import RecipeDifference
from medcot_bench.results.folder import load

RECIPE = {"lr": 1e-4, "epochs": 1.0, "train_tokens": 12000, "batch_size": 4, "schedule": "linear", "warmup": 0.1}


def differences(root: Path, **changes: dict[str, Any]) -> list[RecipeDifference]:
    """The differences of rows on the training task `k8s_qa`, each with changes to one recipe."""
    made = [
        Made(adapter=name, seed=seed, request={"recipe": RECIPE | changed})
        for name, changed in changes.items()
        for seed in (0, 1)
    ]
    other = Made(adapter="full", task="manuals_qa", request={"recipe": RECIPE | {"batch_size": 64}})
    base = Made(adapter="none", task=None, seed=None)
    return [*find_recipe_differences(load(write(root, base, *made, other)))]


def test_learning_rates_are_each_adapter_s_own(tmp_path: Path) -> None:
    assert differences(tmp_path, full={}, lora={"lr": 3e-3}, layer_lora={"lr": 1e-3}) == []


def test_every_other_field_that_differs_is_named_with_who_has_what(tmp_path: Path) -> None:
    lora = {"lr": 3e-3, "epochs": 3.0, "train_tokens": None, "warmup": 0.0}
    found = differences(tmp_path, full={"batch_size": 8}, lora=lora, layer_lora={"schedule": "cosine"})
    names = ("full", "lora", "layer_lora")
    assert found == [
        RecipeDifference("k8s_qa", field, dict(zip(names, values, strict=True)))
        for field, values in {
            "epochs": (1.0, 3.0, 1.0),
            "train_tokens": (12000, None, 12000),
            "batch_size": (8, 4, 4),
            "schedule": ("linear", "linear", "cosine"),
            "warmup": (0.1, 0.0, 0.1),
        }.items()
    ]


def test_a_row_that_is_not_trained_yet_differs_in_nothing(tmp_path: Path) -> None:
    made = [Made(adapter=name, request={"recipe": RECIPE}) for name in ("full", "lora")]
    waiting = Made(adapter="qlora", train=None, request={"recipe": RECIPE | {"batch_size": 8}})
    assert [*find_recipe_differences(load(write(tmp_path, *made, waiting)))] == []
