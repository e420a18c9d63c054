"""A model of the hub: what its id stands for, measured from its headers, and its download."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcot_bench.base_model.layout import RECIPE_FILE, Layout, folder_layout, layout, read_json
from medcot_bench.errors import ModelError
from medcot_bench.hub.client import PATTERNS, cached, explained, fetched


@dataclass(frozen=True, slots=True)
class Found:
    """What an id stands for."""

    revision: str
    layout: Layout
    folder: Path | None
    """Its folder in the cache, None before it is fetched."""
    recipe: Mapping[str, Any]
    """What its medcot_recipe.json says."""


def find(model: str) -> Found:
    """Resolve an id (`ORGANISATION/NAME@REVISION`). A filled cache needs no network. Raises ModelError.

    Without one only headers are fetched.
    """
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    folder = cached("model", model, PATTERNS)
    if folder and (folder / "config.json").is_file() and list(folder.glob("*.safetensors")):
        return Found(folder.name, folder_layout(model, folder), folder, _recipe(model, folder / RECIPE_FILE))
    name, _, pin = model.partition("@")
    with explained("model", model, "config.json", "name a folder or a GGUF file"):
        api = HfApi()
        revision = str(api.model_info(name, revision=pin or None).sha)
        config = read_json(model, Path(hf_hub_download(name, "config.json", revision=revision)))
        metadata = api.get_safetensors_metadata(name, revision=revision)
        try:
            recipe = _recipe(model, Path(hf_hub_download(name, RECIPE_FILE, revision=revision)))
        except EntryNotFoundError:
            recipe = {}
    shapes = {
        tensor: tuple(info.shape)
        for file in metadata.files_metadata.values()
        for tensor, info in file.tensors.items()
    }
    return Found(revision, layout(model, config, shapes), None, recipe)


def download(model: str, revision: str) -> Path:
    """Fetch a model into the hub's cache; return its folder.

    Raises ModelError, also where the branch that was typed has moved on from the `revision` that was planned.
    """
    with explained("model", model, "config.json", "name a folder or a GGUF file"):
        folder = fetched("model", model, PATTERNS)
    if folder.name != revision:
        raise ModelError(f"model '{model}' changed on the hub since the run was planned; run it again")
    return folder


def _recipe(model: str, file: Path) -> dict[str, Any]:
    return read_json(model, file) if file.is_file() else {}
