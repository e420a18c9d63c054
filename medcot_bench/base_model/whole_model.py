"""A whole external model, to be scored beside the base: found, not loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from medcot_bench.base_model.layout import read_json
from medcot_bench.base_model.resolve import resolve
from medcot_bench.errors import ModelError

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+(@[\w./-]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model folder that is there, its headers read."""

    folder: Path
    digest: str
    """Of its files, or for the hub's its name and revision."""
    trained_from: str
    """The model of the hub that its config names, empty where that is nothing, itself or a path."""


def find_whole_model(model: str) -> FoundModel:
    """Return what a folder or a hub id names. Raises ModelError as `resolve` does, and for a GGUF file.

    A hub model has to be in the local cache: whole models are not fetched unasked.
    """
    found = resolve(model)
    if found.kind == "gguf":
        raise ModelError(f"model '{model}': a GGUF file can't be put in the base's place; give a model folder")
    if found.path is None:
        name, _, pin = model.partition("@")
        command = f"hf download {name}" + (f" --revision {pin}" if pin else "")
        raise ModelError(f"model '{model}' is not in the hub's cache; fetch it with: {command}")
    named = str(read_json(model, found.path / "config.json").get("_name_or_path"))
    is_other = _HUB_ID.fullmatch(named) and named.partition("@")[0] != model.partition("@")[0]
    return FoundModel(found.path, found.digest, named if is_other else "")
