"""What a worker tells: events, each a typed record. How they are written as lines: runner/protocol.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from medcot_bench.errors import MedcotError
from medcot_bench.results.records import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Device, dtype, model and tasks can be used: cells follow."""

    event: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """Something got done since the last one: an item, a hook, a pass through a layer. Told about every second."""

    event: Literal["alive"] = "alive"
    place: str | None
    """The plugin and its hook at work; None outside of plugins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellStarted:
    """A cell is at work."""

    event: Literal["cell_started"] = "cell_started"
    cell: str
    """The cell's id, here and in the events that follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStarted:
    """A cell's model is being trained, or loaded (the base, too), or scored on a task, asked, or merged."""

    event: Literal["phase"] = "phase"
    cell: str
    phase: Literal["train", "restore", "score", "answer", "merge"]
    task: str | None = None
    """Title of the evaluation; None where it is none."""
    reason: str | None = None
    """Why a finished training is done again, where its saved weights are damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measuring:
    """Within the phase, a model's drift from the base is being measured: KL and forgetting."""

    event: Literal["measuring"] = "measuring"
    cell: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """So much of the phase is done: optimiser steps, likelihoods, or answers that are written."""

    event: Literal["progress"] = "progress"
    cell: str
    done: int
    total: int
    unit: Literal["step", "likelihood", "answer"] = "step"
    loss: float | None = None
    """Nats per target token in this step of a training; None elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A training goes on where an earlier run of it was saved."""

    event: Literal["resumed"] = "resumed"
    cell: str
    step: int
    """So many are done."""
    steps: int
    seconds: float
    """They took so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something to know of a cell, beside its failures."""

    event: Literal["noted"] = "noted"
    cell: str
    text: str
    """One line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A training is in the result folder."""

    event: Literal["trained"] = "trained"
    cell: str
    steps: int
    loss: float | None
    """Nats per target token at the end; None where there were no steps."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """An evaluation is in the result folder."""

    event: Literal["scored"] = "scored"
    cell: str
    task: str
    """Title of the evaluation."""
    seconds: float
    results: Mapping[str, float]
    """lm-eval's names of the scores, e.g. `answer,none` -> values."""
    marks: tuple[str, ...]
    """What has to be said of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An evaluation of a cell, or the cell as a whole, failed; the attempt is in the result folder."""

    event: Literal["failed"] = "failed"
    cell: str
    status: Status
    task: str | None
    """Title of the evaluation; None for the cell as a whole."""
    error: str
    """One line."""
    log: str
    """Path of the attempt's log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFinished:
    """Nothing more comes of a cell."""

    event: Literal["cell_finished"] = "cell_finished"
    cell: str
    failed: bool
    """Whether anything of it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a model wrote."""

    event: Literal["answered"] = "answered"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeCheck:
    """Nats per byte of the targets of a task's first items, by the model before and after it was merged."""

    task: str
    items: int
    unmerged: float
    merged: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A merged model is in its folder."""

    event: Literal["merged"] = "merged"
    dtype: str
    check: MergeCheck | None
    unchecked: str | None
    """Why there is no check; None where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """What works on a device."""

    name: str
    works: tuple[str, ...]
    fails: Mapping[str, str]
    """Operation -> error, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """The devices of the worker's machine."""

    event: Literal["examined"] = "examined"
    devices: tuple[DeviceReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fatal:
    """The worker can't go on, for a reason that the user can mend. Nothing follows."""

    event: Literal["fatal"] = "fatal"
    message: str
    exit_code: int

    @property
    def error(self) -> MedcotError:
        """The error that it stands for."""
        return MedcotError(self.message, exit_code=self.exit_code)


OfCell = (
    CellStarted | PhaseStarted | Measuring | Progress | Resumed | Noted | Trained | Scored | Failed | CellFinished
)
WorkerEvent = Ready | Alive | OfCell | Answered | Merged | Examined | Fatal
