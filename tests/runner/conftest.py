"""Running the program for real: subprocesses, their events, and the processes behind them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

Start = Callable[..., "Running"]


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
