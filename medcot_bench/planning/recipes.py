"""The recipe of a training run, by precedence, and the learning rates to try around it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from medcot_bench.base_model.layout import RECIPE_FILE
from medcot_bench.errors import ConfigErrors, MedcotError
from medcot_bench.interfaces import TunedAdapter
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.entries import blame
from medcot_bench.plugins.resolve_adapter import ResolvedAdapter
from medcot_bench.study.schema import Training
from medcot_bench.types import Recipe


def make_recipes(plan: Plan, adapter: ResolvedAdapter, task: str) -> list[Recipe]:
    """Return a recipe per learning rate: those of the search, or the one of the study and those kept beside it."""
    recipe = _recipe(plan, adapter)
    training = plan.study.training
    if plan.trials and training.tune_lr is not None:
        rates = spread_rates(_centre(plan, adapter, recipe), training.tune_lr)
    else:
        chosen = (training.rates or {}).get(adapter.label, {}).get(task, recipe.lr)
        rates = (chosen, *(training.kept_rates or {}).get(adapter.label, {}).get(task, ()))
    return [dataclasses.replace(recipe, lr=rate) for rate in rates]


def selects_by_validation(plan: Plan, trained: Iterable[str]) -> bool:
    """Return whether anything of a study is chosen, or scored, on validation items."""
    study = plan.study
    if study.training.tune_lr is not None or study.scoring.split == "validation":
        return True
    with suppress(MedcotError):  # making the cells says it
        adapters = [one for one in plan.adapters.values() if one.adapter.spec.update != "none"]
        return any(make_recipes(plan, one, task)[0].select_by == "val_nll" for one in adapters for task in trained)
    return False


def spread_rates(centre: float, tried: int | tuple[float, ...]) -> tuple[float, ...]:
    """Return the learning rates of a search: those given, or N around a centre, half a decade apart.

    An even number has one more above the centre than below it.

    >>> spread_rates(1e-5, 5), spread_rates(1e-3, 2), spread_rates(1e-3, (1e-4, 3e-4))
    ((1e-06, 3.2e-06, 1e-05, 3.2e-05, 0.0001), (0.001, 0.0032), (0.0001, 0.0003))
    """
    if isinstance(tried, tuple):
        return tried
    lowest = -((tried - 1) // 2)
    steps = range(lowest, lowest + tried)
    return tuple(float(f"{centre * 10 ** (step / 2):.2g}") if step else centre for step in steps)


def _centre(plan: Plan, adapter: ResolvedAdapter, recipe: Recipe) -> float:
    """Return the rate that others are tried around: one that was named, else the adapter's own for it."""
    if "lr" in _given(plan, adapter) or not isinstance(adapter.adapter, TunedAdapter):
        return recipe.lr
    with blame(adapter.entry, "tune_around"):
        centre = float(adapter.adapter.tune_around(plan.base.info))
        if not 0 < centre < math.inf:
            raise ValueError(f"it returned {centre}; learning rates are above 0")
    return centre


def _recipe(plan: Plan, adapter: ResolvedAdapter) -> Recipe:
    with blame(adapter.entry, "recipe"):
        recipe = adapter.adapter.recipe(plan.base.info)
        if not isinstance(recipe, Recipe):
            raise TypeError(f"it returned a {type(recipe).__name__}, not a Recipe")
    changes = _given(plan, adapter)
    length = min(changes.get("max_length", recipe.max_length), plan.base.info.max_positions)
    try:
        recipe = dataclasses.replace(recipe, **{**changes, "max_length": length})
    except ValueError as error:
        raise ConfigErrors([f"adapter {adapter.label}: {error}"]) from None
    return recipe


def _given(plan: Plan, adapter: ResolvedAdapter) -> dict[str, Any]:
    """Return the recipe fields that the model's folder, the study or the adapter's options name."""
    name = adapter.adapter.spec.name
    return {
        **_checked(f"{RECIPE_FILE}: {name}", plan.base.recipe.get(name, {})),
        **plan.study.training.recipe(),
        **_checked(f"adapter {adapter.label}", adapter.recipe_options),
    }


def _checked(where: str, fields: Any) -> dict[str, Any]:
    """Return recipe fields checked as those of a study are. Raises ConfigErrors, one line per field."""
    try:
        return Training.model_validate(fields).recipe()
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            field = "".join(f" {part}:" for part in problem["loc"])
            lines.append(f"{where}:{field} {problem['msg']} (given: {problem['input']!r})")
        raise ConfigErrors(lines) from None
