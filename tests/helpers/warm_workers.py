"""Workers that are forks of a process which has imported everything: real ones, without ten seconds of imports.

For tests of what workers do, not of how they start: with `warm_workers` of conftest.py LocalExecutor starts them.
As a program this is that process: it takes requests from the socket whose file number it is given.
"""

from __future__ import annotations

import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

MOST = 1_000_000
"""Bytes of a request."""
REAL = subprocess.Popen


def warm_up() -> None:
    """Import what a worker imports. Nothing may compute here: threads do not survive a fork."""
    from medcot_bench.hub.client import keep_libraries_offline
    from medcot_bench.security.hub_code import hide_kernels

    keep_libraries_offline(allowed=False)
    hide_kernels()
    import bitsandbytes  # noqa: F401
    import peft  # noqa: F401
    import transformers  # noqa: F401

    import medcot_bench.worker.merge
    import medcot_bench.worker.predict
    import medcot_bench.worker.run_cells  # noqa: F401


def take_files(*files: int) -> None:
    """Make three files standard input, output and error, for C and for Python, and close all others."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, 200)
    as_text: dict[str, Any] = {"encoding": "utf-8", "errors": "replace", "closefd": False}
    sys.stdin = sys.__stdin__ = os.fdopen(0, **as_text)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", **as_text)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", buffering=1, **as_text)


def leave(run: Callable[..., None], *arguments: Any) -> None:
    """Run a function in this fork and end it, without what the warm process would do at its own end."""
    status = 1
    try:
        run(*arguments)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)


def run_module(module: str, arguments: Sequence[str]) -> None:
    """Run `python -m MODULE ARGUMENTS` in this process."""
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


class WarmProcess:
    """Stands for `subprocess.Popen` of `python -m MODULE ...`."""

    def __init__(self, server: socket.socket, command: Sequence[str], environment: Mapping[str, str]):
        pipes = [os.pipe() for _ in range(4)]
        theirs = [pipes[0][0], *(pipe[1] for pipe in pipes[1:])]
        ours = [pipes[0][1], *(pipe[0] for pipe in pipes[1:])]
        request = {"command": list(command), "environment": dict(environment), "cwd": str(Path.cwd())}
        socket.send_fds(server, [json.dumps(request).encode()], theirs)
        for file in theirs:
            os.close(file)
        self.args, self.returncode = command, None
        self.stdin, self.stdout, self.stderr = (
            os.fdopen(file, mode) for file, mode in zip(ours, ("wb", "rb", "rb"), strict=False)
        )
        self._ends = os.fdopen(ours[3])
        self.pid = int(self._ends.readline())

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal, None while it runs."""
        if self.returncode is None and select.select([self._ends], [], [], 0)[0]:
            self.returncode = int(self._ends.readline())
            self._ends.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status once it has ended. Raises subprocess.TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
            time.sleep(0.005)
        return status


class WarmServer:
    """The warm process of a test session."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, __file__, str(theirs.fileno())]
        self._process = REAL(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()

    def popen(self, command: Any, *rest: Any, **options: Any) -> Any:
        """Start what `subprocess.Popen` would: a worker as a fork, all else as it does."""
        if isinstance(command, list) and command[:3] == [sys.executable, "-m", "medcot_bench.worker"]:
            return WarmProcess(self._socket, command, options["env"])
        return REAL(command, *rest, **options)

    def end(self) -> None:
        """End the warm process."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


def serve(requests: socket.socket) -> None:
    """Fork what is asked for until the other end is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who watch over the forks
    while True:
        message, files, _, _ = socket.recv_fds(requests, MOST, 4)
        if not message:
            return
        if os.fork() == 0:
            requests.close()
            leave(_watch_over, json.loads(message), files)
        for file in files:
            os.close(file)


def _watch_over(request: dict[str, Any], files: list[int]) -> None:
    """Fork the process that was asked for; tell its pid, then its status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        leave(_begin, request, files[:3])
    for file in files[:3]:
        os.close(file)
    os.write(files[3], f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    os.write(files[3], f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _begin(request: dict[str, Any], files: list[int]) -> None:
    os.setsid()
    take_files(*files)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[:0] = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    _, _, module, *arguments = request["command"]
    run_module(module, arguments)


if __name__ == "__main__":
    warm_up()
    serve(socket.socket(fileno=int(sys.argv[1])))
