"""What a worker is told, a job, and how jobs and events (runner/events.py) become lines of JSON and back.

Jobs come from a runner of the same version. A line that is whole is checked; the last one may have been cut off.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from medcot_bench.errors import ConfigError
from medcot_bench.runner.events import WorkerEvent
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
