"""A whole external model, `full:path=FOLDER_OR_ID`: it is scored, not trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from medcot_bench import AdapterSpec, ModelError, ModelInfo, Placement, Recipe, check_tensors

_OTHERWISE = "score it as a base model of its own, with --model"


class WholeModel:
    """An external model of the base's architecture and tokenizer; `spec.weights` is the digest of its files."""

    def __init__(self, spec: AdapterSpec, path: str):
        from medcot_bench import find_whole_model  # it imports more than a plugin needs to register

        found = find_whole_model(path)
        self._folder = found.folder
        self.spec = replace(spec, update="none", weights=found.digest, base=found.trained_from, whole=True)

    def recipe(self, model: ModelInfo) -> Recipe:
        """Return a recipe without steps."""
        return Recipe(lr=0.0, max_steps=0)

    def prepare(self, model: Any, placement: Placement) -> Any:
        """Return the external model instead of the base, in its dtype and on its device.

        Raises ModelError for one that can't be loaded whole, and for one with another architecture, other sizes, a
        shorter context or another tokenizer: it is asked with the base's tokens, and paired with the base.
        """
        parameter = next(model.parameters())
        own = _load(self._folder, parameter.dtype)
        if differing := dict(_shapes(model).items() ^ _shapes(own).items()):
            raise ModelError(
                f"model '{self._folder}': another architecture or other sizes than the base model, e.g. in "
                f"{min(differing)}; {_OTHERWISE}"
            )
        length, needed = (one.config.max_position_embeddings for one in (own, model))
        if length < needed:
            raise ModelError(
                f"model '{self._folder}': it reads {length} tokens, the base model {needed}; {_OTHERWISE}"
            )
        if not _reads_alike(_load_tokenizer(Path(model.name_or_path)), _load_tokenizer(self._folder)):
            raise ModelError(f"model '{self._folder}': another tokenizer than the base model's; {_OTHERWISE}")
        return own.to(parameter.device)

    def save(self, model: Any, folder: Path) -> None:
        """Write nothing: it is saved already."""

    def load(self, model: Any, folder: Path) -> Any:
        """Return the external model instead of the base."""
        return self.prepare(model, {})


def _load(folder: Path, dtype: Any) -> Any:
    from transformers import AutoModelForCausalLM, GenerationConfig

    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="sdpa",
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"model '{folder}' can't be loaded: {' '.join(str(error).split())}") from error
    model, found = loaded
    check_tensors(
        f"model '{folder}'",
        missing=found["missing_keys"],
        unexpected=found["unexpected_keys"],
        mismatched=[name for name, _, _ in found["mismatched_keys"]],
        hint="save it again, whole",
    )
    # Sampling settings of a model card would leak into greedy scoring; its own end tokens count.
    ends = model.generation_config.eos_token_id
    model.generation_config = GenerationConfig(
        bos_token_id=model.config.bos_token_id,
        eos_token_id=model.config.eos_token_id if ends is None else ends,
    )
    return model.requires_grad_(False).eval()


def _load_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # the tokenizers library raises bare Exception for a file it can't read
        said = " ".join(str(error).split())
        raise ModelError(f"model '{folder}': its tokenizer can't be loaded: {said}") from error


def _shapes(model: Any) -> dict[str, tuple[int, ...]]:
    return {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}


def _reads_alike(tokenizer: Any, other: Any) -> bool:
    """Whether another tokenizer has all tokens of this one, and splits a text of all of them alike.

    Tokens that were added to it, such as padding, stand in no prompt.
    """
    vocabulary, others = tokenizer.get_vocab(), other.get_vocab()
    text = tokenizer.decode(sorted(vocabulary.values()))
    first, second = (one.encode(text, add_special_tokens=False) for one in (tokenizer, other))
    return bool(vocabulary.items() <= others.items() and first == second)
