"""A model of the hub: its id resolved, its layout read from headers, its download."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcot_bench.base_model.layout import RECIPE_FILE, Layout, make_layout, read_folder_layout, read_json
from medcot_bench.errors import ModelError
from medcot_bench.hub.client import PATTERNS, explain_errors, fetch, find_cached


@dataclass(frozen=True, slots=True)
class Found:
    """A model of the hub, resolved."""

    revision: str
    config: Mapping[str, Any]
    layout: Layout
    folder: Path | None
    """Its folder in the cache; None before the download."""
    recipe: Mapping[str, Any]
    """The content of its medcot_recipe.json."""


def find(model: str) -> Found:
    """Resolve an id (`ORGANISATION/NAME@REVISION`). A cached model needs no network. Raises ModelError.

    Of a model that is not cached only headers are downloaded.
    """
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    folder = find_cached("model", model, PATTERNS)
    if folder and _is_complete(folder):
        config = read_json(model, folder / "config.json")
        layout = read_folder_layout(model, folder)
        return Found(folder.name, config, layout, folder, _recipe(model, folder / RECIPE_FILE))
    name, _, pin = model.partition("@")
    with explain_errors("model", model, "config.json", "name a folder or a GGUF file"):
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
    return Found(revision, config, make_layout(model, config, shapes), None, recipe)


def download(model: str, revision: str) -> Path:
    """Download a model into the hub's cache; return its folder.

    Raises ModelError, also where the branch that was typed has moved on from the `revision` that was planned.
    """
    with explain_errors("model", model, "config.json", "name a folder or a GGUF file"):
        folder = fetch("model", model, PATTERNS)
    if folder.name != revision:
        raise ModelError(f"model '{model}' changed on the hub since the run was planned; run it again")
    return folder


def _is_complete(folder: Path) -> bool:
    """Whether a snapshot has what a model needs, and no link to a file of it that was deleted."""
    files = [path for pattern in PATTERNS for path in folder.glob(pattern)]
    has_weights = any(path.suffix == ".safetensors" for path in files)
    return (folder / "config.json").is_file() and has_weights and all(path.exists() for path in files)


def fetch_files(model: str, revision: str, names: Iterable[str]) -> list[Path]:
    """Return those of some files that a model of the hub has, downloaded where need be. Raises ModelError."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    found = []
    with explain_errors("model", model, "config.json", "name a folder or a GGUF file"):
        for name in names:
            with suppress(RemoteEntryNotFoundError):
                found.append(Path(hf_hub_download(model.partition("@")[0], name, revision=revision)))
    return found


def _recipe(model: str, file: Path) -> dict[str, Any]:
    return read_json(model, file) if file.is_file() else {}
