"""Run cells one after another on a warm base and commit what they made: the whole of a run's worker."""

from __future__ import annotations

import traceback
from pathlib import Path

import psutil

from medcot_bench.errors import OK, Diverged, MedcotError, StoreError, describe_error
from medcot_bench.models.load import weights_folder
from medcot_bench.models.meter import is_out_of_memory, release_memory
from medcot_bench.planning.build import make_plan
from medcot_bench.results.cells import Cell, Evaluation
from medcot_bench.results.records import Attempt, Status, now
from medcot_bench.results.store import Store
from medcot_bench.runner.events import CellFinished, CellStarted, Failed, Ready
from medcot_bench.runner.protocol import RECYCLED, RunCells
from medcot_bench.security.foreign_text import LINE, shorten
from medcot_bench.security.secrets import scrub
from medcot_bench.study.schema import Study
from medcot_bench.text import encodable
from medcot_bench.worker.heartbeat import Heartbeat
from medcot_bench.worker.io import Emit
from medcot_bench.worker.run_cell import CellRunner


def run_cells(work: RunCells, threads: int, emit: Emit) -> int:
    """Run the cells; return the exit status: RECYCLED where some are left for another worker.

    Tells signs of life beside what happens. Raises MedcotError where none can be run, or where the result folder
    can't be written.
    """
    with Heartbeat(emit) as heartbeat:
        return _run_cells(work, threads, emit, heartbeat)


def _run_cells(work: RunCells, threads: int, emit: Emit, heartbeat: Heartbeat) -> int:
    plan = make_plan(Study.model_validate(work.study))
    cells = {cell.id: cell for cell in plan.cells}
    if any(name not in cells for name in work.cells):
        raise StoreError(
            "the data or the model changed while the run was starting; run it again (if it comes each time, a "
            "plugin gives other items each time: see its conformance checks)"
        )
    if plan.base.path is None:
        with heartbeat.assumed():  # a download: how long that may take is left to the hub's library
            weights_folder(plan.base)
    store = Store(Path(work.output_dir), indexed=True)
    runner = CellRunner(plan, store, threads, emit, work.checkpoint_every)
    runner.check([cells[name] for name in work.cells])
    heartbeat.ready()
    emit(Ready())
    first_size: int | None = None
    for number, name in enumerate(work.cells):
        emit(CellStarted(cell=name))
        failed = _attempt(runner, store, cells[name], emit)
        emit(CellFinished(cell=name, failed=failed))
        release_memory()
        size = psutil.Process().memory_info().rss
        first_size = first_size or size
        # Freed tensors do not all go back to the system; a fresh process is cheap beside what swapping costs.
        if size > 2 * first_size + (1 << 30) and number + 1 < len(work.cells):
            return RECYCLED
    return OK


def _attempt(runner: CellRunner, store: Store, cell: Cell, emit: Emit) -> bool:
    """Run one cell; return whether anything of it failed. Failures are committed as attempts."""
    failures: list[tuple[str | None, BaseException]] = []

    def fail(score: Evaluation | None, error: BaseException) -> None:
        status = status_of(error)
        text = str(error) if isinstance(error, MedcotError) else describe_error(error)
        line = shorten(encodable(text), LINE)
        task = score.title if score else None
        attempt = Attempt(
            cell_id=cell.id, status=status, score=task, error=line, started=started, seconds=runner.seconds
        )
        log = scrub(encodable("".join(traceback.format_exception(error))))
        try:
            folder = store.add_attempt(cell, attempt, log)
        except StoreError as unwritten:  # a full disk, which is often why the cell failed, too
            raise StoreError(f"{unwritten}; it was to say of {cell.title}: {line}") from error
        failures.append((task, error))
        emit(Failed(cell=cell.id, status=status, task=task, error=line, log=str(folder / "log")))

    started = now()
    try:
        runner.run(cell, fail)
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # the latter two are some code's, not the user's
        fail(None, error)
    finally:
        store.drop_unfinished(cell)
    return bool(failures)


def status_of(error: BaseException) -> Status:
    """Return the status that an exception stands for."""
    if isinstance(error, Diverged):
        return "diverged"
    return "oom" if is_out_of_memory(error) else "failed"
