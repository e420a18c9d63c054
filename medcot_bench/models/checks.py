"""What keeps a model from being used, once a library has loaded it or has failed to."""

from __future__ import annotations

import re
import textwrap
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import transformers

from medcot_bench.base_model.layout import read_json
from medcot_bench.base_model.tensors import check_tensors
from medcot_bench.errors import ModelError, describe_error


def check_loaded(folder: Path, model: Any, found: Mapping[str, Collection[Any]]) -> None:
    """Raise ModelError if the tensors of a folder are not all those of the model that was loaded from it.

    `found` is what transformers returns for `output_loading_info` and `ignore_mismatched_sizes`.
    """
    check_tensors(
        f"model '{folder}'",
        missing=found["missing_keys"],
        unexpected=_in_known_parts(model, found["unexpected_keys"]),
        mismatched=[*(name for name, _, _ in found["mismatched_keys"]), *_wrong_shapes(model)],
        hint="download it again, whole, with the config.json that belongs to its weights",
    )


def why_not_loaded(error: BaseException) -> str:
    """Return the end of a sentence: why transformers did not load a folder."""
    text = str(error)
    if "trust_remote_code" in text:
        return "needs code of its own, which is never run; choose a model of an architecture that transformers has"
    if unknown := re.search(r"has model type `(.*?)` but Transformers does not", text):
        return (
            f"can't be loaded: transformers {transformers.__version__} does not know its model_type "
            f"'{unknown[1]}'; update transformers, or choose another model"
        )
    if other := re.search(r"Unrecognized configuration class <class '[\w.]*?(\w+)Config'>", text):
        return f"is not a causal language model (its config.json is of {other[1]}); choose another model"
    if without := re.search(r"(\w+) does not support an attention implementation through torch", text):
        return (
            f"can't be loaded: transformers {transformers.__version__} has no SDPA attention for {without[1]}; "
            "choose another model"
        )
    return f"can't be loaded: {describe_error(error).rstrip('.')}; check its JSON files, or download it again"


def check_tokenizer(folder: Path, tokenizer: Any) -> None:
    """Raise ModelError for a tokenizer that a causal language model can't be trained with, or not this one."""
    if tokenizer.eos_token_id is None:
        raise ModelError(f"{folder}: the tokenizer has no EOS token, so models can't learn to stop")
    tokens = tokenizer.encode("a")
    if not tokens:
        raise ModelError(f"{folder}: the tokenizer's vocabulary is empty (no token for 'a'); download it again")
    if tokens[-1] == tokenizer.eos_token_id:
        raise ModelError(f"{folder}: the tokenizer appends EOS to all text; set add_eos_token to false")
    # Tokens added for other uses, such as images, may lie beyond.
    used = max(tokenizer.vocab_size - 1, tokenizer.eos_token_id, *tokens)
    rows = read_json(str(folder), folder / "config.json").get("vocab_size")
    if isinstance(rows, int) and used >= rows:
        raise ModelError(
            f"{folder}: the tokenizer has ids up to {used}, and config.json a vocab_size of {rows}; give the "
            "tokenizer that belongs to the model"
        )


def check_json_files(folder: Path) -> None:
    """Raise ModelError for the first file of a model or tokenizer that is not what its name says."""
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"):
        if not (folder / name).is_file():
            continue
        model = read_json(str(folder), folder / name).get("model", {"vocab": None})
        if name == "tokenizer.json" and not (isinstance(model, dict) and model.get("vocab")):
            raise ModelError(f"model '{folder}': {name} has no vocabulary; download it again")


@contextmanager
def refuse_missing_tensors(what: str) -> Iterator[None]:
    """Raise ModelError where PEFT only warns: that the adapter which is loaded inside has not all its tensors."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=r"[\s\S]*missing adapter keys")
        try:
            yield
        except UserWarning as warning:
            said = textwrap.shorten(str(warning), 200, placeholder=" ...")
            raise ModelError(f"{what}: its files have not all tensors of this adapter: {said}") from None


def _in_known_parts(model: Any, unexpected: Collection[str]) -> list[str]:
    """Return those of the tensors that lie in a part which the model has, such as its blocks.

    What lies outside, for example the vision tower of a larger model, plays no part in text.
    """
    parts = {name for name, _ in model.named_modules()} - {"", model.base_model_prefix}
    return [name for name in unexpected if any(name.startswith(f"{part}.") for part in parts)]


def _wrong_shapes(model: Any) -> Iterator[str]:
    """Yield the weights in 4 bits that have another shape than their module, which transformers does not check."""
    for name, module in model.named_modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if state is not None and tuple(state.shape) != (module.out_features, module.in_features):
            yield f"{name}.weight"
