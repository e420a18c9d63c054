"""The hub: what an id stands for, from a filled cache or the network, and the download."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcot_bench.errors import ModelError
from medcot_bench.headers import RECIPE_FILE, Layout, folder_layout, layout, read_json

PATTERNS = ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja"]
"""Files of a model repository that are fetched: never code, never pickles."""
DATA_PATTERNS = ["*.parquet", "*.json", "*.jsonl", "*.csv", "README.md"]
"""Files of a data set's repository that are fetched, likewise."""
_DATA = "data set"
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
"""Those of an adapter that PEFT saved."""


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

    folder = _cached("model", model, PATTERNS)
    if folder and (folder / "config.json").is_file() and list(folder.glob("*.safetensors")):
        return Found(folder.name, folder_layout(model, folder), folder, _recipe(model, folder / RECIPE_FILE))
    name, _, pin = model.partition("@")
    with _explained("model", model, "config.json", "name a folder or a GGUF file"):
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
    with _explained("model", model, "config.json", "name a folder or a GGUF file"):
        folder = _fetched("model", model, PATTERNS)
    if folder.name != revision:
        raise ModelError(f"model '{model}' changed on the hub since the run was planned; run it again")
    return folder


def adapter_folder(adapter: str) -> Path:
    """Return the folder of the hub's cache that holds an adapter's files, fetched where they aren't there yet.

    `adapter` is an id (`ORGANISATION/NAME@REVISION`); the folder's name is the revision that it stands for. Raises
    ModelError.
    """
    folder = _cached("adapter", adapter, ADAPTER_FILES)
    if folder is None or _lacking(folder):
        with _explained("adapter", adapter, ADAPTER_FILES[0], "give a folder that PEFT saved"):
            folder = _fetched("adapter", adapter, ADAPTER_FILES)
    if missing := _lacking(folder):
        raise ModelError(
            f"adapter '{adapter}': the hub's repository holds no {missing[0]} (other formats can run code)"
        )
    return folder


def dataset_folder(data_set: str, instead: str) -> Path:
    """Return the folder of the hub's cache that holds a data set, at its newest where the hub can be reached.

    `data_set` is an id (`ORGANISATION/NAME@REVISION`); the folder's name is the revision that it stands for.
    `instead` is a way without the hub. Raises ModelError.
    """
    try:
        with _explained(_DATA, data_set, "README.md", instead):
            return _fetched(_DATA, data_set, DATA_PATTERNS)
    except ModelError:
        if folder := _cached(_DATA, data_set, DATA_PATTERNS):
            return folder
        raise


def _lacking(folder: Path) -> list[str]:
    return [name for name in ADAPTER_FILES if not (folder / name).is_file()]


def _recipe(model: str, file: Path) -> dict[str, Any]:
    return read_json(model, file) if file.is_file() else {}


def _cached(kind: str, typed: str, patterns: Sequence[str]) -> Path | None:
    """Return the cached snapshot of an id, whatever files it holds. Raises ModelError for what is no id."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    name, _, pin = typed.partition("@")
    try:
        return Path(
            snapshot_download(
                name, revision=pin or None, local_files_only=True, allow_patterns=[*patterns], **_repository(kind)
            )
        )
    except (LocalEntryNotFoundError, FileNotFoundError):
        return None
    except HFValidationError:
        raise ModelError(f"{kind} '{typed}': no folder of this name, and no hub id (ORGANISATION/NAME)") from None


def _repository(kind: str) -> dict[str, Any]:
    return {"repo_type": "dataset"} if kind == _DATA else {}


def _fetched(kind: str, typed: str, patterns: Sequence[str]) -> Path:
    from huggingface_hub import snapshot_download

    name, _, pin = typed.partition("@")
    found = snapshot_download(name, revision=pin or None, allow_patterns=[*patterns], **_repository(kind))
    return Path(found)


@contextmanager
def _explained(kind: str, typed: str, needed: str, instead: str) -> Iterator[None]:
    """Turn the hub's errors into one line that says what to do.

    `needed` is a file that every such repository holds, `instead` a way without the hub.
    """
    from huggingface_hub.errors import (
        GatedRepoError,
        NotASafetensorsRepoError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    what = f"{kind} '{typed}'"
    here = "" if kind == _DATA else "no such folder, and "
    try:
        yield
    except GatedRepoError:
        raise ModelError(
            f"{what} is gated: accept its terms on its page of the hub, then log in with "
            "`hf auth login` or set HF_TOKEN"
        ) from None
    except RevisionNotFoundError:
        raise ModelError(f"{what}: the hub has no such revision of it") from None
    except RepositoryNotFoundError:
        raise ModelError(
            f"{what}: {here}the hub has no such {kind} (or it is private: run `hf auth login`)"
        ) from None
    except RemoteEntryNotFoundError:
        raise ModelError(f"{what}: the hub's repository holds no {needed}") from None
    except NotASafetensorsRepoError:
        raise ModelError(f"{what} has no *.safetensors (other formats can run code)") from None
    except ModelError:
        raise
    except Exception as error:  # which HTTP client the hub library uses, and so what it raises, changes
        raise ModelError(
            f"{what}: not in the local cache, and the hub can't be reached ({type(error).__name__}); "
            f"set HF_HOME to a filled cache, or {instead}"
        ) from None
