"""How long a worker has been silent, and in what: where that is too long, it hangs."""

from __future__ import annotations

from typing import Literal

from medcot_bench.runner.events import Alive, CellFinished, CellStarted, PhaseStarted, WorkerEvent
from medcot_bench.runner.supervision import RAISE_TIMEOUT, Timeouts
from medcot_bench.study.durations import spoken

LONGEST_LOOK = 5.0
"""Seconds of silence that one look can add: a machine that slept, or a stopped process, was not silent."""
PHASES: dict[str, tuple[Literal["load", "train", "score"], str]] = {
    "train": ("train", "training"),
    "restore": ("load", "loading the trained model"),
    "score": ("score", "scoring"),
    "answer": ("score", "answering"),
    "merge": ("load", "merging"),
}
"""Phase of a cell -> whose limit it has, and what is being done."""


class Silence:
    """Of one worker, from its start. Any event ends it."""

    def __init__(self, timeouts: Timeouts, at: float):
        self._timeouts = timeouts
        self._looked = at
        self._seconds = 0.0
        self._phase: Literal["load", "train", "score"] = "load"
        self._doing = "starting"
        self._place: str | None = None

    def heard(self, event: WorkerEvent | None, at: float) -> None:
        """Take an event, or None for a look without one, at this moment of a clock that only goes forward."""
        looked, self._looked = self._looked, at
        self._seconds = self._seconds + min(at - looked, LONGEST_LOOK) if event is None else 0.0
        match event:
            case Alive():
                self._place = event.place
            case CellStarted():
                self._phase, self._doing, self._place = "load", "loading the base model", None
            case PhaseStarted():
                (self._phase, doing), self._place = PHASES[event.phase], None
                self._doing = f"{doing} {event.task or ''}".strip()
            case CellFinished():
                self._phase, self._doing, self._place = "load", "going on to the next training run", None

    def error(self) -> str | None:
        """Say that the worker hangs, and in what; None while it may go on."""
        limit = getattr(self._timeouts, self._phase)
        if limit is None or self._seconds < limit:
            return None
        return f"no progress for {spoken(limit)} while {self._doing}{self.place}{RAISE_TIMEOUT}"

    @property
    def place(self) -> str:
        """Say at which plugin's hook the worker was last known to be, empty where at none."""
        return f"; last at {self._place}" if self._place else ""
