"""Where the built-in selectors place an adapter, in layouts of 12 and of 5 blocks."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from medcot_bench.errors import ConfigError, PluginError
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_adapter import resolve_adapter
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.types import ModelInfo, ModuleInfo, Placement

LINEAR = {
    "self_attn.q_proj": ((8, 8), (8,)),
    "self_attn.k_proj": ((4, 8),),
    "self_attn.v_proj": ((4, 8),),
    "self_attn.o_proj": ((8, 8),),
    "mlp.gate_proj": ((16, 8),),
    "mlp.up_proj": ((16, 8),),
    "mlp.down_proj": ((8, 16),),
}
OUTSIDE = ["model.embed_tokens", "model.norm", "lm_head"]


def layout(blocks: int) -> tuple[ModelInfo, tuple[ModuleInfo, ...]]:
    info = ModelInfo(architecture="llama", n_layers=blocks, hidden_size=8, parameters=1, max_positions=64)
    modules = [ModuleInfo("model.embed_tokens", None, "other", ((32, 8),))]
    for block in range(blocks):
        at = f"model.layers.{block}"
        modules += [
            ModuleInfo(f"{at}.{name}", block, "mlp" if name.startswith("mlp") else "attention", shapes)
            for name, shapes in LINEAR.items()
        ]
        modules.append(ModuleInfo(f"{at}.self_attn.q_norm", block, "attention", ((8,),)))
        modules.append(ModuleInfo(f"{at}.input_layernorm", block, "other", ((8,),)))
    modules.append(ModuleInfo("model.norm", None, "other", ((8,),)))
    modules.append(ModuleInfo("lm_head", None, "other", ((32, 8),)))
    return info, tuple(modules)


def place(typed: str, blocks: int = 12, seed: int = 0) -> Placement:
    (spec,) = parse_specs(typed)
    return resolve_adapter(spec, installed()).place(*layout(blocks), seed)


def blocks_of(placement: Placement) -> list[int]:
    return sorted({int(path.split(".")[2]) for path in placement if ".layers." in path})


def kinds_of(placement: Placement) -> set[str]:
    return {path.split(".", 3)[3] for path in placement if ".layers." in path}


@pytest.mark.parametrize(
    ("select", "blocks", "chosen"),
    [
        ("top", 12, [6, 7, 8, 9, 10, 11]),
        ("top", 5, [3, 4]),
        ("top,k=1", 12, [11]),
        ("top,k=12", 12, list(range(12))),
        ("bottom", 12, [0, 1, 2, 3, 4, 5]),
        ("bottom", 5, [0, 1]),
        ("bottom,k=3", 5, [0, 1, 2]),
        ("middle", 12, [3, 4, 5, 6, 7, 8]),
        ("middle", 5, [1, 2]),
        ("middle,k=3", 5, [1, 2, 3]),
        ("middle,k=2", 12, [5, 6]),
        ("every", 12, [1, 3, 5, 7, 9, 11]),
        ("every", 5, [1, 3]),
        ("every,k=1", 5, [2]),
        ("every,k=5", 5, [0, 1, 2, 3, 4]),
        ("ends", 12, [0, 1, 2, 9, 10, 11]),
        ("ends", 5, [0, 4]),
        ("ends,k=1", 5, [0]),
        ("ends,k=3", 5, [0, 1, 4]),
        ("layers", 5, [0]),
        ("layers,layers=1+3", 5, [1, 3]),
        ("layers,layers=8-11+0", 12, [0, 8, 9, 10, 11]),
        ("all", 5, [0, 1, 2, 3, 4]),
    ],
)
def test_selectors_choose_blocks_by_position(select: str, blocks: int, chosen: list[int]) -> None:
    placement = place(f"lora:select={select}", blocks)
    assert blocks_of(placement) == chosen
    assert len(placement) == len(chosen) * len(LINEAR)


@pytest.mark.parametrize("select", ["top", "bottom", "middle", "every", "ends", "random"])
@pytest.mark.parametrize("blocks", [5, 12])
def test_any_k_gives_that_many_blocks_and_none_or_zero_half_of_them(select: str, blocks: int) -> None:
    for k in range(1, blocks + 1):
        assert len(blocks_of(place(f"lora:select={select},k={k}", blocks))) == k
    assert len(blocks_of(place(f"lora:select={select}", blocks))) == blocks // 2
    assert place(f"lora:select={select},k=0", blocks) == place(f"lora:select={select}", blocks)


@pytest.mark.parametrize("select", ["top", "bottom", "middle", "every", "ends", "random"])
def test_a_model_of_one_block_has_a_half(select: str) -> None:
    assert blocks_of(place(f"lora:select={select}", 1)) == [0]


@pytest.mark.parametrize("select", ["top", "bottom", "middle", "every", "ends", "random"])
@pytest.mark.parametrize("k", [6, -1])
def test_more_blocks_than_there_are_is_an_error(select: str, k: int) -> None:
    with pytest.raises(ConfigError) as caught:
        place(f"lora:select={select},k={k}", 5)
    assert str(caught.value) == f"select: k={k} is not from 0 to 5, the model's number of blocks"


def test_a_block_that_the_model_lacks_is_an_error() -> None:
    with pytest.raises(ConfigError) as caught:
        place("lora:select=layers,layers=1+3-5", 5)
    assert str(caught.value) == "selector layers: block 5 of a model with blocks 0 to 4"


@pytest.mark.parametrize("layers", ["x", "3-1", "1+"])
def test_what_is_no_list_of_blocks_is_an_error(layers: str) -> None:
    with pytest.raises(ConfigError, match=r"^selector layers: '"):
        place(f"lora:select=layers,layers={layers}", 5)


def test_random_blocks_are_drawn_by_the_seed_of_the_cell() -> None:
    drawn = {seed: place("lora:select=random,k=3", seed=seed) for seed in range(20)}
    assert all(len(blocks_of(placement)) == 3 for placement in drawn.values())
    assert drawn == {seed: place("lora:select=random,k=3", seed=seed) for seed in range(20)}
    assert len({tuple(blocks_of(placement)) for placement in drawn.values()}) > 10
    assert {block for placement in drawn.values() for block in blocks_of(placement)} == set(range(12))


def test_other_selectors_do_not_depend_on_the_seed() -> None:
    for select in ("all", "top", "bottom", "middle", "every", "ends", "layers"):
        assert place(f"lora:select={select}", seed=0) == place(f"lora:select={select}", seed=1)


def test_low_rank_updates_go_into_the_linear_modules_of_blocks_at_the_adapter_s_rank() -> None:
    for adapter in ("lora", "qlora"):
        placement = place(adapter)
        assert kinds_of(placement) == set(LINEAR)
        assert not set(OUTSIDE) & set(placement)
        assert set(placement.values()) == {None}


@pytest.mark.parametrize(
    ("targets", "kinds"),
    [
        ("all", set(LINEAR)),
        ("attention", {name for name in LINEAR if name.startswith("self_attn")}),
        ("mlp", {name for name in LINEAR if name.startswith("mlp")}),
        ("q_proj+v_proj", {"self_attn.q_proj", "self_attn.v_proj"}),
        ("mlp+q_proj", {"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj", "self_attn.q_proj"}),
    ],
)
def test_targets_choose_modules_within_the_blocks(targets: str, kinds: set[str]) -> None:
    placement = place(f"lora:select=top,k=2,targets={targets}")
    assert kinds_of(placement) == kinds
    assert blocks_of(placement) == [10, 11]


@pytest.mark.parametrize("targets", ["nothing", "proj", "lm_head", "input_layernorm", "q_norm"])
def test_targets_that_are_in_no_linear_module_are_an_error(targets: str) -> None:
    with pytest.raises(ConfigError) as caught:
        place(f"lora:targets={targets}")
    assert str(caught.value).startswith(f"adapter lora:targets={targets}: targets={targets} matches no module")


def test_a_target_beside_others_that_is_nowhere_is_an_error() -> None:
    with pytest.raises(ConfigError):
        place("lora:targets=q_proj+v_porj")


def test_a_full_update_of_all_modules_trains_norms_embeddings_and_head() -> None:
    assert set(place("full")) == {module.path for module in layout(12)[1]}


def test_a_full_update_of_some_blocks_trains_everything_in_them_and_nothing_else() -> None:
    placement = place("full:select=top,k=2")
    assert set(placement) == {module.path for module in layout(12)[1] if module.layer in (10, 11)}
    assert {"input_layernorm", "self_attn.q_norm"} < kinds_of(placement)


def test_targets_hold_for_full_updates_too() -> None:
    assert set(place("full:targets=lm_head")) == {"lm_head"}


def test_layer_lora_is_lora_in_the_upper_half_unless_told_otherwise() -> None:
    assert place("layer_lora") == place("lora:select=top")
    assert place("layer_lora:select=ends,k=2") == place("lora:select=ends,k=2")


def test_the_base_model_is_placed_nowhere_and_takes_no_selector() -> None:
    assert place("none") == {}
    with pytest.raises(ConfigError, match=r"^adapter none: no option 'select'; known: none$"):
        place("none:select=top")


def test_an_option_of_another_selector_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(
        ConfigError,
        match=r"^adapter lora: no option 'k'; known: r, alpha, dropout, dora, rslora, pissa, select, targets",
    ):
        place("lora:select=layers,k=2")


@pytest.mark.parametrize(
    ("placement", "said"),
    [
        (
            ["model.layers.0.mlp.up_proj"],
            "TypeError: it returned type list, not a mapping from module paths to ranks",
        ),
        ({"lm_head": None}, "ValueError: it places lm_head, which was not offered"),
        (
            {"model.layers.0.mlp.up_proj": 2.5},
            "ValueError: it places a rank of 2.5; ranks are whole numbers from 1",
        ),
    ],
)
def test_a_placement_that_is_none_names_the_selector(placement: Any, said: str) -> None:
    chosen = resolve_adapter(parse_specs("lora:select=top")[0], installed())
    selector: Any = SimpleNamespace(spec=chosen.selector.spec, place=lambda probe: placement)
    with pytest.raises(PluginError, match=r"^selector 'top' .* failed in place: ") as caught:
        replace(chosen, selector=selector).place(*layout(2), 0)
    assert said in str(caught.value)
