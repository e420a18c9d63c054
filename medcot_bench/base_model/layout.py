"""Size and layout of a model from the headers of its files: safetensors or GGUF. Reads no weights."""

from __future__ import annotations

import itertools
import json
import math
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from medcot_bench.base_model.config import Shapes, check_config
from medcot_bench.errors import ModelError
from medcot_bench.text import counted
from medcot_bench.types import ModelInfo, ModuleInfo

RECIPE_FILE = "medcot_recipe.json"
AGAIN = "fix it, or download it again"
Layout = tuple[ModelInfo, tuple[ModuleInfo, ...]]

_LAYER = re.compile(r"(?:^|\.)(?:layers|layer|h|blocks|block)\.(\d+)\.")
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


def make_layout(model: str, config: Mapping[str, Any], shapes: Shapes) -> Layout:
    """Return the size and the leaf modules of a model. Raises ModelError for a config that is of no such model."""
    check_config(model, config, shapes)
    parameters: dict[str, list[tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        parameters.setdefault(name.rpartition(".")[0], []).append(shape)
    modules = []
    for path, found in parameters.items():
        weight_first = tuple(sorted(found, key=len, reverse=True))
        modules.append(ModuleInfo(path, layer_of(path), kind_of(path), weight_first))
    info = ModelInfo(
        architecture=str(config["model_type"]),
        n_layers=config["num_hidden_layers"],
        hidden_size=config["hidden_size"],
        parameters=sum(math.prod(shape) for shape in shapes.values()),
        max_positions=config["max_position_embeddings"],
    )
    _check_blocks(model, info.n_layers, {module.layer for module in modules if module.layer is not None})
    return info, tuple(modules)


def _check_blocks(model: str, count: int, there: set[int]) -> None:
    """Raise ModelError where the files hold other blocks than a model of `count` blocks has."""
    missing = count - sum(0 <= number < count for number in there)  # the count may be nonsense, and huge
    if there and missing > 0:
        first = next(number for number in itertools.count() if number not in there)
        raise ModelError(
            f"model '{model}': its files have no weights of {missing} of its {counted(count, 'block')}, e.g. of "
            f"block {first}; download it again, whole, with the config.json that belongs to its weights"
        )


def read_folder_layout(model: str, folder: Path) -> Layout:
    """Return the layout of a model folder with config.json and safetensors. Raises ModelError."""
    return make_layout(model, read_json(model, folder / "config.json"), _safetensors_shapes(model, folder))


def read_gguf_layout(model: str, path: Path) -> Layout:
    """Return the layout of a GGUF file under transformers' names. Raises ModelError."""
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
            if prefix:
                raise ModelError(
                    f"model '{model}': GGUF of architecture '{architecture}' with {tensor.name} is not supported; "
                    "use a model folder"
                )
            continue  # e.g. rope_freqs: no parameter of the model
        # GGUF lists dimensions from the innermost outwards.
        shapes[f"{prefix}{_GGUF_NAMES[name]}.{parts[-1]}"] = tuple(int(n) for n in reversed(tensor.shape))
    config = {
        "model_type": architecture,
        "num_hidden_layers": number["block_count"],
        "hidden_size": number["embedding_length"],
        "max_position_embeddings": number["context_length"],
    }
    return make_layout(model, config, shapes)


def read_json(model: str, path: Path) -> dict[str, Any]:
    """Read a JSON object of a model folder. Raises ModelError."""
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"model '{model}': can't read {path.name}: {error}; {AGAIN}") from None
    if not isinstance(loaded, dict):
        raise ModelError(f"model '{model}': {path.name} is not a JSON object; {AGAIN}")
    return loaded


def _safetensors_shapes(model: str, folder: Path) -> Shapes:
    shapes: dict[str, tuple[int, ...]] = {}
    for file in _weight_files(model, folder):
        try:
            with file.open("rb") as handle:
                (length,) = struct.unpack("<Q", handle.read(8))
                header = json.loads(handle.read(length))
            tensors = {name: tensor for name, tensor in header.items() if name != "__metadata__"}
            shapes |= {name: tuple(tensor["shape"]) for name, tensor in tensors.items()}
            end = 8 + length + max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
        except (OSError, MemoryError, RecursionError) as error:
            raise ModelError(f"model '{model}': can't read {file.name}: {error}") from None
        except (struct.error, ValueError, OverflowError, TypeError, KeyError, IndexError, AttributeError):
            raise ModelError(f"model '{model}': can't read {file.name}: no safetensors header") from None
        if file.stat().st_size < end:
            raise ModelError(f"model '{model}': {file.name} is truncated; download it again")
    if not shapes:
        raise ModelError(f"model '{model}': no *.safetensors in the folder (other formats can run code)")
    return shapes


def _weight_files(model: str, folder: Path) -> list[Path]:
    """Return the files that transformers would load: some repositories have the weights twice."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        listed = read_json(model, index).get("weight_map")
        if not isinstance(listed, dict):
            raise ModelError(f"model '{model}': {index.name} has no weight_map")
        return [folder / name for name in sorted({str(name) for name in listed.values()})]
    whole = folder / "model.safetensors"
    return [whole] if whole.is_file() else sorted(folder.glob("*.safetensors"))


def layer_of(path: str) -> int | None:
    """Return the block that a module lies in, None outside the blocks."""
    found = _LAYER.search(f"{path}.")
    return int(found[1]) if found else None


def kind_of(path: str) -> Literal["attention", "mlp", "other"]:
    """Return what a module is of, by the names in its path."""
    if re.search(r"\.(self_attn|attn|attention)\.", path):
        return "attention"
    return "mlp" if re.search(r"\.(mlp|ffn|feed_forward)\.", path) else "other"
