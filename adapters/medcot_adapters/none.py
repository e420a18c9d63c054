"""The identity: the base model, against which every gain is measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medcot_bench import AdapterSpec, ModelInfo, Placement, Recipe, hookimpl

SPEC = AdapterSpec(name="none", version=1, update="none", description="The base model, without training.")


class NoAdapter:
    """The adapter plugin."""

    spec = SPEC

    def recipe(self, model: ModelInfo) -> Recipe:
        """Return a recipe without steps."""
        return Recipe(lr=0.0, max_steps=0)

    def prepare(self, model: Any, placement: Placement) -> Any:
        """Return the model as it is."""
        return model

    def save(self, model: Any, folder: Path) -> None:
        """Write nothing: there is nothing to keep."""

    def load(self, model: Any, folder: Path) -> Any:
        """Return the model as it is."""
        return model


@hookimpl
def medcot_make_adapter(name: str, options: Mapping[str, Any]) -> NoAdapter:
    """Build the adapter."""
    return NoAdapter()
