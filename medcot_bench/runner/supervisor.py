"""The parent of workers: starts them, passes on what they tell, ends those that hang, records their deaths."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from medcot_bench.errors import SOME_FAILED, MedcotError
from medcot_bench.planning.estimates.duration import Eta
from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import Cell
from medcot_bench.results.records import Attempt, Status, now
from medcot_bench.results.store import Store
from medcot_bench.runner.events import (
    Alive,
    CellFinished,
    CellStarted,
    Failed,
    Fatal,
    OfCell,
    PhaseStarted,
    Progress,
    Ready,
    Resumed,
    Scored,
    Trained,
    WorkerEvent,
)
from medcot_bench.runner.executors.base import Executor, Worker, describe_exit
from medcot_bench.runner.notices import Listener, LogLine, Notice, Restarted
from medcot_bench.runner.protocol import RECYCLED, Job, RunCells
from medcot_bench.runner.run_wide import RunWidePlugins
from medcot_bench.runner.silence import Silence
from medcot_bench.runner.supervision import Supervision
from medcot_bench.security.foreign_text import shorten
from medcot_bench.security.secrets import scrub

FRUITLESS = 2
"""Workers in a row that end without finishing a cell, after which no other one is started."""


class Supervisor:
    """Has cells of a plan run in as many workers as it takes, one after another.

    A worker that dies or hangs takes the cell at work with it; the next one goes on with the others.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        executor: Executor,
        listen: Listener,
        eta: Eta,
        when_ready: Callable[[], None],
        supervision: Supervision,
        plugins: RunWidePlugins,
    ):
        self._plan = plan
        self._store = store
        self._executor = executor
        self._listen = listen
        self._eta = eta
        self._when_ready = when_ready
        self._supervision = supervision
        self._plugins = plugins
        self._cells = {cell.id: cell for cell in plan.cells}
        self._left: list[Cell] = []
        """What is not finished, in the order to run it."""
        self._current: Cell | None = None
        self._task: str | None = None
        """The evaluation at work, None where it is none."""
        self._failures: list[Failed] = []
        """Of the cell at work."""
        self._failed = 0

    def run(self, cells: Sequence[Cell]) -> int:
        """Run cells; return how many failed. `when_ready` is called when a worker says that cells will follow.

        Raises MedcotError where a worker gives a reason why none can be run, where workers end again and again
        without finishing one, and at the first failure if that was asked for.
        """
        self._left = [*cells]
        self._failed = fruitless = 0
        while self._left:
            before = len(self._left)
            end = self._run_worker()
            fruitless = fruitless + 1 if len(self._left) == before else 0
            if fruitless == FRUITLESS:
                why = f"{fruitless} workers in a row finished no training run: {end}"
                raise MedcotError(f"{why}; -v shows what they write", exit_code=SOME_FAILED)
            if self._left and end:
                self._listen(Notice(event=Restarted(reason=end)))
        return self._failed

    def _run_worker(self) -> str | None:
        """Run one worker until it ends, for whatever reason.

        Return how it ended where it took no cell with it, None where it did or where its memory had grown.
        """
        before = len(self._left)
        with self._executor.start(self._job(), self._log) as worker:
            silence = Silence(self._supervision.timeouts, time.monotonic())
            hung = self._follow(worker, silence)
            status, tail = worker.wait(), worker.tail
        error = hung or f"{describe_exit(status)}{silence.place}"
        if self._current is not None:
            self._record_death(self._current, "timeout" if hung else "killed", error, tail)
            return None
        if status == RECYCLED and len(self._left) < before:
            return None
        return f"{error}{_raised(tail)}" if status == 1 else error

    def _follow(self, worker: Worker, silence: Silence) -> str | None:
        """Take a worker's events. Where it hangs end it, and return the error to record."""
        for event in worker.events():
            at = time.monotonic()
            silence.heard(event, at)
            if event is None:
                if error := silence.error():
                    worker.end()
                    return error
            elif not isinstance(event, Alive):
                self._take(event, at)
        return None

    def _job(self) -> Job:
        plan, study = self._plan, self._plan.study
        return Job(
            work=RunCells(
                study=study.model_dump(mode="json"),
                output_dir=str(self._store.root),
                cells=tuple(cell.id for cell in self._left),
                checkpoint_every=self._supervision.checkpoint_every,
            ),
            threads=study.threads,
            offline=plan.base.kind != "hub" and not any(task.remote for task in plan.lm_eval_tasks.values()),
            trusting=study.trust_task_code,
        )

    def _take(self, event: WorkerEvent, at: float) -> None:
        """Do what an event calls for, then pass it on."""
        match event:
            case Fatal():
                raise event.error
            case Ready():
                self._when_ready()
            case CellStarted():
                self._current, self._task, self._failures = self._cells[event.cell], None, []
            case PhaseStarted():
                self._task = event.task
                self._eta.started(event.cell, event.task, at)
            case Resumed():
                self._eta.started(event.cell, None, at - event.seconds)
            case Progress(unit="step"):
                self._eta.progressed(event.done / event.total)
            case Trained() | Scored():
                self._task = None
                self._eta.finished(at)
            case Failed():
                self._task = None
                self._failures.append(event)
                self._eta.dropped(event.cell, event.task)
            case CellFinished():
                self._eta.dropped(event.cell)
                self._failed += event.failed
                self._left.remove(self._cells[event.cell])
                self._current = None
        self._tell(event, at)
        if isinstance(event, Trained) and self._current and (record := self._store.cell(self._current)):
            self._plugins.cell_finished(record)
        if isinstance(event, CellFinished) and event.failed:
            self._stop_at_failure()

    def _stop_at_failure(self) -> None:
        """End the run at a failure if that was asked for. A search expects that some learning rates diverge."""
        expected = {"diverged"} if self._plan.trials else set[str]()
        if self._supervision.fail_fast and any(one.status not in expected for one in self._failures):
            why = "stopped at the first failed training run (--fail-fast)"
            again = f"{self._supervision.same_command} runs it again, and the rest"
            raise MedcotError(f"{why}; {again}", exit_code=SOME_FAILED)

    def _record_death(self, cell: Cell, status: Status, error: str, tail: str) -> None:
        """Write an attempt in the name of a worker that ended in the middle of a cell."""
        attempt = Attempt(cell_id=cell.id, status=status, score=self._task, error=error, started=now())
        folder = self._store.add_attempt(cell, attempt, scrub(tail))
        self._store.drop_unfinished(cell)
        log, at = str(folder / "log"), time.monotonic()
        self._take(Failed(cell=cell.id, status=status, task=self._task, error=error, log=log), at)
        self._take(CellFinished(cell=cell.id, failed=True), at)

    def _tell(self, event: WorkerEvent, at: float) -> None:
        left = self._eta.seconds_left(at)
        title = self._title(event.cell) if isinstance(event, OfCell) else None
        self._listen(Notice(event=event, title=title, eta_s=None if left is None else round(left)))

    def _title(self, cell_id: str) -> str:
        cell = self._cells[cell_id]
        several = self._plan.several_rates and cell.task is not None
        return f"{cell.title} × lr {self._plan.recipe(cell).lr:g}" if several else cell.title

    def _log(self, line: str) -> None:
        self._listen(Notice(event=LogLine(line=line)))


def _raised(tail: str) -> str:
    """Return what a worker raised: the last line of what it wrote, of which the lines before are the traceback."""
    lines = [" ".join(line.split()) for line in tail.splitlines() if line.strip()]
    return f"; {shorten(lines[-1])}" if lines else ""
