"""Adapters are placed on the modules that a model has, whatever its file calls them: linear layers by type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    FalconConfig,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    MixtralConfig,
    OPTConfig,
    Qwen3Config,
    Qwen3MoeConfig,
)

from medcot_bench.base_model import architecture
from medcot_bench.base_model.resolve import resolve
from medcot_bench.cli import main
from medcot_bench.errors import ModelError
from medcot_bench.models.describe_architecture import describe
from medcot_bench.planning.build import make_plan
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_adapter import find_unadaptable, resolve_adapter
from medcot_bench.study.schema import Study
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.testing.tiny import make_tiny_tokenizer

SIZE: dict[str, Any] = {
    "vocab_size": 258,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "pad_token_id": 257,
    "max_position_embeddings": 128,
}
GROUPED: dict[str, Any] = SIZE | {"num_key_value_heads": 1, "intermediate_size": 48, "head_dim": 16}
EXPERTS = {"moe_intermediate_size": 24, "num_experts": 4, "num_experts_per_tok": 2}
ATTENTION = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
CONFIGS: dict[str, tuple[Any, str, tuple[str, ...], tuple[str, ...]]] = {
    "gpt_neox": (
        GPTNeoXConfig(**SIZE, intermediate_size=48),
        "gpt_neox.layers",
        ("attention.query_key_value", "attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
        (),
    ),
    "opt": (
        OPTConfig(**SIZE, ffn_dim=48, word_embed_proj_dim=32),
        "model.decoder.layers",
        (*ATTENTION[:3], "self_attn.out_proj", "fc1", "fc2"),
        (),
    ),
    "falcon": (
        FalconConfig(**SIZE, alibi=False),
        "transformer.h",
        ("self_attention.query_key_value", "self_attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
        (),
    ),
    "mixtral": (
        MixtralConfig(**GROUPED, num_local_experts=4),
        "model.layers",
        ATTENTION,
        ("mlp.gate", "mlp.experts"),
    ),
    "qwen3_moe": (Qwen3MoeConfig(**GROUPED, **EXPERTS), "model.layers", ATTENTION, ("mlp.gate", "mlp.experts")),
}
"""Model type -> config, path of the blocks, linear layers of a block, and its other matrices."""


@pytest.fixture
def in_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask this process in place of another one."""
    monkeypatch.setenv("MEDCOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(architecture, "_ask", lambda config: describe(json.loads(config)))


def save(config: Any, folder: Path) -> Path:
    with torch.random.fork_rng():
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    make_tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("name", CONFIGS)
def test_placements_are_those_of_the_loaded_model(name: str, tmp_path: Path) -> None:
    config, blocks, linear, others = CONFIGS[name]
    base = resolve(str(save(config, tmp_path / name)))
    assert base.as_built

    def place(typed: str) -> set[str]:
        return {*resolve_adapter(parse_specs(typed)[0], installed()).place(base.info, base.modules, seed=0)}

    model: Any = AutoModelForCausalLM.from_pretrained(base.path)
    assert place("full") == {path.rpartition(".")[0] for path, _ in model.named_parameters()}
    assert place("lora") == {f"{blocks}.{block}.{path}" for block in range(2) for path in linear}
    assert place("layer_lora") == {f"{blocks}.1.{path}" for path in linear}
    assert place("lora:targets=attention") == {f"{blocks}.{b}.{p}" for b in range(2) for p in linear if "att" in p}
    unadaptable = {module.path for module in find_unadaptable(base.modules)}
    assert unadaptable == {f"{blocks}.{block}.{path}" for block in range(2) for path in others}
    for typed in ("full", "lora"):
        adapter: Any = resolve_adapter(parse_specs(typed)[0], installed()).adapter
        model.requires_grad_(False)
        adapted = adapter.prepare(model, dict.fromkeys(sorted(place(typed))))
        trained = {path for path, parameter in adapted.named_parameters() if parameter.requires_grad}
        assert len(trained) == (len([*model.parameters()]) if typed == "full" else 2 * len(place(typed)))


@pytest.mark.usefixtures("in_process")
def test_training_on_other_modules_than_files_name_has_ids_of_its_own(
    study_fields: dict[str, Any], tmp_path: Path
) -> None:
    for config, said in ((CONFIGS["opt"][0], "as built"), (LlamaConfig(**GROUPED), None)):
        plan = make_plan(Study(**study_fields | {"model": str(save(config, tmp_path / config.model_type))}))
        assert {cell.request.get("modules") for cell in plan.cells if cell.task} == {said}


@pytest.mark.usefixtures("in_process")
def test_the_plan_says_what_can_t_be_adapted(
    study_fields: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = study_fields.get("training", {}) | {"overlong": "truncate-context"}  # OPT's 128 tokens hold no item

    def planned(name: str, adapters: str) -> str:
        folder = save(CONFIGS[name][0], tmp_path / f"{name}{len(adapters)}")
        (tmp_path / "study.yaml").write_text(
            json.dumps(study_fields | {"model": str(folder), "adapters": adapters} | {"training": cut})
        )
        assert main(["plan", str(tmp_path / "study.yaml")]) == 0
        return " ".join(capsys.readouterr().out.split())

    block = 32 * 32 * 2 + 16 * 32 * 2 + 2 * 32  # attention and norms
    left = 4 * 32 + 4 * 3 * 48 * 32  # router and experts
    share = f"{left / (block + left):.0%}"
    assert (
        f"note: lora, layer_lora: {share} of the parameters in blocks are in no linear layer, and can't be "
        "adapted: model.layers.0.mlp.gate, model.layers.0.mlp.experts, and so in the other blocks"
    ) in planned("mixtral", "full,lora,layer_lora")
    assert "can't be adapted" not in planned("mixtral", "full")
    assert "can't be adapted" not in planned("opt", "full,lora")


@pytest.mark.parametrize("config", [MistralConfig(**GROUPED), Qwen3Config(**GROUPED)], ids=["mistral", "qwen3"])
def test_what_is_read_from_files_alone_is_what_the_model_has(config: Any, tmp_path: Path) -> None:
    base = resolve(str(save(config, tmp_path / "model")))
    built = describe(json.loads((tmp_path / "model" / "config.json").read_text()))["modules"]
    assert config.model_type in architecture.FILES_NAME_MODULES
    assert {(m.path, m.shapes) for m in base.modules} == {(p, tuple(map(tuple, own))) for p, _, own in built}


@pytest.mark.usefixtures("in_process")
def test_an_architecture_that_can_t_be_used_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save(CONFIGS["opt"][0], tmp_path / "model")
    monkeypatch.setattr("transformers.OPTForCausalLM._supports_sdpa", False)
    said = r"^model '.*' can't be loaded: transformers \S+ has no SDPA attention for OPT\w+; choose another model$"
    with pytest.raises(ModelError, match=said):
        resolve(str(folder))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {},
            rf"can't be loaded: transformers {transformers.__version__} does not know its model_type 'nonesuch'; ",
        ),
        ({"auto_map": {"AutoConfig": "code.Config"}}, "needs code of its own, which is never run; choose "),
    ],
)
def test_an_unknown_model_type_is_told_as_in_loading(
    fields: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [describe({"model_type": "nonesuch", **fields})]
    monkeypatch.setattr(architecture, "_ask", lambda config: answers.pop(0))
    with pytest.raises(ModelError) as caught:
        architecture.find_architecture("m", fields, tmp_path)
    assert str(caught.value).startswith(f"model 'm' {said}")
    assert "\n" not in str(caught.value)
    answers.append({"modules": [], "flat": True})  # once transformers knows it
    assert architecture.find_architecture("m", fields, tmp_path) == architecture.Architecture((), flat=True)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"flat": true}', '{"modules": [[1]], "flat": true}'])
def test_a_damaged_answer_is_asked_for_again(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"modules": [["lm_head", True, [[4, 8]]]], "flat": False}
    asked: list[str] = []
    monkeypatch.setattr(architecture, "_ask", lambda config: asked.append(config) or answer)
    found = architecture.find_architecture("m", {}, tmp_path)
    assert architecture.find_architecture("m", {}, tmp_path) == found
    [file] = tmp_path.iterdir()
    file.write_text(content)
    assert architecture.find_architecture("m", {}, tmp_path) == found
    assert len(asked) == 2


def _with_old_buffers(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return tensors | {f"model.layers.{n}.self_attn.rotary_emb.inv_freq": torch.ones(8) for n in range(2)}


def _base_only(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix("model."): tensor for name, tensor in tensors.items()}


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("change", [_with_old_buffers, _base_only])
def test_a_llama_whose_file_has_other_names_is_placed_on_as_it_is_built(change: Any, tmp_path: Path) -> None:
    folder = save(LlamaConfig(**GROUPED, tie_word_embeddings=True), tmp_path / "model")
    plain = resolve(str(folder))
    tensors = load_file(folder / "model.safetensors")
    save_file(change(tensors), folder / "model.safetensors", {"format": "pt"})
    assert {m.path for m in resolve(str(folder)).modules} == {m.path for m in plain.modules}


@pytest.mark.slow
def test_another_process_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = CONFIGS["opt"][0].to_dict()
    found = architecture.find_architecture("m", config, tmp_path)
    assert found is not None
    assert "model.decoder.layers.0.fc1" in {module.path for module in found.modules if module.linear}
    monkeypatch.setattr(architecture, "_ask", lambda *_: pytest.fail("asked again"))
    assert architecture.find_architecture("m", config, tmp_path) == found
