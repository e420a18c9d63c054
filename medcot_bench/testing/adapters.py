"""Conformance checks of an adapter plugin on a tiny random model, to subclass in its tests."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from medcot_bench.base_model.resolve import Base, resolve
from medcot_bench.interfaces import Adapter
from medcot_bench.models.checks import refuse_missing_tensors
from medcot_bench.models.load import load_model
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_adapter import ResolvedAdapter, resolve_adapter
from medcot_bench.plugins.spec_checks import find_fault
from medcot_bench.results.saved_files import written_files
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.testing.tiny import make_tiny_model
from medcot_bench.training.batches import Item
from medcot_bench.training.loop import train
from medcot_bench.training.train_cell import checked_module
from medcot_bench.types import Placement, Recipe

TEXT = torch.tensor([list(range(40, 100))])
ITEMS = [Item(list(range(start, start + 20)), list(range(start, start + 9))) for start in (40, 90, 130, 180)]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model that an adapter has prepared, with its base as it was before."""

    model: Any
    own: dict[str, torch.nn.Parameter]
    """The base's parameters by their names in the base."""
    before: dict[str, torch.Tensor]
    """Copies of their values from before `prepare`."""
    logits: torch.Tensor
    """What the base made of TEXT."""

    def base_name(self, parameter: torch.nn.Parameter) -> str | None:
        """Return the name that a parameter has in the base, None for one that the adapter brought."""
        return next((name for name, own in self.own.items() if own is parameter), None)


class AdapterChecks:
    """What holds for every adapter. Name it in a subclass, and every check runs:

    class TestIA3(AdapterChecks):
        name = "ia3"

    An adapter that needs another model overrides `folder`; one that isn't installed, `adapter` and `placement`.
    """

    name: str
    """The adapter as typed after `--adapters`, e.g. `lora:r=8,select=top`."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Return the folder of a tiny base model."""
        return make_tiny_model(tmp_path / "base", hidden_size=64)  # a block of NF4

    @pytest.fixture
    def base(self, folder: Path) -> Base:
        """Return the base's size and modules."""
        return resolve(str(folder))

    @pytest.fixture
    def chosen(self) -> ResolvedAdapter:
        """Return the adapter with its selector, as `name` says."""
        return resolve_adapter(parse_specs(self.name)[0], installed())

    @pytest.fixture
    def adapter(self, chosen: ResolvedAdapter) -> Adapter:
        """Return the adapter to check."""
        return chosen.adapter

    @pytest.fixture
    def placement(self, chosen: ResolvedAdapter, base: Base) -> Placement:
        """Return where the adapter goes in the base."""
        return chosen.place(base.info, base.modules, seed=0)

    @pytest.fixture
    def recipe(self, adapter: Adapter, base: Base) -> Recipe:
        """Return the adapter's recipe, ended after two steps."""
        return replace(adapter.recipe(base.info), max_steps=2, batch_size=2)

    @pytest.fixture
    def prepared(self, adapter: Adapter, placement: Placement, folder: Path) -> Prepared:
        """Return a prepared model, not trained yet."""
        return prepare(adapter, placement, folder)

    @pytest.fixture
    def trained(self, adapter: Adapter, prepared: Prepared, recipe: Recipe) -> Prepared:
        """Return the prepared model after two steps; one that trains nothing stays as it is."""
        if adapter.spec.update != "none":
            train(prepared.model, ITEMS, recipe, seed=0)
        prepared.model.eval()
        return prepared

    def test_spec_is_whole_and_fixed(self, adapter: Adapter) -> None:
        """The spec is a (frozen) AdapterSpec with a name and a version from 1 up."""
        assert isinstance(adapter, Adapter), f"{type(adapter).__name__} is missing a method of an adapter"
        spec = adapter.spec
        assert spec == adapter.spec, "spec changes from one look to the next"
        wrong = find_fault(spec, "adapter")
        assert not wrong, wrong

    def test_recipe_is_deterministic(self, adapter: Adapter, base: Base) -> None:
        """The recipe depends on the model's size only."""
        assert isinstance(adapter.recipe(base.info), Recipe)
        assert adapter.recipe(base.info) == adapter.recipe(base.info), "the recipe changes"

    def test_prepared_model_computes_what_the_base_does(self, prepared: Prepared) -> None:
        """Before training the logits are those of the base (in 4 bits where the adapter quantises it)."""
        prepared.model.eval()
        torch.testing.assert_close(logits(prepared.model), prepared.logits, rtol=0, atol=1e-5)

    def test_trains_where_it_is_placed_and_nowhere_else(
        self, adapter: Adapter, prepared: Prepared, placement: Placement
    ) -> None:
        """What requires a gradient lies in the placed modules, in each of them, or in none of the base's modules.

        Of the base's own parameters none does, except under a full update.
        """
        trainable = [(name, p) for name, p in prepared.model.named_parameters() if p.requires_grad]
        assert bool(trainable) == (adapter.spec.update != "none"), f"{len(trainable)} parameters are trained"
        modules = {name.rpartition(".")[0] for name in prepared.own}
        touched = set()
        for name, parameter in trainable:
            base_name = prepared.base_name(parameter)
            inside = {module for module in modules if f".{module}." in f".{base_name or name}"}
            assert inside <= set(placement), f"{name} is trained, where the adapter is not placed"
            assert base_name is None or adapter.spec.update == "full", f"{name} of the base is trained"
            touched |= inside
        forgotten = set(placement) - touched if touched else set()
        assert not forgotten, f"nothing is trained in {sorted(forgotten)}, where the adapter is placed"

    def test_training_changes_the_model_and_no_frozen_weight(
        self, adapter: Adapter, trained: Prepared, placement: Placement
    ) -> None:
        """Two steps move the logits; weights of the base move only where a full update is placed."""
        placed = set(placement) if adapter.spec.update == "full" else set()
        for name, parameter in trained.own.items():
            if name.rpartition(".")[0] not in placed:
                assert torch.equal(parameter, trained.before[name]), f"{name} of the base changed"
        same = torch.equal(logits(trained.model), trained.logits)
        assert same == (adapter.spec.update == "none"), "training did nothing" if same else "the base changed"

    def test_loads_what_it_saved_bit_by_bit(
        self, adapter: Adapter, trained: Prepared, folder: Path, tmp_path: Path
    ) -> None:
        """Saved, and loaded on another copy of the base, the model gives equal logits; nothing is pickled."""
        saved = save(adapter, trained, tmp_path)
        files = written_files(saved) if adapter.spec.update != "none" else [*saved.rglob("*")]
        pickles = [path.name for path in files if zipfile.is_zipfile(path) or path.read_bytes()[:1] == b"\x80"]
        assert not pickles, f"{pickles} can run code when they are loaded"
        tensors = [path for path in files if path.suffix == ".safetensors"]
        assert bool(tensors) == (adapter.spec.update != "none"), f"saved {[path.name for path in files]}"
        again = checked_module(adapter.load(load_base(adapter, folder), saved))
        again.eval()
        assert torch.equal(logits(again), logits(trained.model)), "the loaded model differs from the saved one"

    def test_makes_up_no_weights(self, adapter: Adapter, trained: Prepared, folder: Path, tmp_path: Path) -> None:
        """A folder in which a tensor is missing is refused, by any exception, or gives the same model each time.

        Libraries put random weights in the place of missing ones, and at most warn.
        """
        files = sorted(save(adapter, trained, tmp_path).glob("*.safetensors"))
        if not files:
            return
        tensors = load_file(files[0])
        del tensors[min(tensors)]
        save_file(tensors, files[0], metadata={"format": "pt"})
        made = []
        for seed in (0, 1):
            torch.manual_seed(seed)
            try:
                with refuse_missing_tensors("the adapter"):
                    again = adapter.load(load_base(adapter, folder), tmp_path / "saved")
            except Exception:
                return
            made.append(logits(again.eval()))
        assert torch.equal(*made), "a folder in which a tensor is missing was loaded with a random one"


def save(adapter: Adapter, trained: Prepared, folder: Path) -> Path:
    """Have an adapter save what it trained, into a new folder."""
    saved = folder / "saved"
    saved.mkdir()
    adapter.save(trained.model, saved)
    return saved


def prepare(adapter: Adapter, placement: Placement, folder: Path) -> Prepared:
    """Prepare a fresh base, and keep what it was before."""
    base_logits = logits(load_base(adapter, folder))
    model = load_base(adapter, folder)
    own = dict(model.named_parameters())
    before = {name: parameter.detach().clone() for name, parameter in own.items()}
    torch.manual_seed(0)
    return Prepared(checked_module(adapter.prepare(model, placement)), own, before, base_logits)


def load_base(adapter: Adapter, folder: Path) -> Any:
    """Load a base as a run does for this adapter: frozen, quantised where its spec says so."""
    quantisation = adapter.spec.quantisation
    return load_model(folder, quantisation=quantisation, dtype=torch.float32, device=torch.device("cpu"))


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    """Return what a model makes of TEXT."""
    found: torch.Tensor = model(input_ids=TEXT).logits
    return found
