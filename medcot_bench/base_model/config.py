"""What config.json must say for a folder to be a causal language model that can be loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from medcot_bench.errors import ModelError
from medcot_bench.text import counted

NEEDED = ("num_hidden_layers", "hidden_size", "max_position_embeddings")
OTHERS = ("vocab_size", "num_attention_heads", "num_key_value_heads", "head_dim", "intermediate_size")
"""Sizes that an architecture may lack, or have as a list with one for each block."""
_EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight")
Shapes = Mapping[str, tuple[int, ...]]
"""Name of a tensor -> its shape."""


def check_config(model: str, config: Mapping[str, Any], shapes: Shapes) -> None:
    """Raise ModelError for a config that is not of a causal language model, or does not fit its tensors."""
    if fault := next(_faults(config, shapes), None):
        raise ModelError(f"model '{model}': config.json {fault}")


def _faults(config: Mapping[str, Any], shapes: Shapes) -> Iterator[str]:
    if method := config.get("quantization_config"):
        name = method.get("quant_method", "") if isinstance(method, dict) else method
        yield (
            f"has a quantization_config ({name}): give the model with plain weights, or remove it where the "
            "weights are plain; the adapter qlora quantises them itself"
        )
    if config.get("is_encoder_decoder"):
        yield "is of an encoder-decoder, not of a causal language model; choose another model"
    if masked := [name for name in _architectures(config) if name.endswith("ForMaskedLM")]:
        yield f"is of a masked language model ({masked[0]}), not of a causal one; choose another model"
    if missing := [name for name in ("model_type", *NEEDED) if config.get(name) is None]:
        yield f"is not a causal language model's: {missing[0]} is missing"
    for name in (*NEEDED, *OTHERS):
        size = config.get(name)
        if size is not None and not isinstance(size, list) and (type(size) is not int or size < 1):
            yield f"is wrong: {name} is {size!r}, and must be a whole number from 1 up; download it again"
    yield from _contradictions(config, shapes)


def _architectures(config: Mapping[str, Any]) -> list[str]:
    named = config.get("architectures")
    return [str(name) for name in named] if isinstance(named, list) else []


def _contradictions(config: Mapping[str, Any], shapes: Shapes) -> Iterator[str]:
    heads, width, words = (config.get(name) for name in ("num_attention_heads", "hidden_size", "vocab_size"))
    if isinstance(heads, int) and config.get("head_dim") is None and int(width or 0) % heads:
        yield f"is wrong: hidden_size {width} is no multiple of num_attention_heads {heads}; download it again"
    rows = next((shape[0] for name, shape in shapes.items() if name.endswith(_EMBEDDINGS) and shape), words)
    if words is not None and words != rows:
        embedded = counted(int(rows or 0), "token")
        yield f"does not fit the weights: vocab_size is {words}, and they embed {embedded}; download both again"
