"""The hub: ids resolved from the cache or the network, and downloads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medcot_bench.errors import ModelError
from medcot_bench.hub.cached_files import check_cached_files

PATTERNS = ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja"]
"""Files of a model repository that are downloaded: never code, never pickles."""
DATA_PATTERNS = ["*.parquet", "*.json", "*.jsonl", "*.csv", "README.md"]
"""Files of a data set's repository that are downloaded, likewise."""
_DATA = "data set"
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
"""The files of an adapter saved by PEFT."""
_asked_on_purpose = False
"""Whether libraries are kept off the hub, but not what the user named."""


def keep_libraries_offline(*, allowed: bool) -> None:
    """From now on no library asks the hub by itself; `asking` lets it where that is `allowed`.

    To be called before the libraries are imported. A user's own HF_HUB_OFFLINE=1 counts everywhere.
    """
    global _asked_on_purpose
    given = (os.environ.get(name, "").upper() for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    _asked_on_purpose = allowed and not any(value in ("1", "ON", "YES", "TRUE") for value in given)
    os.environ["HF_HUB_OFFLINE"] = "1"


@contextmanager
def asking() -> Iterator[None]:
    """Within it what the user named may be asked of the hub, unless the user works offline."""
    if not _asked_on_purpose or os.environ["HF_HUB_OFFLINE"] == "0":
        yield
        return
    _set_offline(False)
    try:
        yield
    finally:
        _set_offline(True)


def _set_offline(offline: bool) -> None:
    """Tell it to the libraries that are imported, and to those that will be."""
    import huggingface_hub.constants

    os.environ["HF_HUB_OFFLINE"] = str(int(offline))
    huggingface_hub.constants.HF_HUB_OFFLINE = offline
    datasets = sys.modules.get("datasets.config")
    if datasets and "HF_DATASETS_OFFLINE" not in os.environ:  # which the user sets for data sets alone
        vars(datasets)["HF_HUB_OFFLINE"] = offline


def adapter_folder(adapter: str) -> Path:
    """Return the folder of the hub's cache with an adapter's files, downloaded if they are missing.

    `adapter` is an id (`ORGANISATION/NAME@REVISION`); the folder is named by the resolved revision. Raises
    ModelError.
    """
    folder = find_cached("adapter", adapter, ADAPTER_FILES)
    if folder is None or _missing(folder):
        with explain_errors("adapter", adapter, ADAPTER_FILES[0], "use a folder saved by PEFT"):
            folder = fetch("adapter", adapter, ADAPTER_FILES)
    if missing := _missing(folder):
        raise ModelError(
            f"adapter '{adapter}': the hub's repository has no {missing[0]} (other formats can run code)"
        )
    return folder


def fetch_dataset(data_set: str, instead: str) -> Path:
    """Download a data set; return its folder in the hub's cache. Offline the cache is used.

    `data_set` is an id (`ORGANISATION/NAME@REVISION`); the folder is named by the resolved revision. `instead` is
    a way without the hub. Raises ModelError.
    """
    try:
        with explain_errors(_DATA, data_set, "README.md", instead):
            return fetch(_DATA, data_set, DATA_PATTERNS)
    except ModelError:
        if folder := find_cached(_DATA, data_set, DATA_PATTERNS):
            return folder
        raise


def _missing(folder: Path) -> list[str]:
    return [name for name in ADAPTER_FILES if not (folder / name).is_file()]


def find_cached(kind: str, typed: str, patterns: Sequence[str]) -> Path | None:
    """Return the cached snapshot of an id, complete or not.

    Raises ModelError for what is not an id, and for files that changed since they were downloaded.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    name, _, pin = typed.partition("@")
    try:
        found = snapshot_download(
            name, revision=pin or None, local_files_only=True, allow_patterns=[*patterns], **_repository(kind)
        )
    except (LocalEntryNotFoundError, FileNotFoundError):
        return None
    except HFValidationError:
        raise ModelError(f"{kind} '{typed}': not a folder and not a hub id (ORGANISATION/NAME)") from None
    check_cached_files(f"{kind} '{typed}'", Path(found), patterns)
    return Path(found)


def _repository(kind: str) -> dict[str, Any]:
    return {"repo_type": "dataset"} if kind == _DATA else {}


def fetch(kind: str, typed: str, patterns: Sequence[str]) -> Path:
    """Download the matching files of an id; return their folder in the cache.

    Raises as the hub's library does, and ModelError for files that changed since they were downloaded.
    """
    from huggingface_hub import snapshot_download

    name, _, pin = typed.partition("@")
    found = snapshot_download(name, revision=pin or None, allow_patterns=[*patterns], **_repository(kind))
    check_cached_files(f"{kind} '{typed}'", Path(found), patterns)
    return Path(found)


@contextmanager
def explain_errors(kind: str, typed: str, needed: str, instead: str) -> Iterator[None]:
    """Ask the hub, and turn its errors into one line that says what to do.

    `needed` is a file that every such repository has, `instead` a way without the hub.
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
        with asking():
            yield
    except GatedRepoError:
        raise ModelError(
            f"{what} is gated: accept its terms on its page of the hub, then log in with "
            "`hf auth login` or set HF_TOKEN"
        ) from None
    except RevisionNotFoundError:
        raise ModelError(f"{what}: the hub has no such revision") from None
    except RepositoryNotFoundError:
        raise ModelError(
            f"{what}: {here}the hub has no such {kind} (or it is private: run `hf auth login`)"
        ) from None
    except RemoteEntryNotFoundError:
        raise ModelError(f"{what}: the hub's repository has no {needed}") from None
    except NotASafetensorsRepoError:
        raise ModelError(f"{what} has no *.safetensors (other formats can run code)") from None
    except ModelError:
        raise
    except Exception as error:  # which HTTP client the hub library uses, and so what it raises, changes
        raise ModelError(
            f"{what}: not in the local cache, and the hub can't be reached ({type(error).__name__}); "
            f"set HF_HOME to a filled cache, or {instead}"
        ) from None
