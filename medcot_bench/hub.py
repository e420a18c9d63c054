"""The model hub: what an id stands for, from a filled cache or the network, and the download."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medcot_bench.errors import ModelError
from medcot_bench.headers import Layout, folder_layout, layout, read_json

PATTERNS = ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja"]
"""Files of a model repository that are fetched: never code, never pickles."""


def find(model: str) -> tuple[str, Layout, Path | None]:
    """Return the revision an id (`ORGANISATION/NAME@REVISION`) resolves to, its layout, and its folder if cached.

    A filled cache needs no network. Elsewhere only headers are fetched. Raises ModelError.
    """
    from huggingface_hub import HfApi, hf_hub_download

    folder = _cached(model)
    if folder is not None:
        return folder.name, folder_layout(model, folder), folder
    name, _, pin = model.partition("@")
    with _explained(model):
        api = HfApi()
        revision = str(api.model_info(name, revision=pin or None).sha)
        config = read_json(model, Path(hf_hub_download(name, "config.json", revision=revision)))
        metadata = api.get_safetensors_metadata(name, revision=revision)
    shapes = {
        tensor: tuple(info.shape)
        for file in metadata.files_metadata.values()
        for tensor, info in file.tensors.items()
    }
    return revision, layout(model, config, shapes), None


def download(model: str, revision: str) -> Path:
    """Fetch a model at a resolved revision into the hub's cache; return its folder. Raises ModelError."""
    from huggingface_hub import snapshot_download

    with _explained(model):
        return Path(snapshot_download(model.partition("@")[0], revision=revision, allow_patterns=PATTERNS))


def _cached(model: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    name, _, pin = model.partition("@")
    try:
        folder = Path(
            snapshot_download(name, revision=pin or None, local_files_only=True, allow_patterns=PATTERNS)
        )
    except (LocalEntryNotFoundError, FileNotFoundError):
        return None
    except HFValidationError:
        raise ModelError(f"model '{model}': no folder of this name, and no hub id (ORGANISATION/NAME)") from None
    whole = (folder / "config.json").is_file() and list(folder.glob("*.safetensors"))
    return folder if whole else None


@contextmanager
def _explained(model: str) -> Iterator[None]:
    """Turn the hub's errors into one line that says what to do."""
    from huggingface_hub.errors import (
        GatedRepoError,
        NotASafetensorsRepoError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except GatedRepoError:
        raise ModelError(
            f"model '{model}' is gated: accept its terms on its page of the hub, then log in with "
            "`hf auth login` or set HF_TOKEN"
        ) from None
    except RevisionNotFoundError:
        raise ModelError(f"model '{model}': the hub has no such revision of it") from None
    except RepositoryNotFoundError:
        raise ModelError(
            f"model '{model}': no such folder, and the hub has no such model (or it is private: run "
            "`hf auth login`)"
        ) from None
    except RemoteEntryNotFoundError:
        raise ModelError(f"model '{model}': the hub's repository holds no config.json") from None
    except NotASafetensorsRepoError:
        raise ModelError(f"model '{model}' has no *.safetensors (other formats can run code)") from None
    except ModelError:
        raise
    except Exception as error:  # which HTTP client the hub library uses, and so what it raises, changes
        raise ModelError(
            f"model '{model}': not in the local cache, and the hub can't be reached ({type(error).__name__}); "
            "set HF_HOME to a filled cache, or name a folder or a GGUF file"
        ) from None
