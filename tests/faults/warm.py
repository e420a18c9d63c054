"""A process that has imported everything, and forks the program from there: hundreds of runs in minutes.

`python warm.py` reads requests, a line of JSON each, runs `medcot-bench` in a fork of itself, and answers with the
fork's pid when it starts and its status when it ends. Workers are forks of that fork. Processes, signals, pipes
and files are real; only the ten seconds of imports are saved.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from trouble import install
from warm_workers import leave, take_files
from warm_workers import run_module as run_as_main
from warm_workers import warm_up as import_worker

REAL = subprocess.Popen


def warm_up() -> None:
    """Import what a worker and the program import. Nothing may compute here: threads do not survive a fork."""
    import_worker()
    import torch

    import medcot_bench.cli  # noqa: F401

    torch.set_num_threads(1)


def serve() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            leave(run_program, request)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def run_program(request: dict[str, Any]) -> None:
    os.setsid()
    take_files(os.open(os.devnull, os.O_RDONLY), *(new_file(request[name]) for name in ("stdout", "stderr")))
    os.chdir(request["cwd"])
    os.environ |= request["environment"]
    sys.path[:0] = request["path"]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    subprocess.Popen = Forked  # type: ignore[misc]
    Forked.trouble = request["trouble"]
    install(request["trouble"], "parent")
    sys.argv = ["medcot-bench", *request["arguments"]]
    from medcot_bench.cli import console_main

    console_main()


class Forked:
    """Stands for `subprocess.Popen` of `python -m MODULE ...`: a fork that runs the module. Else the real one."""

    trouble: ClassVar[dict[str, Any]] = {}

    def __new__(cls, command: Any, *rest: Any, **options: Any) -> Any:
        if not isinstance(command, Sequence) or [*command[:2]] != [sys.executable, "-m"]:
            return REAL(command, *rest, **options)
        return super().__new__(cls)

    def __init__(self, command: Sequence[str], **options: Any):
        pipes = [os.pipe() for _ in range(3)]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        ours = [pipes[0][1], pipes[1][0], pipes[2][0]]
        self.args, self.returncode = command, None
        self.pid = os.fork()
        if self.pid == 0:
            for pipe in ours:
                os.close(pipe)
            leave(run_module, command, theirs)
        for pipe in theirs:
            os.close(pipe)
        text = {"encoding": "utf-8", "errors": "replace"} if options.get("text") else {}
        kind = "" if text else "b"
        self.stdin, self.stdout, self.stderr = (
            os.fdopen(pipe, mode + kind, **text) for pipe, mode in zip(ours, "wrr", strict=True)
        )

    def poll(self) -> int | None:
        return self._wait(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        if timeout is None:
            status = self._wait(0)
        else:
            import time

            end = time.monotonic() + timeout
            while (status := self.poll()) is None:
                if time.monotonic() > end:
                    raise subprocess.TimeoutExpired(self.args, timeout)
                time.sleep(0.005)
        assert status is not None
        return status

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _wait(self, how: int) -> int | None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, how)
            except ChildProcessError:
                pid, status = self.pid, 0
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def run_module(command: Sequence[str], pipes: Sequence[int]) -> None:
    os.setsid()
    take_files(*pipes)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    install(Forked.trouble, "worker")
    run_as_main(command[2], command[3:])


def new_file(path: str) -> int:
    return os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)


if __name__ == "__main__":
    warm_up()
    print("warm", flush=True)
    serve()
