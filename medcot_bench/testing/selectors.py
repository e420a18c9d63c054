"""Conformance checks of a selector plugin on the layouts of several models, to subclass in its tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from medcot_bench.base_model.layout import make_layout
from medcot_bench.interfaces import Selector
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.options import check
from medcot_bench.plugins.spec_checks import find_fault
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.types import Probe

_LLAMA = {
    "self_attn.q_proj": (64, 64),
    "self_attn.k_proj": (32, 64),
    "self_attn.o_proj": (64, 64),
    "mlp.up_proj": (128, 64),
    "mlp.down_proj": (64, 128),
    "input_layernorm": (64,),
}
_GPT2 = {"attn.c_attn": (64, 192), "attn.c_proj": (64, 64), "mlp.c_fc": (64, 256), "ln_1": (64,)}
_FAMILIES = {"model.layers": _LLAMA, "transformer.h": _GPT2}
BLOCKS = (1, 2, 5, 30)


def probes() -> Iterator[Probe]:
    """Yield what a selector may be asked: two families, four depths, all modules or the linear ones, two seeds."""
    for prefix, block in _FAMILIES.items():
        for blocks in BLOCKS:
            shapes = {"embed.weight": (258, 64), "final_norm.weight": (64,)}
            shapes |= {
                f"{prefix}.{n}.{name}.weight": shape for n in range(blocks) for name, shape in block.items()
            }
            config = {
                "model_type": "llama",
                "num_hidden_layers": blocks,
                "hidden_size": 64,
                "max_position_embeddings": 512,
            }
            info, modules = make_layout("tiny", config, shapes)
            linear = tuple(m for m in modules if m.layer is not None and m.kind != "other")
            for offered in (modules, linear, tuple(m for m in linear if m.kind == "attention")):
                for seed in (0, 1):
                    yield Probe(model=info, modules=offered, seed=seed)


class SelectorChecks:
    """What holds for every selector. Name it in a subclass, and every check runs:

    class TestTop(SelectorChecks):
        name = "top:k=1"
    """

    name: str
    """The selector with its options, e.g. `top:k=1`; they must fit a model of one block."""

    @pytest.fixture
    def selector(self) -> Selector:
        """Return the selector to check."""
        return self.make()

    def make(self) -> Selector:
        """Build the selector that `name` says; overridden where it isn't installed."""
        typed = parse_specs(self.name)[0]
        declared = installed().make_selector(typed.name).spec.options
        options = check(f"selector {typed.name}", declared, typed.options)
        made: Selector = installed().make_selector(typed.name, options)
        return made

    def test_spec_is_whole_and_fixed(self, selector: Selector) -> None:
        """The spec is a (frozen) SelectorSpec with a name and a version from 1 up."""
        assert isinstance(selector, Selector), f"{type(selector).__name__} is missing a method of a selector"
        spec = selector.spec
        assert spec == selector.spec, "spec changes from one look to the next"
        wrong = find_fault(spec, "selector")
        assert not wrong, wrong

    def test_places_some_of_the_offered_modules(self, selector: Selector) -> None:
        """In every layout at least one module is placed, none that wasn't offered, at a rank from 1 up or None."""
        for probe in probes():
            placement = selector.place(probe)
            assert placement, f"nothing is placed in a model of {probe.model.n_layers} blocks"
            foreign = set(placement) - {module.path for module in probe.modules}
            assert not foreign, f"{sorted(foreign)} were not offered"
            ranks = {rank for rank in placement.values() if rank is not None}
            assert all(isinstance(rank, int) and rank >= 1 for rank in ranks), f"ranks {ranks}"

    def test_is_deterministic(self, selector: Selector) -> None:
        """The same question has the same answer, from this object and from another one."""
        for probe in probes():
            placement = dict(selector.place(probe))
            assert placement == dict(selector.place(probe)), "another answer the second time"
            assert placement == dict(self.make().place(probe)), "another answer from another object"
