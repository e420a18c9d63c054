"""The hub: what an id stands for, from a filled cache or the network, and the download."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medcot_bench.errors import ModelError

PATTERNS = ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja"]
"""Files of a model repository that are fetched: never code, never pickles."""
DATA_PATTERNS = ["*.parquet", "*.json", "*.jsonl", "*.csv", "README.md"]
"""Files of a data set's repository that are fetched, likewise."""
_DATA = "data set"
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
"""Those of an adapter that PEFT saved."""


def adapter_folder(adapter: str) -> Path:
    """Return the folder of the hub's cache that holds an adapter's files, fetched where they aren't there yet.

    `adapter` is an id (`ORGANISATION/NAME@REVISION`); the folder's name is the revision that it stands for. Raises
    ModelError.
    """
    folder = cached("adapter", adapter, ADAPTER_FILES)
    if folder is None or _lacking(folder):
        with explained("adapter", adapter, ADAPTER_FILES[0], "give a folder that PEFT saved"):
            folder = fetched("adapter", adapter, ADAPTER_FILES)
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
        with explained(_DATA, data_set, "README.md", instead):
            return fetched(_DATA, data_set, DATA_PATTERNS)
    except ModelError:
        if folder := cached(_DATA, data_set, DATA_PATTERNS):
            return folder
        raise


def _lacking(folder: Path) -> list[str]:
    return [name for name in ADAPTER_FILES if not (folder / name).is_file()]


def cached(kind: str, typed: str, patterns: Sequence[str]) -> Path | None:
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


def fetched(kind: str, typed: str, patterns: Sequence[str]) -> Path:
    """Fetch the files of an id that match; return their folder in the cache. Raises as the hub's library does."""
    from huggingface_hub import snapshot_download

    name, _, pin = typed.partition("@")
    found = snapshot_download(name, revision=pin or None, allow_patterns=[*patterns], **_repository(kind))
    return Path(found)


@contextmanager
def explained(kind: str, typed: str, needed: str, instead: str) -> Iterator[None]:
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
