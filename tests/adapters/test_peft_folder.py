"""Adapters that PEFT saved are loaded whole, on the model that they are of, or refused in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

from medcot_adapters.peft_folder import load_adapter, save_adapter
from medcot_bench.errors import ModelError
from medcot_bench.models.load import load_model
from medcot_bench.plugins.manager import installed

Tensors = dict[str, torch.Tensor]
WEIGHTS = "adapter_model.safetensors"
MODEL = "base_model.model.model"
Q_PROJ = "self_attn.q_proj"


def base(folder: Path) -> Any:
    return load_model(folder, quantisation="none", dtype=torch.float32, device=torch.device("cpu"))


@pytest.fixture(scope="module")
def made(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapter")
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    get_peft_model(base(tiny_model), config).save_pretrained(folder)
    return folder


@pytest.fixture
def saved(made: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    for path in made.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def error_of(tiny_model: Path, saved: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_adapter(base(tiny_model), saved)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"adapter {saved}")


def test_what_peft_keeps_as_a_set_is_saved_sorted(tiny_model: Path, tmp_path: Path) -> None:
    model = base(tiny_model)
    paths = {name for name, _ in model.named_modules() if name.endswith("_proj")}
    save_adapter(get_peft_model(model, LoraConfig(r=4, target_modules=paths, task_type="CAUSAL_LM")), tmp_path)
    saved = json.loads((tmp_path / "adapter_config.json").read_text())["target_modules"]
    assert len(paths) == 28
    assert saved == sorted({path.rpartition(".")[2] for path in paths})  # PEFT shortens long lists


def test_a_whole_adapter_is_what_peft_loads(tiny_model: Path, saved: Path) -> None:
    ids = torch.arange(30)[None]
    found = load_adapter(base(tiny_model), saved)(input_ids=ids).logits
    assert torch.equal(found, PeftModel.from_pretrained(base(tiny_model), str(saved))(input_ids=ids).logits)
    assert not torch.equal(found, base(tiny_model)(input_ids=ids).logits)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda tensors: {
                (name.replace("layers", "blocks") if ".2." in name or ".3." in name else name): tensor
                for name, tensor in tensors.items()
            },
            f": 8 of 16 tensors fit no module, the first is {MODEL}.blocks.2.{Q_PROJ}.lora_A.weight; "
            f"8 tensors are missing, e.g. {MODEL}.layers.2.{Q_PROJ}.lora_A.default.weight; "
            "give the whole adapter, on the base model that it was trained on",
        ),
        (
            lambda tensors: {name: tensor for name, tensor in tensors.items() if "lora_B" in name},
            f": 8 tensors are missing, e.g. {MODEL}.layers.0.{Q_PROJ}.lora_A.default.weight; give the whole",
        ),
        (
            lambda tensors: tensors | {f"{MODEL}.layers.4.{Q_PROJ}.lora_A.weight": torch.zeros(4, 64)},
            f": 1 of 17 tensors fits no module, the first is {MODEL}.layers.4.{Q_PROJ}.lora_A.weight; give ",
        ),
        (
            lambda tensors: tensors | {f"{MODEL}.layers.0.{Q_PROJ}.lora_A.weight": torch.zeros(8, 64)},
            f": 1 tensor has another shape than in the model, e.g. {MODEL}.layers.0.{Q_PROJ}.lora_A.",
        ),
    ],
    ids=["half under other names", "a factor is missing", "a block too many", "another rank"],
)
def test_tensors_that_are_not_all_those_of_the_adapter_are_refused(
    tiny_model: Path, saved: Path, change: Callable[[Tensors], Tensors], said: str
) -> None:
    save_file(change(load_file(saved / WEIGHTS)), saved / WEIGHTS, metadata={"format": "pt"})
    assert error_of(tiny_model, saved).startswith(said)


def test_an_adapter_of_another_architecture_is_refused(tiny_model: Path, saved: Path) -> None:
    config = json.loads((saved / "adapter_config.json").read_text())
    (saved / "adapter_config.json").write_text(json.dumps(config | {"target_modules": ["c_attn"]}))
    said = error_of(tiny_model, saved)
    assert "c_attn" in said
    assert said.endswith("; give the whole adapter, on the base model that it was trained on")


def test_a_module_that_is_saved_whole_must_be_there(tiny_model: Path, saved: Path) -> None:
    config = json.loads((saved / "adapter_config.json").read_text())
    (saved / "adapter_config.json").write_text(json.dumps(config | {"modules_to_save": ["o_proj"]}))
    missing = f"{MODEL}.layers.0.self_attn.o_proj.weight"
    assert error_of(tiny_model, saved).startswith(f": 1 tensor is missing, e.g. {missing}; give")


@pytest.mark.parametrize("length", [0, 4, -4])
def test_a_file_that_is_cut_off_is_named(tiny_model: Path, saved: Path, length: int) -> None:
    (saved / WEIGHTS).write_bytes((saved / WEIGHTS).read_bytes()[:length])
    assert error_of(tiny_model, saved).startswith(" can't be read: ")


def test_an_external_adapter_is_checked_in_the_same_way(tiny_model: Path, saved: Path) -> None:
    config = saved / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"target_modules": ["q_proj", "k_proj"]}))
    adapter = installed().make_adapter("peft", {"path": str(saved)})
    with pytest.raises(
        ModelError, match=r": 8 of 16 tensors fit no module, the first is .*; 8 tensors are missing, e.g. .*k_proj"
    ):
        adapter.prepare(base(tiny_model), {})


@pytest.mark.parametrize("gone", ["model.norm.weight", "model.embed_tokens.weight"])
def test_a_fully_trained_model_is_loaded_whole_too(tiny_model: Path, tmp_path: Path, gone: str) -> None:
    adapter = installed().make_adapter("full")
    folder = tmp_path / "full"
    adapter.save(base(tiny_model), folder)
    adapter.load(base(tiny_model), folder)
    tensors = load_file(folder / "model.safetensors")
    del tensors[gone]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=rf"^model '{folder}': \d tensors? (is|are) missing, e.g. "):
        adapter.load(base(tiny_model), folder)
