"""The parent of workers: starts them, passes on what they tell, records their deaths."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from medcot_bench.errors import MedcotError
from medcot_bench.planning.estimates.duration import Eta
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.manager import installed
from medcot_bench.results.cells import Cell
from medcot_bench.results.records import Attempt, now
from medcot_bench.results.store import Store
from medcot_bench.runner.executors.base import Executor, describe_exit
from medcot_bench.runner.notices import Listener, LogLine, Notice
from medcot_bench.runner.protocol import (
    CHECKPOINT_EVERY,
    RECYCLED,
    CellFinished,
    CellStarted,
    Failed,
    Fatal,
    Job,
    OfCell,
    PhaseStarted,
    Progress,
    Ready,
    Resumed,
    RunCells,
    Scored,
    Trained,
    WorkerEvent,
)


class Supervisor:
    """Has cells of a plan run in as many workers as it takes, one after another.

    A worker that dies takes the cell at work with it; the next one goes on with the others.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        executor: Executor,
        listen: Listener,
        eta: Eta,
        when_ready: Callable[[], None],
        checkpoint_every: float | None = CHECKPOINT_EVERY,
    ):
        self._plan = plan
        self._store = store
        self._executor = executor
        self._listen = listen
        self._eta = eta
        self._when_ready = when_ready
        self._checkpoint_every = checkpoint_every
        self._cells = {cell.id: cell for cell in plan.cells}
        self._left: list[Cell] = []
        """What is not finished, in the order to run it."""
        self._current: Cell | None = None
        self._failed = 0

    def run(self, cells: Sequence[Cell]) -> int:
        """Run cells; return how many failed. `when_ready` is called when a worker says that cells will follow.

        Raises MedcotError where a worker gives a reason why none can be run, or is ended by a signal with no cell
        at work, and RuntimeError for one that gives up without a reason.
        """
        self._left = [*cells]
        self._failed = 0
        while self._left:
            self._run_worker()
        return self._failed

    def _run_worker(self) -> None:
        """Run one worker until it ends, for whatever reason; raise where another one would do no better."""
        before = len(self._left)
        with self._executor.start(self._job(), self._log) as worker:
            for event in worker.events():
                self._take(event)
            status, tail = worker.wait(), worker.tail
        if self._current is not None:
            self._record_death(self._current, status, tail)
        elif self._left and status < 0:
            raise MedcotError(f"{describe_exit(status)} with no training run at work; run the same command again")
        elif self._left and (status != RECYCLED or len(self._left) == before):
            raise RuntimeError(f"{describe_exit(status)}:\n{tail}")

    def _job(self) -> Job:
        plan, study = self._plan, self._plan.study
        return Job(
            work=RunCells(
                study=study.model_dump(mode="json"),
                output_dir=str(self._store.root),
                cells=tuple(cell.id for cell in self._left),
                checkpoint_every=self._checkpoint_every,
            ),
            threads=study.threads,
            offline=plan.base.kind != "hub" and not any(task.remote for task in plan.lm_eval_tasks.values()),
            trusting=study.trust_task_code,
        )

    def _take(self, event: WorkerEvent) -> None:
        """Do what an event calls for, then pass it on."""
        at = time.monotonic()
        match event:
            case Fatal():
                raise event.error
            case Ready():
                self._when_ready()
            case CellStarted():
                self._current = self._cells[event.cell]
            case PhaseStarted():
                self._eta.started(event.cell, event.task, at)
            case Resumed():
                self._eta.started(event.cell, None, at - event.seconds)
            case Progress():
                self._eta.progressed(event.done / event.total)
            case Trained() | Scored():
                self._eta.finished(at)
            case Failed():
                self._eta.dropped(event.cell, event.task)
            case CellFinished():
                self._eta.dropped(event.cell)
                self._failed += event.failed
                self._left.remove(self._cells[event.cell])
                self._current = None
        self._tell(event, at)
        if isinstance(event, Trained) and self._current and (record := self._store.cell(self._current)):
            installed().cell_finished(record)

    def _record_death(self, cell: Cell, status: int, tail: str) -> None:
        """Write an attempt in the name of a worker that ended in the middle of a cell."""
        error = describe_exit(status)
        attempt = Attempt(cell_id=cell.id, status="killed", error=error, started=now())
        folder = self._store.add_attempt(cell, attempt, tail)
        self._store.drop_unfinished(cell)
        log = str(folder / "log")
        self._take(Failed(cell=cell.id, status="killed", task=None, error=error, log=log))
        self._take(CellFinished(cell=cell.id, failed=True))

    def _tell(self, event: WorkerEvent, at: float) -> None:
        left = self._eta.seconds_left(at)
        title = self._title(event.cell) if isinstance(event, OfCell) else None
        self._listen(Notice(event=event, title=title, eta_s=None if left is None else round(left)))

    def _title(self, cell_id: str) -> str:
        cell = self._cells[cell_id]
        return f"{cell.title} × lr {self._plan.recipe(cell).lr:g}" if self._plan.trials else cell.title

    def _log(self, line: str) -> None:
        self._listen(Notice(event=LogLine(line=line)))
