"""Running the program: for real, with its events and processes, or by scripted workers, in milliseconds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from scripted import ScriptedExecutor, leave_records

from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.status import cell_statuses, run_order
from medcot_bench.results.cells import Cell
from medcot_bench.results.store import Store
from medcot_bench.runner.notices import Notice
from medcot_bench.runner.outcome import Outcome
from medcot_bench.runner.run import run_study
from medcot_bench.runner.supervision import Supervision
from medcot_bench.study.schema import Study

Start = Callable[..., "Running"]
Run = Callable[..., tuple[Outcome, list[Notice]]]


class Running:
    """A started `medcot-bench run --json`."""

    def __init__(self, arguments: list[str], environment: dict[str, str]):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "medcot_bench", "run", "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
            # A test run in the background ignores Ctrl-C, and would hand that down.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.events: list[dict[str, Any]] = []

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read events up to the first wanted one."""
        for line in self.process.stdout or ():
            self.events.append(json.loads(line))
            if wanted(self.events[-1]):
                return self.events[-1]
        raise AssertionError(f"the run ended before: {self.events[-3:]}, {self.errors()}")

    def worker(self) -> psutil.Process:
        """The worker process."""
        [child] = psutil.Process(self.process.pid).children()
        return child

    def wait(self) -> int:
        """Read the rest; return the exit status."""
        for line in self.process.stdout or ():
            self.events.append(json.loads(line))
        return self.process.wait()

    def errors(self) -> str:
        """What stands on standard error after the end."""
        return self.process.stderr.read() if self.process.stderr else ""


@pytest.fixture
def start() -> Iterator[Start]:
    """Start runs; end those that a failing test leaves behind."""
    started: list[Running] = []

    def begin(*arguments: str, **environment: str) -> Running:
        started.append(Running(list(arguments), environment))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait()
        for stream in (running.process.stdout, running.process.stderr):
            if stream:
                stream.close()


# --- scripted workers ---


@pytest.fixture
def study(study_fields: dict[str, Any]) -> Study:
    return Study.model_validate(study_fields | {"adapters": ("none", "full", "lora")})


@pytest.fixture
def plan(study: Study) -> Plan:
    return make_plan(study)


@pytest.fixture
def store(study: Study) -> Store:
    return Store(Path(study.output_dir))


@pytest.fixture
def cells(plan: Plan, store: Store) -> list[Cell]:
    """The base, lora and full, in the order in which they are run."""
    return [status.cell for status in run_order(cell_statuses(plan, store), plan)]


@pytest.fixture
def run(study: Study, plan: Plan, store: Store) -> Run:
    """Run the study by an executor; return the outcome and all that the listener was told."""

    def run(executor: ScriptedExecutor, **supervision: Any) -> tuple[Outcome, list[Notice]]:
        told: list[Notice] = []
        executor.leave = leave_records(plan, store)
        watched = Supervision(**supervision)
        outcome = run_study(study, listen=told.append, executor=executor, supervision=watched)
        assert all(worker.ended for worker in executor.workers)
        return outcome, told

    return run
