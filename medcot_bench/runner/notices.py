"""What a run tells its listener: events of its workers and of its own, with what it knows beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from medcot_bench.results.plan_file import LeftOutBaseline
from medcot_bench.results.precision_looks import PrecisionReport
from medcot_bench.runner.events import WorkerEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a run, or its search for learning rates, has before it."""

    event: Literal["planned"] = "planned"
    stage: Literal["trials", "study"]
    cells: int
    to_run: int
    """Cells of these that are not finished yet."""
    output_dir: str
    left_out_baselines: tuple[LeftOutBaseline, ...]
    notes: tuple[str, ...]
    """What reading the data found."""
    facts: tuple[str, ...] = ()
    """Facts about the users' rows; of a study with a search for learning rates, told with the search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A plugin leaves a cell out."""

    event: Literal["skipped"] = "skipped"
    cell: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """A worker ended with no cell at work; another one goes on."""

    event: Literal["restarted"] = "restarted"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A precision rule looked at the results of the seeds so far."""

    event: Literal["looked"] = "looked"
    precision: PrecisionReport
    """The rule, with this look alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A worker's libraries wrote a line."""

    event: Literal["log"] = "log"
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An event, and what the run knows beside it."""

    event: WorkerEvent | Planned | Skipped | Restarted | Looked | LogLine
    title: str | None = None
    """Of the event's cell, where it has one."""
    eta_s: int | None = None
    """Seconds that the run will still take, None while nothing is known."""

    @property
    def json(self) -> str:
        """One line of JSON: the event's fields, then `title` where there is one, and `eta_s`."""
        titled = {} if self.title is None else {"title": self.title}
        return json.dumps({**asdict(self.event), **titled, "eta_s": self.eta_s})


Listener = Callable[[Notice], None]
