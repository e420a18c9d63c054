"""An executor whose workers say what a test wrote for them: runs without models, in milliseconds."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import planted

from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import Cell
from medcot_bench.results.store import Store
from medcot_bench.runner.events import (
    CellFinished,
    CellStarted,
    PhaseStarted,
    Progress,
    Scored,
    Trained,
    WorkerEvent,
)
from medcot_bench.runner.notices import Notice
from medcot_bench.runner.protocol import Job, RunCells, encode, read_events

Part = WorkerEvent | str | Callable[[], None] | None
"""An event, a piece of what comes through the pipe as it is, something that happens in between, or silence."""


@dataclass
class Script:
    """What a worker says, how it ends, and what it wrote beside events."""

    parts: Sequence[Part]
    status: int = 0
    log: Sequence[str] = ()


@dataclass
class ScriptedExecutor:
    """Plays one script after another; a job more than there are scripts fails the test."""

    scripts: list[Script]
    jobs: list[Job] = field(default_factory=list)
    workers: list[ScriptedWorker] = field(default_factory=list)
    leave: Callable[[WorkerEvent], None] = lambda event: None
    """Called with each event before it is told: what the worker leaves in the result folder."""

    def start(self, job: Job, on_log: Callable[[str], None]) -> ScriptedWorker:
        self.jobs.append(job)
        assert len(self.jobs) <= len(self.scripts), "one worker too many was started"
        self.workers.append(ScriptedWorker(self.scripts[len(self.jobs) - 1], on_log, self.leave))
        return self.workers[-1]


class ScriptedWorker:
    def __init__(self, script: Script, on_log: Callable[[str], None], leave: Callable[[WorkerEvent], None]):
        self.script = script
        self.leave = leave
        self.ended = False
        self.killed = False
        for line in script.log:
            on_log(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.ended = True

    def events(self) -> Iterator[WorkerEvent | None]:
        return read_events(self._lines())

    def end(self) -> None:
        self.killed = True

    def wait(self) -> int:
        return -signal.SIGKILL if self.killed else self.script.status

    @property
    def tail(self) -> str:
        return "".join(f"{line}\n" for line in self.script.log)

    def _lines(self) -> Iterator[str | None]:
        for part in self.script.parts:
            assert not self.killed, "it was read on after its end"
            if part is None or isinstance(part, str):
                yield part
            elif callable(part):
                part()
            else:
                self.leave(part)
                yield encode(part)


def leave_records(plan: Plan, store: Store) -> Callable[[WorkerEvent], None]:
    """What is told as trained or scored is in the folder, as a worker would have committed it."""
    cells = {cell.id: cell for cell in plan.cells}

    def leave(event: WorkerEvent) -> None:
        if isinstance(event, Trained) and store.cell(cell := cells[event.cell]) is None:
            made = planted.Made(adapter=cell.adapter, task=cell.task, seed=cell.seed)
            store.commit_cell(cell, planted.cell_record(cell, cell.request, made, planted.TRAIN), [])
        if isinstance(event, Scored):
            cell = cells[event.cell]
            [key] = [one for one in plan.evaluations_of(cell) if one.title == event.task]
            record = planted.evaluation_record(key, planted.Made(adapter=cell.adapter))
            store.commit_evaluation(cell, key, replace(record, results=event.results), [])

    return leave


def started(cell: Cell) -> CellStarted:
    return CellStarted(cell=cell.id)


def finished(cell: Cell) -> list[Part]:
    """What a worker says of a cell that it trains, or of the base, and scores."""
    return [
        started(cell),
        PhaseStarted(cell=cell.id, phase="train"),
        Progress(cell=cell.id, done=1, total=2),
        Trained(cell=cell.id, steps=2, loss=2.0, seconds=1.0),
        PhaseStarted(cell=cell.id, phase="score", task="k8s_qa"),
        Scored(cell=cell.id, task="k8s_qa", seconds=1.0, results={"answer,none": 0.5}, marks=()),
        CellFinished(cell=cell.id, failed=False),
    ]


def ids(cells: list[Cell]) -> tuple[str, ...]:
    return tuple(cell.id for cell in cells)


def asked_for(executor: ScriptedExecutor) -> list[tuple[str, ...]]:
    """The cells of each job."""
    return [job.work.cells for job in executor.jobs if isinstance(job.work, RunCells)]


def events(told: list[Notice], kind: type) -> list[Any]:
    return [notice.event for notice in told if isinstance(notice.event, kind)]


def usable(store: Store) -> bool:
    """Whether another run could begin in the folder."""
    with store.lock():
        return not (store.root / "cells").exists() or not [*store.root.glob("cells/*/.making-*")]
