"""Workers as processes of this machine: the job goes in through a pipe, events come out of another."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, Self

from medcot_bench.runner.protocol import Job, WorkerEvent, encode, read_events

TAIL = 200
"""Lines of standard error that are kept."""


class LocalExecutor:
    """Starts a process for each job."""

    def start(self, job: Job, on_log: Callable[[str], None]) -> LocalWorker:
        """Start a worker, which ends when this process does. What it writes to standard error goes to `on_log`."""
        return LocalWorker(job, on_log)


class LocalWorker:
    """One worker process; leaving the `with` block kills it."""

    def __init__(self, job: Job, on_log: Callable[[str], None]):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "medcot_bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches the parent, which ends the worker
        )
        self._on_log = on_log
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        stdin = _open(self._process.stdin)
        with suppress(BrokenPipeError):  # one that ended at once: its status and its tail say more
            stdin.write(encode(job))
            stdin.flush()  # and left open: the worker ends when its parent is gone

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join(timeout=10)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(BrokenPipeError):
                _open(stream).close()

    def events(self) -> Iterator[WorkerEvent]:
        """Yield the worker's events until it closes its output. Raises MalformedEvent."""
        return read_events(_open(self._process.stdout))

    def wait(self) -> int:
        """Return the exit status once the worker has ended; negative for a signal."""
        status = self._process.wait()
        self._reader.join(timeout=10)
        return status

    @property
    def tail(self) -> str:
        """The last lines of its standard error."""
        return "".join(self._tail)

    def _read_errors(self) -> None:
        for line in _open(self._process.stderr):
            self._tail.append(line)
            self._on_log(line.rstrip("\n"))


def _open(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise RuntimeError("the worker has no pipe")
    return stream
