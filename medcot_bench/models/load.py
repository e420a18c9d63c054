"""Load a base model: convert a GGUF once, download a hub model, quantise to NF4; checksums of weights."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, GenerationConfig

from medcot_bench.base_model import hub_model
from medcot_bench.base_model.chat_date import fix_date
from medcot_bench.base_model.resolve import Base, find_converted_folder
from medcot_bench.base_model.tensors import check_tensors
from medcot_bench.errors import ModelError
from medcot_bench.models.checks import check_json_files, check_loaded, check_tokenizer, why_not_loaded
from medcot_bench.models.meter import is_out_of_memory
from medcot_bench.results.saved_files import SavedFile, describe, find_damage

_SAVED = "saved_files"
"""File beside a converted model that says what its other files were when they were written."""


def weights_folder(base: Base) -> Path:
    """Return a folder from which transformers can load the base model, converted or downloaded if needed.

    Raises ModelError if that fails.
    """
    if base.kind == "gguf" and base.path is not None:
        folder = find_converted_folder(base.digest)
        if not _is_converted(folder):
            _convert_gguf(base, base.path, folder)
        return folder
    if base.path is None:
        return hub_model.download(base.name, base.revision)
    return base.path


def load_tokenizer(folder: Path) -> Any:
    """Load the tokenizer; without a pad token it pads with EOS, and its chat template writes a fixed date.

    Raises ModelError for an unusable one.
    """
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        check_tokenizer(folder, tokenizer)
    except ModelError:
        raise
    except Exception as error:  # the tokenizers library raises bare Exception for a file it can't read
        check_json_files(folder)
        raise ModelError(f"{folder}: the tokenizer {why_not_loaded(error)}") from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    template = tokenizer.chat_template
    if isinstance(template, dict):  # one for each use: without tools, which no prompt has, this one counts
        template = template.get("default")
    if isinstance(template, str) and (fixed := fix_date(template)) != template:
        # For this process; what is saved keeps its own template.
        tokenizer.apply_chat_template = partial(tokenizer.apply_chat_template, chat_template=fixed)
    return tokenizer


def load_model(
    folder: Path, *, quantisation: Literal["none", "nf4"], dtype: torch.dtype, device: torch.device
) -> Any:
    """Load a causal language model with all parameters frozen, in evaluation mode.

    `nf4` holds the linear layers in 4 bits with double quantisation and computes in `dtype`. Raises ModelError for
    a folder that can't be read, that needs code of its own, or whose tensors are not all those of its model.
    """
    arguments: dict[str, Any] = {"dtype": dtype, "use_safetensors": True, "attn_implementation": "sdpa"}
    if quantisation == "nf4":
        arguments["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
        arguments["device_map"] = {"": str(device)}
    try:
        with quiet():
            made: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                trust_remote_code=False,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # check_loaded names them
                **arguments,
            )
    except Exception as error:
        if is_out_of_memory(error):
            raise
        check_json_files(folder)
        raise ModelError(f"model '{folder}' {why_not_loaded(error)}") from error
    model, found = made
    check_loaded(folder, model, found)
    if quantisation == "none":
        model.to(device)
    for module in model.modules():
        # On CPUs with bf16 units bitsandbytes would repack weights at the first forward without gradients, and
        # compute in bf16 from then on, by an operator without autograd: another model, and wrong gradients.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    model.requires_grad_(False)
    # Sampling settings that a model card recommends would leak into greedy scoring.
    ends = model.generation_config.eos_token_id
    model.generation_config = GenerationConfig(
        bos_token_id=model.config.bos_token_id,
        eos_token_id=model.config.eos_token_id if ends is None else ends,
    )
    return model.eval()


def resolve_device(device: str) -> torch.device:
    """Return the device: `auto` is CUDA if available, else the CPU. Raises ModelError for an unusable one."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(1, device=found)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n")[0]
        raise ModelError(f"device '{device}' is not usable here: {reason}") from None
    return found


def resolve_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Return the dtype of computation: `auto` is bfloat16 on a GPU that has it, else float32.

    On a CPU without bf16 units float32 is some twenty times faster, so `auto` never takes bfloat16 there.
    """
    if dtype == "auto":
        has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if has_bf16 else torch.float32
    return torch.bfloat16 if dtype == "bfloat16" else torch.float32


@torch.no_grad()
def checksum(model: Any) -> dict[str, int]:
    """Return a CRC-32 of the bytes of every parameter and buffer: a fast check for changed weights."""
    return {
        name: zlib.crc32(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]
    }


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' progress bars off the log."""
    shown = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers.utils.logging.enable_progress_bar()


def _is_converted(folder: Path) -> bool:
    """Whether a GGUF file's folder is there, as it was written. Older ones are only checked for length."""
    if not (folder / "config.json").is_file():
        return False
    try:
        fields = json.loads((folder / _SAVED).read_bytes()) if (folder / _SAVED).exists() else {}
        saved = {name: SavedFile(**field) for name, field in fields.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return False
    return find_damage(folder, saved) is None


def _convert_gguf(base: Base, path: Path, folder: Path) -> None:
    """Dequantise a GGUF file once into safetensors, in fp32, under a temporary name until it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix="converting-"))
    try:
        with quiet():
            source, name = path.parent, path.name
            try:
                tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=name, trust_remote_code=False)
                made: Any = AutoModelForCausalLM.from_pretrained(
                    source, gguf_file=name, dtype=torch.float32, trust_remote_code=False, output_loading_info=True
                )
            except (ValueError, KeyError, OSError) as error:
                raise ModelError(f"model '{base.name}': transformers can't read this GGUF: {error}") from None
            loaded, found = made
            check_tensors(f"model '{base.name}'", missing=found["missing_keys"], hint="download it again")
            # The GGUF quantiser that transformers leaves on the model would refuse to save, and clash with NF4.
            config = loaded.config
            if hasattr(config, "quantization_config"):
                del config.quantization_config
            config._name_or_path = base.name
            model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, trust_remote_code=False)
            model.load_state_dict(loaded.state_dict())
            model.save_pretrained(work, safe_serialization=True)
            tokenizer.save_pretrained(work)
        saved = {name: asdict(file) for name, file in describe(work).items()}
        (work / _SAVED).write_text(json.dumps(saved), encoding="utf-8")
        if folder.exists() and not _is_converted(folder):
            shutil.rmtree(folder.rename(work.with_suffix(".damaged")))
        try:
            os.rename(work, folder)  # noqa: PTH104  (fails, as wanted, where another run was faster)
        except OSError:
            if not (folder / "config.json").is_file():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
