"""Default recipes by the size of the model."""

from __future__ import annotations

from medcot_bench import ModelInfo, Recipe

SMALL = 500_000_000
"""Parameters below which the rates tuned on a 135 M Llama are used; above, those common for 1 to 8 B."""


def full_recipe(model: ModelInfo) -> Recipe:
    """Return the default for full updates.

    Small models: chosen on validation items (docs/recipes.md). Above: from the literature (PEFT at 3 B).
    """
    return _recipe(model, 1e-4, 1e-5)


def full_centre(model: ModelInfo) -> float:
    """Return the centre of a learning-rate search for full updates.

    Large models: half a decade below the default, so that three rates go from 1e-6 up to the default, 1e-5.
    """
    return full_recipe(model).lr if model.parameters < SMALL else 3.2e-6


def low_rank_recipe(model: ModelInfo) -> Recipe:
    """Return the default for LoRA.

    Small models: chosen on validation items (docs/recipes.md). Above: from the literature; "LoRA Without Regret"
    (Thinking Machines 2025) finds the best rate at about ten times that of full updates, more in short runs.
    """
    return _recipe(model, 3e-3, 2e-4)


def _recipe(model: ModelInfo, small: float, large: float) -> Recipe:
    # A small model is given some hundred short items: batches of 8 would leave it few steps.
    return Recipe(lr=small, batch_size=4, schedule="linear") if model.parameters < SMALL else Recipe(lr=large)
