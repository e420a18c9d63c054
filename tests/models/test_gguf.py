"""GGUF files as `--model`: the header gives the layout that transformers makes of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from transformers import AutoModelForCausalLM

from medcot_bench.base_model.resolve import Base, resolve
from medcot_bench.errors import ModelError
from medcot_bench.models.load import load_tokenizer, weights_folder
from medcot_bench.testing.tiny import make_tiny_model

GGUF_PARTS = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
GGUF_OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def write_gguf(base: Base, path: Path) -> Path:
    """Write random weights of this model's shapes under GGUF's names, with one tensor that is no parameter."""
    writer = gguf.GGUFWriter(path, base.info.architecture)
    writer.add_block_count(base.info.n_layers)
    writer.add_embedding_length(base.info.hidden_size)
    writer.add_context_length(base.info.max_positions)
    for module in base.modules:
        inside = module.path.removeprefix(f"model.layers.{module.layer}.")
        name = f"blk.{module.layer}.{GGUF_PARTS[inside]}" if inside in GGUF_PARTS else GGUF_OUTSIDE[inside]
        for kind, shape in zip(("weight", "bias"), module.shapes, strict=False):
            writer.add_tensor(f"{name}.{kind}", np.zeros(shape, dtype=np.float32))
    writer.add_tensor("rope_freqs.weight", np.zeros(4, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDCOT_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_gguf_file_has_the_layout_of_the_same_model_in_a_folder(
    tmp_path: Path, architecture: Any, tied: bool
) -> None:
    base = resolve(str(make_tiny_model(tmp_path / "m", architecture, layers=2, tied=tied)))
    path = write_gguf(base, tmp_path / "tiny-Q4_1.gguf")
    found = resolve(str(path))
    assert found.info == base.info
    assert sorted(found.modules, key=str) == sorted(base.modules, key=str)
    assert (found.kind, found.path, found.origin) == ("gguf", path, "GGUF, dequantised from Q4_1")


def test_the_digest_of_a_gguf_file_is_that_of_its_bytes(tiny_model: Path, tmp_path: Path) -> None:
    path = write_gguf(resolve(str(tiny_model)), tmp_path / "a.gguf")
    first = resolve(str(path))
    assert first.origin == "GGUF, dequantised from its own types"
    copy = shutil.copy(path, tmp_path / "b.gguf")
    assert resolve(str(copy)).digest == first.digest
    with copy.open("ab") as file:
        file.write(b"\0")
    assert resolve(str(copy)).digest != first.digest


@pytest.fixture
def conversions(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What transformers was asked to read; it gives the tiny model, whatever the GGUF file holds."""
    asked: list[dict[str, Any]] = []
    tokenizer, model = load_tokenizer(tiny_model), AutoModelForCausalLM.from_pretrained(tiny_model)

    def read(source: Path, **settings: Any) -> Any:
        asked.append(settings)
        return (model, {"missing_keys": set()}) if "output_loading_info" in settings else tokenizer

    monkeypatch.setattr("medcot_bench.models.load.AutoTokenizer.from_pretrained", read)
    monkeypatch.setattr("medcot_bench.models.load.AutoModelForCausalLM.from_pretrained", read)
    return asked


def test_a_converted_file_is_converted_again_once_it_is_not_as_it_was_written(
    tiny_model: Path, tmp_path: Path, conversions: list[dict[str, Any]]
) -> None:
    path = write_gguf(resolve(str(tiny_model)), tmp_path / "a.gguf")
    folder = weights_folder(resolve(str(path)))
    assert len(conversions) == 2
    assert not any(asked["trust_remote_code"] for asked in conversions)
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    assert weights_folder(resolve(str(path))) == folder
    assert len(conversions) == 2
    for times, damaged in enumerate((whole[:-1] + b"x", whole[:-1], b""), start=2):
        weights.write_bytes(damaged)
        assert weights_folder(resolve(str(path))) == folder
        assert len(conversions) == 2 * times
        assert weights.read_bytes() == whole
    (folder / "saved_files").write_text("[")
    assert weights_folder(resolve(str(path))) == folder
    assert len(conversions) == 10
    (folder / "saved_files").unlink()  # as an older version left it
    assert weights_folder(resolve(str(path))) == folder
    assert len(conversions) == 10
    assert [*folder.parent.iterdir()] == [folder]


def error_of(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        resolve(str(path))
    text = str(caught.value)
    assert "\n" not in text
    return text.removeprefix(f"model '{path}'")


def test_a_file_that_is_no_whole_gguf_is_named(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    for content in (b"", b"GG", b"<html>not found"):
        path.write_bytes(content)
        assert error_of(path) == ": a.gguf is not a GGUF file"
    whole = write_gguf(resolve(str(tiny_model)), tmp_path / "whole.gguf").read_bytes()
    for length in (4, 8, 24, 60, 200, 2000):
        path.write_bytes(whole[:length])
        assert error_of(path).startswith(": can't read a.gguf: ")
