"""Full fine-tuning: the weights themselves are trained, all of them or those of the placed modules.

`full:path=FOLDER_OR_ID` is a whole external model, only scored.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medcot_adapters.recipes import full_centre, full_recipe
from medcot_adapters.whole_model import WholeModel
from medcot_bench import AdapterSpec, ModelInfo, Option, Placement, Recipe, check_tensors, hookimpl

SPEC = AdapterSpec(
    name="full",
    version=1,
    update="full",
    description="Full fine-tuning with fp32 master weights, of every module or where select= places it.",
    options={
        "path": Option(
            str,
            "",
            "an external model of the base's architecture and tokenizer, only scored: a folder or a hub id",
            added=True,
            path=True,
        ),
    },
)


class Full:
    """The adapter plugin."""

    spec = SPEC

    def recipe(self, model: ModelInfo) -> Recipe:
        """Return the default recipe for full updates."""
        return full_recipe(model)

    def tune_around(self, model: ModelInfo) -> float:
        """Return the centre of a learning-rate search: below the recipe's rate for large models."""
        return full_centre(model)

    def prepare(self, model: Any, placement: Placement) -> Any:
        """Unfreeze the parameters of the placed modules; tied parameters stay tied."""
        for path in placement:
            for parameter in model.get_submodule(path).parameters(recurse=False):
                parameter.requires_grad_(True)
        return model

    def save(self, model: Any, folder: Path) -> None:
        """Write a whole model folder, loadable by transformers."""
        model.save_pretrained(folder, safe_serialization=True)

    def load(self, model: Any, folder: Path) -> Any:
        """Return the trained model, in the dtype, on the device and with the end tokens of the base."""
        from transformers import AutoModelForCausalLM

        parameter = next(model.parameters())
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=parameter.dtype,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
        trained, found = loaded
        check_tensors(
            f"model '{folder}'",
            missing=found["missing_keys"],
            unexpected=found["unexpected_keys"],
            mismatched=[name for name, _, _ in found["mismatched_keys"]],
            hint="train it again",
        )
        trained.generation_config = model.generation_config
        return trained.to(parameter.device)


@hookimpl
def medcot_make_adapter(name: str, options: Mapping[str, Any]) -> Full | WholeModel:
    """Build the adapter. Raises ModelError for an external model that is not there."""
    return WholeModel(SPEC, path) if (path := options.get("path")) else Full()
