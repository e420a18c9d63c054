"""The state of a training: when it is saved, and that nothing false is taken for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from medcot_bench import Recipe
from medcot_bench.models.meter import Meter
from medcot_bench.results.training_state import (
    FOLDER,
    RECORD,
    TrainingState,
    commit_state,
    drop_state,
    newest_state,
    read_state,
    stopped_at,
)
from medcot_bench.testing.example_results import PROVENANCE
from medcot_bench.training import resume
from medcot_bench.training.batches import Item
from medcot_bench.training.loop import Trained, train
from medcot_bench.training.resume import Saving, StateKeeper

RECIPE = Recipe(lr=3e-3, max_steps=6, batch_size=2, select_by="val_nll")
ITEMS = [Item([number, 3, 5], [number + 1, 7, 257]) for number in range(8)]


class Stop(BaseException):
    """Stands for what ends a process in the middle of a step."""


class Training:
    """One training in a folder, run as often as it takes."""

    def __init__(self, model: Path, folder: Path):
        self.model_folder = model
        self.folder = folder
        self.provenance = PROVENANCE
        self.cell = "3f"
        self.items: Sequence[Item] = ITEMS
        self.on_the_way: list[str] = []
        self.recipe = RECIPE
        self.every: float | None = 0.0
        self.frozen = 3
        """Blocks that are not trained."""
        self.model: Any = None
        self.steps: list[int] = []
        self.went_on: list[int] = []
        self.notes: list[str] = []
        folder.mkdir()

    def run(self, stop_at: int | None = None, prepare: Callable[[Any], None] = lambda model: None) -> Trained:
        """Train a fresh model; stop in a step, before its state can be saved."""
        self.steps, self.went_on, self.notes = [], [], []
        self.model = AutoModelForCausalLM.from_pretrained(self.model_folder, dtype=torch.float32)
        self.model.requires_grad_(False)
        for block in self.model.model.layers[self.frozen :]:
            block.requires_grad_(True)
        prepare(self.model)

        def on_step(step: int, steps: int, loss: float) -> None:
            self.steps.append(step)
            if step == stop_at:
                raise Stop

        saving = Saving(
            cell_folder=self.folder,
            make_folder=self.make_folder,
            every=self.every,
            provenance=self.provenance,
            checkpoints=None,
            resumed=lambda step, steps, seconds: self.went_on.append(step),
            note=self.notes.append,
        )
        with Meter(torch.device("cpu")) as meter:
            keeper = StateKeeper(saving, self.cell, self.items, self.on_the_way, meter)
            return train(
                self.model, self.items, self.recipe, 0, validation=ITEMS[:2], on_step=on_step, keeper=keeper
            )

    def stop(self, at: int) -> None:
        with pytest.raises(Stop):
            self.run(stop_at=at)

    def make_folder(self) -> Path:
        folder = self.folder / ".making-1"
        folder.mkdir()
        return folder

    @property
    def state(self) -> Path:
        found = newest_state(self.folder)
        assert found is not None
        return found

    @property
    def trained(self) -> dict[str, torch.Tensor]:
        return {name: tensor for name, tensor in self.model.named_parameters() if tensor.requires_grad}


@pytest.fixture(autouse=True)
def _keep_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time of these tests would go into collecting it at every save."""
    monkeypatch.setattr("medcot_bench.models.meter.release_memory", lambda: None)


@pytest.fixture
def training(tiny_model: Path, tmp_path: Path) -> Training:
    return Training(tiny_model, tmp_path / "cell")


@pytest.fixture
def stopped(training: Training) -> Training:
    """A training that was stopped in step 4 of 6."""
    training.stop(4)
    assert stopped_at(training.folder) == (3, 6)
    return training


def begins_anew(training: Training, why: str) -> None:
    """Run to the end: the whole training again, with one note, and nothing false is left of the state."""
    result = training.run()
    assert training.notes == [f"the saved state of this training can't be used ({why}); it begins anew"]
    assert (training.went_on, training.steps) == ([], [1, 2, 3, 4, 5, 6])
    assert [entry["step"] for entry in result.log] == [1, 2, 3, 4, 5, 6]


# --- going on ---


def test_what_goes_on_gives_what_an_undisturbed_training_gives(
    training: Training, tiny_model: Path, tmp_path: Path
) -> None:
    whole = Training(tiny_model, tmp_path / "whole")
    expected = whole.run()
    training.stop(3)
    training.stop(5)
    assert (training.went_on, training.steps) == ([2], [3, 4, 5])
    assert training.run() == expected
    assert (training.went_on, training.steps, training.notes) == ([4], [5, 6], [])
    assert training.trained.keys() == whole.trained.keys()
    assert all(torch.equal(tensor, whole.trained[name]) for name, tensor in training.trained.items())


def test_only_the_newest_state_is_kept_and_it_is_no_pickle(stopped: Training) -> None:
    [state] = (stopped.folder / FOLDER).iterdir()
    assert state.name == "3"
    assert {path.suffix for path in state.iterdir()} == {".json", ".safetensors"}
    assert [path.name for path in stopped.folder.iterdir()] == [FOLDER]
    drop_state(stopped.folder)
    assert [*stopped.folder.iterdir()] == []
    assert stopped_at(stopped.folder) is None


def test_seconds_are_those_of_all_parts(stopped: Training) -> None:
    seconds = json.loads((stopped.state / RECORD).read_text())["seconds"]
    assert seconds > 0
    stopped.stop(6)
    assert json.loads((stopped.state / RECORD).read_text())["seconds"] > seconds


# --- when it is saved ---


@pytest.mark.parametrize("every", [None, 3600.0])
def test_a_training_shorter_than_the_interval_writes_nothing(training: Training, every: float | None) -> None:
    training.every = every
    training.run()
    assert [*training.folder.iterdir()] == []


def test_it_is_saved_at_the_first_step_after_the_interval(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 4))  # every look at the clock is four seconds after the one before
    monkeypatch.setattr(resume.time, "monotonic", lambda: next(clock))
    saved: list[int] = []
    commit = resume.commit_state
    monkeypatch.setattr(
        resume, "commit_state", lambda *given: (saved.append(given[2].result["steps"]), commit(*given))
    )
    training.every = 9.0
    training.run()
    assert saved == [3]
    training.every = 5.0
    drop_state(training.folder)
    saved.clear()
    training.run()
    assert saved == [2, 4]


def test_what_cannot_be_saved_is_told_once_and_the_training_goes_on(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = training.run()
    drop_state(training.folder)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    assert training.run() == expected
    [note] = training.notes
    assert "this training can't be saved on its way (it takes 0.0 GB of disk, 0.0 GB are free)" in note
    assert [*training.folder.iterdir()] == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError(), RuntimeError("no luck")])
def test_a_failure_in_the_middle_of_saving_leaves_the_state_before_it(
    stopped: Training, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*given: object) -> None:
        raise error

    monkeypatch.setattr(resume, "save_file", fail)
    stopped.stop(6)
    assert len(stopped.notes) == 1
    assert stopped_at(stopped.folder) == (3, 6)
    assert [path.name for path in stopped.folder.iterdir()] == [FOLDER]


# --- what is not used ---


def damage(path: Path) -> None:
    """Flip a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lower_the_loss(folder: Path) -> None:
    fields = json.loads((folder / RECORD).read_text())
    fields["result"]["final_loss"] = 0.5
    (folder / RECORD).write_text(json.dumps(fields))


def make_link(path: Path) -> None:
    moved = path.rename(path.parent.parent.parent / "elsewhere")
    path.symlink_to(moved)


def make_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("")


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (
            lambda folder: damage(folder / "parameters.safetensors"),
            "parameters.safetensors changed since it was written",
        ),
        (
            lambda folder: damage(folder / "optimizer-step.safetensors"),
            "optimizer-step.safetensors changed since it was written",
        ),
        (lambda folder: (folder / "best.safetensors").unlink(), "best.safetensors is missing"),
        (lambda folder: make_link(folder / "random.safetensors"), "random.safetensors is missing"),
        (lower_the_loss, f"{RECORD} is damaged"),
        (lambda folder: (folder / RECORD).write_bytes(b""), f"{RECORD} can't be read"),
        (lambda folder: (folder / RECORD).write_text('{"sha256": NaN}'), f"{RECORD} can't be read"),
        (lambda folder: (folder / RECORD).write_text("[" * 99_999), f"{RECORD} can't be read"),
        (lambda folder: (folder / RECORD).write_text("[]"), f"{RECORD} can't be read"),
        (lambda folder: (folder / RECORD).unlink(), f"{RECORD} is missing"),
        (make_file, f"{RECORD} is missing"),
        (make_link, "it is a link"),
    ],
)
def test_a_damaged_state_is_no_state(stopped: Training, harm: Callable[[Path], Any], why: str) -> None:
    harm(stopped.state)
    begins_anew(stopped, why)


def test_bytes_at_random_places_never_give_another_result(stopped: Training) -> None:
    expected = Training.run(stopped)
    for number, path in enumerate(sorted((stopped.folder / FOLDER).rglob("*.*"))):
        drop_state(stopped.folder)
        stopped.stop(4)
        path = stopped.state / path.name
        content = bytearray(path.read_bytes())
        content[len(content) * number // 9] ^= 0x10
        path.write_bytes(content)
        assert stopped.run() == expected
        assert stopped.went_on == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"cell": "a0"}, "training run"),
        ({"items": ITEMS[:-1]}, "items"),
        ({"on_the_way": ["1/2"]}, "checkpoints"),
        ({"provenance": replace(PROVENANCE, medcot_bench="9.9")}, "medcot-bench"),
        ({"provenance": replace(PROVENANCE, packages={"torch": "9.9"})}, "packages"),
        ({"provenance": replace(PROVENANCE, device="cuda: another", dtype="bfloat16")}, "machine, dtype"),
        ({"recipe": replace(RECIPE, max_steps=7)}, "number of steps"),
        ({"frozen": 2}, "parameters"),
    ],
)
def test_a_state_of_something_else_is_not_used(stopped: Training, changes: dict[str, Any], why: str) -> None:
    for name, value in changes.items():
        setattr(stopped, name, value)
    stopped.run()
    assert stopped.notes == [
        f"the saved state of this training can't be used (not the same: {why}); it begins anew"
    ]
    assert stopped.went_on == []
    assert stopped.steps[0] == 1


def test_other_frozen_weights_are_another_training(stopped: Training) -> None:
    def prepare(model: Any) -> None:
        model.model.layers[0].mlp.up_proj.weight.data[0, 0] += 1

    stopped.run(prepare=prepare)
    assert "(not the same: weights that are not trained)" in stopped.notes[0]
    assert stopped.steps[0] == 1


def test_a_state_is_not_saved_through_a_link(tmp_path: Path) -> None:
    victim, cell, made = tmp_path / "victim", tmp_path / "cell", tmp_path / "made"
    (victim / "photos").mkdir(parents=True)
    for folder in (cell, made):
        folder.mkdir()
    (cell / FOLDER).symlink_to(victim)
    state = TrainingState(
        identity={}, steps=4, result={"steps": 2}, best=None, seconds=1.0, peak_bytes=1, frozen=0, files={}
    )
    commit_state(cell, made, state)
    assert [path.name for path in victim.iterdir()] == ["photos"]
    assert read_state(cell / FOLDER / "2").steps == 4


def test_a_link_in_place_of_all_states_is_not_followed(stopped: Training, tmp_path: Path) -> None:
    place = stopped.folder / FOLDER
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    stopped.every = None
    stopped.run()
    assert (stopped.went_on, stopped.steps[0]) == ([], 1)
    drop_state(stopped.folder)
    assert not place.exists()
    assert stopped_at(stopped.folder) is None
    assert (tmp_path / "elsewhere" / "3" / RECORD).is_file()
