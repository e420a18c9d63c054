"""What a worker is told and what it tells: a job, then events, each a typed record and one line of JSON.

Jobs come from a runner of the same version. A line that is whole is checked; the last one may have been cut off.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from medcot_bench.errors import ConfigError, MedcotError
from medcot_bench.results.records import Status
from medcot_bench.types import Example
from medcot_bench.version import __version__

RECYCLED = 75
"""Exit status of a worker that ends because its memory has grown; another one goes on."""

CHECKPOINT_EVERY = 600.0
"""Seconds between two saves of a training, where nobody says otherwise."""

# --- jobs ---


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCells:
    """Train and score cells of a study. Tells of each; what is finished is in the result folder."""

    kind: Literal["run"] = "run"
    study: Mapping[str, Any]
    """The fields of the study, of which the worker makes the same plan again."""
    output_dir: str
    cells: tuple[str, ...]
    """Ids, in the order to run them."""
    checkpoint_every: float | None = CHECKPOINT_EVERY
    """Seconds after which a training that still runs is saved, so that a kill costs no more; None: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predict:
    """Answer one question with a cell's model; ends in `Answered`."""

    kind: Literal["predict"] = "predict"
    root: str
    """The result folder."""
    cell: str
    """The cell's folder in it."""
    task: str
    """Label of the task that asks."""
    example: Example
    base: bool
    """Whether the base model is asked instead."""
    model: str | None
    """Where the base model lies now; None: where the study says."""
    device: str | None
    """What to compute on; None: what the study says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Write a cell's adapter and its base as one model into an empty folder; ends in `Merged`."""

    kind: Literal["merge"] = "merge"
    root: str
    cell: str
    folder: str
    model: str | None
    device: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examine:
    """Try on every device what a run computes; ends in `Examined`."""

    kind: Literal["examine"] = "examine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that one worker is told. Paths in it are absolute, or of the directory that the worker is started in."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    medcot_bench: str = __version__
    """The version that wrote it: no other one takes it."""
    work: Annotated[RunCells | Predict | Merge | Examine, Field(discriminator="kind")]
    threads: int | None
    """For computing; None: every core that the worker may use."""
    offline: bool
    """Whether nothing may be asked of the model hub."""
    trusting: bool = False
    """Whether code that tasks of lm-eval bring along may run."""


# --- events of a worker ---


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
    """A cell's model is being trained, or loaded, or scored on a task."""

    event: Literal["phase"] = "phase"
    cell: str
    phase: Literal["train", "restore", "score"]
    task: str | None = None
    """Title of the evaluation; None where it is none."""
    reason: str | None = None
    """Why a finished training is done again, where its saved weights are damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """So many steps of the phase are done."""

    event: Literal["progress"] = "progress"
    cell: str
    done: int
    total: int


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


OfCell = CellStarted | PhaseStarted | Progress | Resumed | Noted | Trained | Scored | Failed | CellFinished
WorkerEvent = Ready | Alive | OfCell | Answered | Merged | Examined | Fatal

# --- lines of JSON ---


def encode(record: Job | WorkerEvent) -> str:
    """Return a record as a whole line of JSON, its end included."""
    return json.dumps(asdict(record)) + "\n"


def decode_job(text: str) -> Job:
    """Read a job. Raises ConfigError for what is none, and for one of another version."""
    try:
        fields = json.loads(text)
        if isinstance(fields, dict) and (version := fields.get("medcot_bench")) != __version__:
            wrote = f"medcot-bench {version}" if version else "an unnamed version"
            raise ConfigError(f"{wrote} wrote this job, and this is medcot-bench {__version__}; use one version")
        return _jobs().validate_json(text, strict=True)
    except ValidationError as error:
        raise ConfigError(f"not a job: {_first(error)}") from None
    except ValueError as error:
        raise ConfigError(f"not a job: {error}") from None


class MalformedEvent(RuntimeError):
    """A worker wrote a whole line that is not an event: a mistake in the worker, or lines of another version."""


def decode_event(line: str) -> WorkerEvent:
    """Read an event. Raises MalformedEvent."""
    try:
        return _events().validate_json(line, strict=True)
    except ValidationError as error:
        raise MalformedEvent(f"a worker's line is no event ({_first(error)}): {line.strip()[:500]}") from None


def read_events(lines: Iterable[str | None]) -> Iterator[WorkerEvent | None]:
    """Yield the events of a worker's lines, each with its end. A cut-off last line is the end of them.

    None, where nothing came for a while, is passed on. Raises MalformedEvent for a whole line that is not one.
    """
    for line in lines:
        if line is not None and not line.endswith("\n"):
            return
        yield None if line is None else decode_event(line)


@cache
def _jobs() -> TypeAdapter[Job]:
    return TypeAdapter(Job)


@cache
def _events() -> TypeAdapter[WorkerEvent]:
    return TypeAdapter(Annotated[WorkerEvent, Field(discriminator="event")], config=ConfigDict(extra="forbid"))


def _first(error: ValidationError) -> str:
    """Return where and what the first fault is."""
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where}: {fault['msg']}" if where else fault["msg"]
