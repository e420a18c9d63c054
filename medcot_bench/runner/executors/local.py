"""Workers as processes of this machine: the job goes in through a pipe, events come out of another."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import Self

from medcot_bench.runner.child_process import ChildProcess
from medcot_bench.runner.events import WorkerEvent
from medcot_bench.runner.protocol import Job, encode, read_events

TAIL = 200
"""Lines of standard error that are kept."""


class LocalExecutor:
    """Starts a process for each job."""

    def start(self, job: Job, on_log: Callable[[str], None]) -> LocalWorker:
        """Start a worker, which ends when this process does. What it writes to standard error goes to `on_log`."""
        return LocalWorker(job, on_log)


class LocalWorker:
    """One worker process; leaving the `with` block ends it and what it started."""

    def __init__(self, job: Job, on_log: Callable[[str], None]):
        self._on_log = on_log
        self._tail: deque[str] = deque(maxlen=TAIL)
        command = [sys.executable, "-m", "medcot_bench.worker"]
        self._process = ChildProcess(command, encode(job), self._keep)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.__exit__(*error)

    def events(self) -> Iterator[WorkerEvent | None]:
        """Yield the worker's events until it is dead or closes its output. Raises MalformedEvent."""
        return read_events(self._process.lines())

    def end(self) -> None:
        """End the worker and what it started."""
        self._process.end()

    def wait(self) -> int:
        """Return the exit status once the worker has ended; negative for a signal."""
        return self._process.wait()

    @property
    def tail(self) -> str:
        """The last lines of its standard error."""
        return "".join(self._tail)

    def _keep(self, line: str) -> None:
        self._tail.append(line)
        self._on_log(line.rstrip("\n"))
