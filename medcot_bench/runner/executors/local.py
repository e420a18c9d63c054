"""A worker as its parent sees it: a job in, events out, an exit status, and the end of its standard error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Self

from medcot_bench.errors import MedcotError

TAIL = 200
"""Lines of standard error that are kept."""


class WorkerProcess:
    """One worker process; leaving the `with` block ends it."""

    def __init__(
        self,
        job: Mapping[str, Any],
        *,
        module: str = "main",
        offline: bool,
        trusting: bool = False,
        on_log: Callable[[str], None],
    ):
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"medcot_bench.worker.{module}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=_environment(int(job["threads"]), offline, trusting),
            start_new_session=True,  # Ctrl-C reaches the parent, which ends the worker
        )
        self._on_log = on_log
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        stdin = _open(self._process.stdin)
        stdin.write(json.dumps(job) + "\n")
        stdin.flush()  # and left open: the worker ends when its parent is gone

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join(timeout=10)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            _open(stream).close()

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield the worker's events until it closes its output."""
        for line in _open(self._process.stdout):
            try:
                event = json.loads(line)
            except ValueError:  # cut off by a signal
                return
            yield event

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


def answer_of(module: str, job: Mapping[str, Any], *, offline: bool) -> dict[str, Any]:
    """Return the one event that a worker of another kind ends with; it runs `medcot_bench.worker.MODULE`.

    Raises MedcotError for an expected error of its, or where a signal ended it.
    """
    with WorkerProcess(job, module=module, offline=offline, on_log=lambda line: None) as worker:
        event = next(worker.events(), None)
        if event is None:
            status = worker.wait()
            if status < 0:
                raise MedcotError(describe_exit(status))
            raise RuntimeError(f"the worker ended with status {status}:\n{worker.tail}")
    if event["event"] == "fatal":
        raise fatal(event)
    return event


def fatal(event: Mapping[str, Any]) -> MedcotError:
    """Return the error that a worker's event `fatal` stands for."""
    error = MedcotError(event["message"])
    error.exit_code = event["exit_code"]
    return error


def describe_exit(status: int) -> str:
    """Say how a worker ended, by its exit status."""
    if status >= 0:
        return f"the worker ended with status {status}"
    name = signal.Signals(-status).name
    hint = " (the system kills processes that run out of memory)" if name == "SIGKILL" else ""
    return f"the worker was ended by {name}{hint}"


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _environment(threads: int, offline: bool, trusting: bool) -> dict[str, str]:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads collapse a machine that others use too
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    if not trusting:  # metrics of the package evaluate are code that is fetched and run
        environment |= {"HF_EVALUATE_OFFLINE": "1", "HF_ALLOW_CODE_EVAL": "0"}
    if offline:
        environment["HF_HUB_OFFLINE"] = "1"
    return environment


def _open(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise RuntimeError("the worker has no pipe")
    return stream
