"""Save a long training, and go on from there after a kill: tensors as safetensors, nothing pickled."""

from __future__ import annotations

import hashlib
import shutil
import time
import zlib
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from medcot_bench.models.meter import Meter, tensor_bytes
from medcot_bench.results.records import Provenance
from medcot_bench.results.training_state import (
    TrainingState,
    UnusableState,
    check_files,
    commit_state,
    drop_state,
    newest_state,
    read_state,
)
from medcot_bench.training.batches import Item
from medcot_bench.training.checkpoints import Checkpoints, link_or_copy
from medcot_bench.training.loop import Trained, Underway

Tensors = dict[str, torch.Tensor]
ENDING = ".safetensors"
MOMENT = "optimizer-"
"""What the file of one state of the optimiser begins with."""
CHECKPOINT = "checkpoint-"
"""What the file of a checkpoint on the way begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """Where and how often the state of one training is saved, and whom to tell."""

    cell_folder: Path
    make_folder: Callable[[], Path]
    """Makes an empty folder on the same disk."""
    every: float | None
    """Seconds between two saves; None never saves."""
    provenance: Provenance
    """With what the training is made: it goes on with nothing else."""
    checkpoints: Checkpoints | None
    """Those on the way, where any are kept."""
    resumed: Callable[[int, int, float], None]
    """Told the step, the number of steps and the seconds spent, where a training goes on."""
    note: Callable[[str], None]
    """Told why a training does not go on, or can't be saved."""


class StateKeeper:
    """Saves a training at the first step after each interval; the Keeper of one call of `train`."""

    def __init__(
        self, saving: Saving, cell_id: str, items: Sequence[Item], checkpoints: Sequence[str], meter: Meter
    ):
        self._saving = saving
        self._cell_id = cell_id
        self._items = items
        self._wanted = checkpoints
        self._meter = meter
        self._last = time.monotonic()
        self._frozen: int | None = None
        self._failed = False
        self.seconds = 0.0
        """Of earlier runs of this training, up to where it goes on."""
        self.peak_bytes = 0
        """The highest of these runs."""

    def restore(self, underway: Underway) -> None:
        """Bring a training to where the newest usable state was saved; one that can't be used is deleted."""
        folder = newest_state(self._saving.cell_folder)
        if folder is not None:
            with self._meter.paused():
                self._go_on(underway, folder)
        self._last = time.monotonic()

    def step_done(self, underway: Underway) -> None:
        """Save the training if it is time. What fails is told once: a training does not end for this."""
        every = self._saving.every
        if every is None or time.monotonic() - self._last < every:
            return
        self._meter.look()
        with self._meter.paused():
            try:
                self._save(underway)
            except (OSError, ValueError, MemoryError, RuntimeError, SafetensorError) as error:
                if not self._failed:
                    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
                    self._saving.note(f"this training can't be saved on its way ({reason}); a kill would lose it")
                self._failed = True
        self._last = time.monotonic()

    @cached_property
    def _identity(self) -> dict[str, Any]:
        made = self._saving.provenance
        return {
            "training run": self._cell_id,
            "medcot-bench": made.medcot_bench,
            "packages": dict(made.packages),
            "plugins": dict(made.plugins),
            "machine": made.machine,
            "dtype": made.dtype,
            "items": _digest(self._items),
            "checkpoints": list(self._wanted),
        }

    def _go_on(self, underway: Underway, folder: Path) -> None:
        try:
            state = read_state(folder)
            if changed := [key for key, value in self._identity.items() if state.identity.get(key) != value]:
                raise UnusableState(f"not the same: {', '.join(changed)}")
            check_files(folder, state)
            sections = {
                name.removesuffix(ENDING): load_file(folder / name)
                for name in state.files
                if not name.startswith(CHECKPOINT)
            }
            _check(underway, sections, state)
            if state.frozen != self._frozen_checksum(underway):
                raise UnusableState("not the same: weights that are not trained")
            result = Trained(**state.result)
        except (UnusableState, OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
            reason = str(error) if isinstance(error, UnusableState) else "it can't be read"
            self._saving.note(f"the saved state of this training can't be used ({reason}); it begins anew")
            drop_state(self._saving.cell_folder)
            return
        _bring_back(underway, sections, state, result)
        if self._saving.checkpoints is not None:
            for name in state.files:
                if name.startswith(CHECKPOINT):
                    self._saving.checkpoints.take_over(folder / name, name.removeprefix(CHECKPOINT))
        self.seconds, self.peak_bytes = state.seconds, state.peak_bytes
        self._saving.resumed(result.steps, state.steps, state.seconds)

    def _save(self, underway: Underway) -> None:
        folder = self._saving.make_folder()
        try:
            needed = sum(tensor_bytes(tensors.values()) for tensors in _sections(underway).values())
            if (free := shutil.disk_usage(folder).free) < needed * 1.05:
                raise ValueError(f"it takes {needed / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free")
            for section, tensors in _sections(underway).items():
                copies = {name: _own_copy(tensor) for name, tensor in tensors.items()}
                save_file(copies, folder / f"{section}{ENDING}")
            for file in self._saving.checkpoints.files if self._saving.checkpoints else ():
                link_or_copy(file, folder / f"{CHECKPOINT}{file.name}")
            state = TrainingState(
                identity=self._identity,
                steps=underway.steps,
                result=asdict(underway.result),
                best=underway.best[0] if underway.best else None,
                seconds=self.seconds + self._meter.seconds,
                peak_bytes=max(self.peak_bytes, self._meter.peak_bytes),
                frozen=self._frozen_checksum(underway),
                files={},
            )
            commit_state(self._saving.cell_folder, folder, state)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _frozen_checksum(self, underway: Underway) -> int:
        """Return a checksum of what is not trained, made once: an adapter may have drawn or changed it."""
        if self._frozen is None:
            self._frozen = 0
            for name, parameter in underway.model.named_parameters():
                if name not in underway.parameters:
                    content = parameter.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
                    self._frozen = zlib.crc32(content, zlib.crc32(name.encode(), self._frozen))
        return self._frozen


def _sections(underway: Underway) -> dict[str, Tensors]:
    """Return all tensors that the steps to come depend on: one file each, so that few are copied at a time."""
    sections = {
        "parameters": {name: parameter.data for name, parameter in underway.parameters.items()},
        "buffers": _buffers(underway),
        "random": _random_states(underway),
    }
    for name, parameter in underway.parameters.items():
        for key, value in underway.optimizer.state.get(parameter, {}).items():
            sections.setdefault(f"{MOMENT}{key}", {})[name] = value
    if underway.best:
        sections["best"] = dict(zip(underway.parameters, underway.best[1], strict=True))
    return sections


def _check(underway: Underway, sections: Mapping[str, Tensors], state: TrainingState) -> None:
    """Raise UnusableState unless all tensors are there, each of the shape and type of what it is to replace."""
    parameters = {name: parameter.data for name, parameter in underway.parameters.items()}
    whole = {"parameters": parameters, "buffers": _buffers(underway), "random": _random_states(underway)}
    if state.best is not None:
        whole["best"] = parameters
    for section, expected in whole.items():
        found = sections.get(section, {})
        if found.keys() != expected.keys() or any(_kind(found[name]) != _kind(expected[name]) for name in found):
            raise UnusableState(f"not the same: {section}")
    for section in sections.keys() - whole.keys():
        for name, tensor in sections[section].items():
            if not section.startswith(MOMENT) or (tensor.shape and _kind(tensor) != _kind(parameters[name])):
                raise UnusableState(f"not the same: {section}")
    if state.steps != underway.steps or not 0 < state.result["steps"] < state.steps:
        raise UnusableState("not the same: number of steps")


@torch.no_grad()
def _bring_back(
    underway: Underway, sections: Mapping[str, Tensors], state: TrainingState, result: Trained
) -> None:
    """Set a training to a saved state that was checked."""
    for name, parameter in underway.parameters.items():
        parameter.copy_(sections["parameters"][name])
    for name, buffer in _buffers(underway).items():
        if not torch.equal(buffer, sections["buffers"][name].to(buffer.device)):
            buffer.copy_(sections["buffers"][name])
    moments: dict[int, Tensors] = {}
    for section, tensors in sections.items():
        for number, name in enumerate(underway.parameters):
            if section.startswith(MOMENT) and name in tensors:
                moments.setdefault(number, {})[section.removeprefix(MOMENT)] = tensors[name].clone()
    groups = underway.optimizer.state_dict()["param_groups"]
    underway.optimizer.load_state_dict({"state": moments, "param_groups": groups})
    if state.best is not None:
        best = sections["best"]
        kept = [best[name].to(like.device, copy=True) for name, like in underway.parameters.items()]
        underway.best = state.best, kept
    for field in fields(Trained):
        setattr(underway.result, field.name, getattr(result, field.name))
    torch.set_rng_state(sections["random"]["cpu"])
    if (device := _device(underway)).type == "cuda":
        torch.cuda.set_rng_state(sections["random"]["cuda"], device)


def _buffers(underway: Underway) -> Tensors:
    return dict(underway.model.named_buffers())


def _random_states(underway: Underway) -> Tensors:
    """Return the states that dropout draws from. The order of the items follows from the seed alone."""
    states = {"cpu": torch.get_rng_state()}
    if (device := _device(underway)).type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _device(underway: Underway) -> torch.device:
    return next(iter(underway.parameters.values())).device


def _kind(tensor: torch.Tensor) -> tuple[torch.Size, torch.dtype]:
    return tensor.shape, tensor.dtype


def _own_copy(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor in main memory that shares none with others, as safetensors wants it."""
    whole = tensor.detach().cpu().contiguous()
    return whole if whole.untyped_storage().nbytes() == whole.nbytes else whole.clone()


def _digest(items: Sequence[Item]) -> str:
    found = hashlib.sha256()
    for item in items:
        found.update(array("q", [len(item.prompt), len(item.target), *item.prompt, *item.target]).tobytes())
    return found.hexdigest()
