"""A base model is whole and needs no code of its own, or it is refused in one line."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from medcot_bench.errors import ModelError
from medcot_bench.models.checks import refuse_missing_tensors
from medcot_bench.models.load import load_model, load_tokenizer
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.warm_base import WarmBase
from medcot_bench.testing.tiny import make_tiny_model

CPU = torch.device("cpu")
Tensors = dict[str, torch.Tensor]
Q_PROJ = "model.layers.0.self_attn.q_proj"
CODE = "needs code of its own, which is never run; choose a model of an architecture that transformers has"


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_model, tmp_path / "model")


def rewrite(folder: Path, change: Callable[[Tensors], Tensors]) -> None:
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def set_fields(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def load(folder: Path, quantisation: Any = "none") -> Any:
    return load_model(folder, quantisation=quantisation, dtype=torch.float32, device=CPU)


def error_of(folder: Path, quantisation: Any = "none") -> str:
    with pytest.raises(ModelError) as caught:
        load(folder, quantisation)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"model '{folder}'")


CHANGES: Mapping[str, tuple[Callable[[Tensors], Tensors], str]] = {
    "a block is gone": (
        lambda tensors: {name: tensor for name, tensor in tensors.items() if ".1." not in name},
        ": 9 tensors are missing, e.g. model.layers.1.input_layernorm.weight; download it again",
    ),
    "one is gone": (
        lambda tensors: {name: tensor for name, tensor in tensors.items() if name != "model.norm.weight"},
        ": 1 tensor is missing, e.g. model.norm.weight; download it again",
    ),
    "another prefix": (
        lambda tensors: {f"text_decoder.{name}": tensor for name, tensor in tensors.items()},
        ": 39 tensors are missing, e.g. lm_head.weight; download it again",
    ),
    "a bias that the config does not know": (
        lambda tensors: tensors | {f"{Q_PROJ}.bias": torch.zeros(64)},
        f": 1 tensor fits no module, the first is {Q_PROJ}.bias; download it again",
    ),
    "a block more": (
        lambda tensors: tensors | {"model.layers.4.input_layernorm.weight": torch.zeros(64)},
        ": 1 tensor fits no module, the first is model.layers.4.input_layernorm.weight; download it again",
    ),
    "another shape": (
        lambda tensors: tensors | {f"{Q_PROJ}.weight": torch.zeros(32, 64)},
        f": 1 tensor has another shape than in the model, e.g. {Q_PROJ}.weight; download it again",
    ),
}


@pytest.mark.parametrize("quantisation", ["none", "nf4"])
@pytest.mark.parametrize("change", CHANGES)
def test_weights_that_are_not_all_those_of_the_model_are_refused(
    folder: Path, change: str, quantisation: str
) -> None:
    rewrite(folder, CHANGES[change][0])
    assert error_of(folder, quantisation).startswith(CHANGES[change][1])


@pytest.mark.parametrize("tied", [True, False])
def test_what_plays_no_part_is_no_fault(tmp_path: Path, tied: bool) -> None:
    folder = make_tiny_model(tmp_path / "model", tied=tied)  # a tied model has no lm_head in its file
    head = load(folder).get_output_embeddings().weight
    extra = {
        "vision_tower.weight": torch.zeros(3),
        "model.layers.0.self_attn.rotary_emb.inv_freq": torch.zeros(8),
    }
    rewrite(folder, lambda tensors: tensors | extra)
    assert torch.equal(load(folder).get_output_embeddings().weight, head)


def test_a_folder_that_can_t_be_read_is_named(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    assert error_of(folder).startswith(" can't be loaded: SafetensorError: ")
    path.write_bytes(b"")
    assert error_of(folder).startswith(" can't be loaded: SafetensorError: ")
    path.unlink()
    assert error_of(folder).startswith(" can't be loaded: OSError: Error no file named model.safetensors")


def test_memory_that_runs_out_is_no_fault_of_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_out(*arguments: Any, **settings: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    monkeypatch.setattr("medcot_bench.models.load.AutoModelForCausalLM.from_pretrained", run_out)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        load(folder)


def test_an_error_without_a_text_says_where_it_was_raised(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def assert_nothing(*arguments: Any, **settings: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("medcot_bench.models.load.AutoModelForCausalLM.from_pretrained", assert_nothing)
    assert error_of(folder).startswith(" can't be loaded: AssertionError in assert_nothing, test_load.py:")


def test_code_of_a_folder_never_runs(folder: Path) -> None:
    (folder / "own.py").write_text("from pathlib import Path\nPath(__file__).with_name('ran').touch()\n")
    map_of_model = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}
    set_fields(folder / "config.json", auto_map=map_of_model)
    load(folder)  # transformers has the architecture: the folder's own code is left alone
    set_fields(folder / "config.json", model_type="own")
    assert error_of(folder) == f" {CODE}"
    set_fields(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["own.T", None]}, tokenizer_class="T")
    with pytest.raises(ModelError) as caught:
        load_tokenizer(folder)
    assert str(caught.value) == f"{folder}: the tokenizer {CODE}"
    assert not (folder / "ran").exists()


def test_an_architecture_that_transformers_does_not_have_is_named(folder: Path) -> None:
    set_fields(folder / "config.json", model_type="own")
    assert " does not know its model_type 'own'; update transformers, or choose another" in error_of(folder)


def test_a_missing_tensor_that_peft_warns_of_is_an_error() -> None:
    with (
        pytest.raises(ModelError, match=r"^out/adapter: its files have not all tensors of this adapter: Found mi"),
        refuse_missing_tensors("out/adapter"),
    ):
        warnings.warn(f"Found missing adapter keys while loading the checkpoint: {['a'] * 500}.", stacklevel=1)
    with pytest.warns(UserWarning, match="slow"), refuse_missing_tensors("out/adapter"):
        warnings.warn("this is slow", stacklevel=1)


def test_the_first_loan_that_is_no_trial_names_the_cost_of_loading(tiny_model: Path) -> None:
    base = WarmBase(tiny_model, CPU)
    base.load("none", torch.float32)
    costs = []
    for trial in (True, True, False, False):
        with base.lend("none", torch.float32, trial=trial) as lent:
            costs.append(lent.seconds)
    assert costs[0] == costs[1] == costs[2] > 0
    assert costs[3] == 0


# --- what a folder's files may say ---


def tokenizer_error(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_tokenizer(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("kind", "named"), [("t5", "T5"), ("vit", "ViT")])
def test_a_model_of_another_kind_is_one_short_line(folder: Path, kind: str, named: str) -> None:
    set_fields(folder / "config.json", model_type=kind)
    said = f" is not a causal language model (its config.json is of {named}); choose another model"
    assert error_of(folder) == said


@pytest.mark.parametrize("fields", [{"hidden_act": "nope"}, {"rope_parameters": {"rope_type": "x"}}], ids=str)
def test_what_transformers_can_not_load_has_a_remedy(folder: Path, fields: dict[str, Any]) -> None:
    set_fields(folder / "config.json", **fields)
    assert re.fullmatch(r" can't be loaded: .*; check its JSON files, or download it again", error_of(folder))


@pytest.mark.parametrize("text", ["{}", '{"model": null}', '{"model": {"type": "BPE", "vocab": {}}}'])
def test_a_tokenizer_without_a_vocabulary_is_named(folder: Path, text: str) -> None:
    (folder / "tokenizer.json").write_text(text)
    assert tokenizer_error(folder).endswith(": tokenizer.json has no vocabulary; download it again")


def test_a_tokenizer_that_loads_with_an_empty_vocabulary_is_named(folder: Path) -> None:
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"] = {}
    (folder / "tokenizer.json").write_text(json.dumps(content))
    assert " vocabulary is empty (no token for 'a'); download it again" in tokenizer_error(folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"])
@pytest.mark.parametrize("text", ["[]", "null", "3", "{", ""])
def test_a_file_of_the_tokenizer_of_a_wrong_type_is_named(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    said = tokenizer_error(folder)
    assert f"model '{folder}': " in said
    assert f"{name} is not a JSON object; fix it," in said or f"can't read {name}: " in said


@pytest.mark.parametrize("fields", [{"model_max_length": "x"}, {"tokenizer_class": 3}, {"eos_token": 3}], ids=str)
def test_a_wrong_field_of_the_tokenizer_has_a_remedy(folder: Path, fields: dict[str, Any]) -> None:
    set_fields(folder / "tokenizer_config.json", **fields)
    said = tokenizer_error(folder)
    assert said.startswith(f"{folder}: the tokenizer can't be loaded: ")
    assert said.endswith("; check its JSON files, or download it again")


def test_a_tokenizer_without_eos_is_refused_and_one_without_padding_pads_with_eos(folder: Path) -> None:
    set_fields(folder / "tokenizer_config.json", pad_token=None)
    tokenizer = load_tokenizer(folder)
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == 257
    set_fields(folder / "tokenizer_config.json", eos_token=None)
    assert tokenizer_error(folder) == f"{folder}: the tokenizer has no EOS token, so models can't learn to stop"


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(folder: Path) -> None:
    set_fields(folder / "config.json", vocab_size=257)  # <eos> is 257
    said = tokenizer_error(folder)
    assert said.startswith(
        f"{folder}: the tokenizer has ids up to 257, and config.json a vocab_size of 257; give "
    )
    set_fields(folder / "config.json", vocab_size=258)
    load_tokenizer(folder).encode("a")


@pytest.mark.parametrize(
    "template", ["{% if", "{{ messages[0].nothing.at_all }}", "{{ raise_exception('no system role') }}"]
)
def test_a_chat_template_that_can_not_be_used_is_told_before_anything_is_trained(
    folder: Path, template: str
) -> None:
    tokenizer = load_tokenizer(folder)
    tokenizer.chat_template = template
    with pytest.raises(
        ModelError, match=r"^the model's chat template can't write these turns \(user\): .*; leave out"
    ):
        Encoder(tokenizer, chat_template=True)
    Encoder(tokenizer)
