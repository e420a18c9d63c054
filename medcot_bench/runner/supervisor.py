"""The parent: plans, starts the worker, passes its events on, records the deaths of workers, exports."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from medcot_bench.errors import MedcotError
from medcot_bench.planning.estimates.duration import Eta
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.status import CellStatus
from medcot_bench.plugins.manager import installed
from medcot_bench.results.cells import Cell
from medcot_bench.results.records import Attempt, now
from medcot_bench.results.store import Store
from medcot_bench.runner.executors.local import WorkerProcess, cores, describe_exit, fatal
from medcot_bench.runner.protocol import RECYCLED, Listener


class _Supervisor:
    def __init__(self, plan: Plan, store: Store, listen: Listener, eta: Eta, write_plan: Callable[[], None]):
        self.plan = plan
        self.store = store
        self.listen = listen
        self.eta = eta
        self.write_plan = write_plan
        self.cells = {cell.id: cell for cell in plan.cells}

    def run(self, todos: list[CellStatus]) -> int:
        """Run cells in as many workers as it takes; return how many cells failed."""
        left = [todo.cell for todo in todos]
        failed = 0
        while left:
            job = {
                "study": self.plan.study.model_dump(mode="json"),
                "output_dir": str(self.store.root),
                "threads": self.plan.study.threads or cores(),
                "cells": [cell.id for cell in left],
            }
            current: Cell | None = None
            offline = self.plan.base.kind != "hub" and not any(t.remote for t in self.plan.lm_eval_tasks.values())
            trusting = self.plan.study.trust_task_code
            with WorkerProcess(job, offline=offline, trusting=trusting, on_log=self._log) as worker:
                for event in worker.events():
                    if event["event"] == "fatal":
                        raise fatal(event)
                    if event["event"] == "ready":  # device, dtype and model can be used
                        self.write_plan()
                    if event["event"] == "cell_started":
                        current = self.cells[event["cell"]]
                    self._pass_on(event)
                    if event["event"] == "cell_finished" and current is not None:
                        failed += event["failed"]
                        left.remove(current)
                        current = None
                status = worker.wait()
            if current is not None:
                failed += 1
                left.remove(current)
                self._record_death(current, status, worker.tail)
            elif left and status < 0:
                raise MedcotError(f"{describe_exit(status)} between two cells; run the same command again")
            elif left and status != RECYCLED:
                raise RuntimeError(f"the worker ended with status {status}:\n{worker.tail}")
        return failed

    def _log(self, line: str) -> None:
        self.listen({"event": "log", "line": line})

    def _pass_on(self, event: dict[str, Any]) -> None:
        cell = self.cells.get(event.get("cell", ""))
        if cell is not None:
            event["title"] = _title(self.plan, cell)
        self.eta.observe(event, time.monotonic())
        left = self.eta.seconds_left(time.monotonic())
        event["eta_s"] = None if left is None else round(left)
        self.listen(event)
        if event["event"] == "trained" and cell is not None and (record := self.store.cell(cell)):
            installed().cell_finished(record)

    def _record_death(self, cell: Cell, status: int, log: str) -> None:
        error = describe_exit(status)
        attempt = Attempt(cell_id=cell.id, status="killed", error=error, started=now())
        folder = self.store.add_attempt(cell, attempt, log)
        self.store.drop_unfinished(cell)
        self.listen(
            {
                "event": "failed",
                "cell": cell.id,
                "title": _title(self.plan, cell),
                "status": "killed",
                "task": None,
                "error": error,
                "log": str(folder / "log"),
            }
        )


def _title(plan: Plan, cell: Cell) -> str:
    return f"{cell.title} × lr {plan.recipe(cell).lr:g}" if plan.trials else cell.title
