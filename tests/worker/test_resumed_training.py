"""A training that is stopped and goes on gives what one gives that was not: weights, losses, log and scores."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from medcot_bench import AdapterSpec, Recipe, hookimpl
from medcot_bench.errors import Diverged
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.status import cell_statuses, state_bytes
from medcot_bench.plugins.entries import PluginEntry
from medcot_bench.plugins.manager import installed
from medcot_bench.results.cells import Cell
from medcot_bench.results.store import Store
from medcot_bench.results.training_state import FOLDER
from medcot_bench.runner.events import Noted, Progress, Resumed, WorkerEvent
from medcot_bench.study.schema import Study
from medcot_bench.worker.run_cell import CellRunner

STEPS = {"max_steps": 6, "batch_size": 2, "lr": 3e-3}
RICH = STEPS | {"accumulation": 2, "warmup": 0.3, "schedule": "cosine"}
SELECTED = RICH | {"select_by": "val_nll"}
"""The best weights so far are part of the state."""
ON_THE_WAY = RICH | {"checkpoints": 2}
"""And so are the checkpoints that are kept until they are scored."""


class Stop(BaseException):
    """Stands for what ends a process in the middle of a step."""


class Runs:
    """One study whose cells are run in this process, as a worker runs them."""

    def __init__(self, fields: Mapping[str, Any], folder: Path):
        study = Study.model_validate({**fields, "output_dir": str(folder)})
        self.plan: Plan = make_plan(study)
        self.store = Store(folder)
        self.events: list[WorkerEvent] = []

    @property
    def cell(self) -> Cell:
        [cell] = self.plan.cells
        return cell

    @property
    def folder(self) -> Path:
        return self.store.cell_folder(self.cell)

    def run(self, *, every: float | None = 0.0, stop_at: int | None = None, threads: int = 2) -> None:
        """Run the cell; stop in a step, before its state could be saved."""

        def emit(event: WorkerEvent) -> None:
            self.events.append(event)
            if isinstance(event, Progress) and (event.unit, event.done) == ("step", stop_at):
                raise Stop

        def fail(evaluation: object, error: BaseException) -> None:
            raise error

        self.events.clear()
        runner = CellRunner(self.plan, self.store, threads, emit, every)
        if stop_at is None:
            runner.run(self.cell, fail)
        else:
            with pytest.raises(Stop):
                runner.run(self.cell, fail)

    def told(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def made(self) -> dict[str, Any]:
        """All that a stop must not change."""
        record = self.store.cell(self.cell)
        assert record is not None
        files = sorted(path for path in self.folder.rglob("*.safetensors") if FOLDER not in path.parts)
        scores = [self.store.evaluation(self.cell, each) for each in self.plan.evaluations_of(self.cell)]
        return {
            "log": (self.folder / "train_log.jsonl").read_bytes(),
            "training": record.training,
            "measured": (record.divergence, record.forgetting, dict(record.bytes), record.trainable_parameters),
            "tokens": record.phases["train"].tokens,
            "weights": {str(path.relative_to(self.folder)): path.read_bytes() for path in files},
            "scores": [(dict(score.results), score.samples_sha256) for score in scores if score],
            "complete": all(scores),
        }


Begin = Callable[..., Runs]


@pytest.fixture(autouse=True)
def _keep_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time of these tests would go into collecting it at every save."""
    monkeypatch.setattr("medcot_bench.models.meter.release_memory", lambda: None)


@pytest.fixture
def begin(study_fields: dict[str, Any], tmp_path: Path) -> Begin:
    def begin(name: str, adapter: str, training: Mapping[str, Any] = STEPS, **fields: Any) -> Runs:
        given = {"adapters": (adapter,), "training": training, "keep_weights": "all", "limit": 2}
        return Runs(study_fields | given | fields, tmp_path / name)

    return begin


def compare(begin: Begin, adapter: str, training: Mapping[str, Any] = STEPS, **fields: Any) -> None:
    """Run a cell undisturbed, and one that is stopped twice."""
    whole = begin("whole", adapter, training, **fields)
    whole.run(every=None)
    parts = begin("parts", adapter, training, **fields)
    parts.run(stop_at=3)
    [status] = cell_statuses(parts.plan, parts.store)
    assert (status.action, status.reason) == ("train", "not trained yet; saved at step 2 of 6")
    saved = sum(path.stat().st_size for path in (parts.folder / FOLDER).rglob("*.safetensors"))
    # Checkpoints share their bytes with what is kept until it is scored; PEFT's others have unknown shapes.
    if not parts.plan.study.training.checkpoints and not adapter.startswith("peft:"):
        assert saved == pytest.approx(state_bytes(parts.plan, parts.cell) / 2, rel=0.15)
    parts.run(stop_at=5)
    assert [event.step for event in parts.told(Resumed)] == [2]
    parts.run()
    assert [event.step for event in parts.told(Resumed)] == [4]
    assert [event.done for event in parts.told(Progress) if event.unit == "step"] == [5, 6]
    assert not parts.told(Noted)
    assert parts.made() == whole.made()
    assert whole.made()["weights"]
    assert whole.made()["complete"]
    assert not (parts.folder / FOLDER).exists()


@pytest.mark.slow
def test_full_fine_tuning_goes_on_with_everything_that_a_recipe_can_ask_for(begin: Begin) -> None:
    compare(begin, "full", SELECTED)


@pytest.mark.slow
def test_lora_goes_on_with_its_dropout(begin: Begin) -> None:
    compare(begin, "lora:r=4,dropout=0.2", ON_THE_WAY)


@pytest.mark.slow
@pytest.mark.parametrize(
    "adapter",
    [
        "layer_lora:k=1",
        "full:select=top,k=1",
        "qlora",
        "lora:dora=true",
        "lora:pissa=true",
        "peft:type=ia3",
        "peft:type=vera,r=8",
        "peft:type=oft,oft_block_size=4",
    ],
)
@pytest.mark.parametrize("training", [SELECTED, ON_THE_WAY], ids=["selected", "on the way"])
def test_every_adapter_goes_on(begin: Begin, adapter: str, training: Mapping[str, Any]) -> None:
    compare(begin, adapter, training)


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["linear", "constant"])
def test_every_schedule_goes_on(begin: Begin, schedule: str) -> None:
    compare(begin, "lora", STEPS | {"schedule": schedule, "weight_decay": 0.1, "warmup": 0.5})


def test_a_training_that_diverged_leaves_no_state(begin: Begin) -> None:
    runs = begin("diverged", "full:select=top,k=1", STEPS | {"lr": 1e30, "clip": 0, "warmup": 0.0})
    with pytest.raises(Diverged):
        runs.run()
    assert len(runs.told(Progress)) > 0
    assert runs.folder.is_dir()
    assert not (runs.folder / FOLDER).exists()


class Gain(torch.nn.Module):
    """A layer whose output is scaled; how often it was used is a buffer, some of the scale is drawn and fixed."""

    def __init__(self, layer: torch.nn.Module):
        super().__init__()
        self.layer = layer
        self.gain = torch.nn.Parameter(torch.ones(1))
        self.fixed = torch.nn.Parameter(torch.rand(1), requires_grad=False)
        self.register_buffer("used", torch.zeros((), dtype=torch.int64))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if self.training:
            self.used += 1
        noise = torch.nn.functional.dropout(torch.ones(1), 0.1, self.training) * 0.01
        return self.layer(*args, **kwargs) * (self.gain + self.fixed * 0.01 * torch.cos(self.used / 10) + noise)


class Gains:
    """An adapter with parameters, buffers and draws of its own."""

    spec = AdapterSpec(name="gains", version=1, update="low_rank")

    def recipe(self, model: Any) -> Recipe:
        return Recipe(lr=1e-2)

    def prepare(self, model: Any, placement: Any) -> Any:
        for path in placement:
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, Gain(model.get_submodule(path)))
        return model

    def save(self, model: Any, folder: Path) -> None:
        from safetensors.torch import save_file

        own = {name: tensor for name, tensor in model.state_dict().items() if name.endswith(("gain", "used"))}
        save_file(own, folder / "gains.safetensors")

    def load(self, model: Any, folder: Path) -> Any:
        raise NotImplementedError


@pytest.mark.slow
def test_an_adapter_with_parameters_and_buffers_of_its_own_goes_on(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_gains(monkeypatch)
    compare(begin, "gains:select=top,k=1", ON_THE_WAY)


def add_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the adapter for one test."""
    module = types.ModuleType("_plugin_gains")
    module.medcot_make_adapter = hookimpl(lambda name, options: Gains())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    entry = PluginEntry("adapter", "gains", module.__name__, "acme", "1.0")
    monkeypatch.setattr(installed(), "entries", [*installed().entries, entry])
