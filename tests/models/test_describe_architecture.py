"""Adapters are placed on the modules that a model has, whatever its file calls them: linear layers by type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GPTNeoXConfig,
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
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_adapter import find_unadaptable, resolve_adapter
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
    monkeypatch.setattr(architecture, "_ask", lambda config, file: describe(json.loads(config)))


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
def test_the_plan_says_what_can_t_be_adapted(
    study_fields: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def planned(name: str, adapters: str) -> str:
        folder = save(CONFIGS[name][0], tmp_path / f"{name}{len(adapters)}")
        (tmp_path / "study.yaml").write_text(
            json.dumps(study_fields | {"model": str(folder), "adapters": adapters})
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
    with pytest.raises(ModelError, match=r"^model '.*' can't be loaded: .*OPTForCausalLM") as caught:
        resolve(str(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_another_process_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = CONFIGS["opt"][0].to_dict()
    found = architecture.find_architecture("m", config, tmp_path)
    assert found is not None
    assert "model.decoder.layers.0.fc1" in {module.path for module in found.modules if module.linear}
    monkeypatch.setattr(architecture, "_ask", lambda *_: pytest.fail("asked again"))
    assert architecture.find_architecture("m", config, tmp_path) == found
