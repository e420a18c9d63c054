"""The recipe that a plan settles on: typed with the adapter, in the study, beside the model, or the default."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medcot_bench.errors import ConfigErrors
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.study.schema import Study

Fields = dict[str, Any]
Copy = Callable[..., str]


def plan_of(fields: Fields, **changes: Any) -> Plan:
    return make_plan(Study.model_validate(fields | changes))


def recipe_of(plan: Plan) -> dict[str, Any]:
    return dict(next(cell for cell in plan.cells if cell.task).request["recipe"])


def errors_of(fields: Fields, **changes: Any) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        plan_of(fields, **changes)
    return list(caught.value.errors)


@pytest.fixture
def copy_model(tiny_model: Path, tmp_path: Path) -> Copy:
    """Copy the tiny model with changes to its config and a recipe file."""

    def copy(recipe: Any = None, **config: Any) -> str:
        folder = shutil.copytree(tiny_model, tmp_path / "model")
        read = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(read | config))
        if recipe is not None:
            (folder / "medcot_recipe.json").write_text(json.dumps(recipe))
        return str(folder)

    return copy


def test_a_recipe_field_comes_from_adapter_options_then_study_then_model_then_adapter(
    study_fields: Fields, copy_model: Copy
) -> None:
    fields = study_fields | {"adapters": "lora:lr=0.1", "training": {"lr": 0.2, "clip": 0.2}}
    model = copy_model({"lora": {"lr": 0.3, "clip": 0.3, "warmup": 0.3}, "full": {"weight_decay": 0.4}})
    found = recipe_of(plan_of(fields, model=model))
    assert (found["lr"], found["clip"], found["warmup"], found["weight_decay"]) == (0.1, 0.2, 0.3, 0.0)


def test_the_model_s_recipe_counts_for_layer_lora_as_for_lora(study_fields: Fields, copy_model: Copy) -> None:
    fields = study_fields | {"adapters": "layer_lora", "model": copy_model({"lora": {"lr": 0.3}})}
    assert recipe_of(plan_of(fields))["lr"] == 0.3


def test_lengths_are_at_most_what_the_model_takes(study_fields: Fields, copy_model: Copy) -> None:
    fields = study_fields | {"model": copy_model(max_position_embeddings=64), "adapters": "lora"}
    plan = plan_of(fields)
    assert (recipe_of(plan)["max_length"], plan.evaluations[0].request["max_length"]) == (64, 64)
    plan = plan_of(fields, training={"max_length": 32}, scoring={"max_length": 48})
    assert (recipe_of(plan)["max_length"], plan.evaluations[0].request["max_length"]) == (32, 48)


@pytest.mark.parametrize(
    "recipe",
    [{"lora": {"lrr": 1}}, {"lora": {"lr": -1}}, {"lora": {"lr": "high"}}],
    ids=str,
)
def test_a_wrong_field_in_the_model_s_recipe_is_an_error(
    study_fields: Fields, copy_model: Copy, recipe: Any
) -> None:
    assert len(errors_of(study_fields, model=copy_model(recipe))) == 1


@pytest.mark.parametrize(
    "fields",
    [3, ["lr"], {"max_length": "long"}, {"lr": float("nan")}, {"schedule": "wavy"}, {"batch_size": 2.5}],
    ids=str,
)
def test_an_ill_typed_recipe_of_the_model_is_an_error(study_fields: Fields, copy_model: Copy, fields: Any) -> None:
    errors_of(study_fields, model=copy_model({"lora": fields}))


@pytest.mark.parametrize("typed", ["max_steps=-5", "train_tokens=0", "weight_decay=-1", "lr=0", "epochs=0"])
def test_a_recipe_field_typed_with_the_adapter_is_checked_as_in_the_study(
    study_fields: Fields, typed: str
) -> None:
    errors_of(study_fields, adapters=f"lora:{typed}")
