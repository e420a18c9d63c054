"""Run the program in forks of a warm process, in whatever trouble, and look at what is left."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

HERE = Path(__file__).parent
VOLATILE = {"phases", "phase", "provenance", "started", "seconds", "saved", "sha256"}
"""Keys of records that differ between two equal runs: times, memory, machine, and digests of these."""
WAIT = 120.0
"""Seconds after which a program counts as hung."""


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    status: int
    out: str
    err: str
    hung: bool = False

    @property
    def clean(self) -> bool:
        """Whether it ended as promised: no hang, no traceback, a documented exit status or a signal."""
        documented = self.status in (0, 1, 2, 3, 130, 143) or self.status < 0
        return documented and not self.hung and "Traceback" not in self.out + self.err


@dataclass
class Warm:
    """A warm process; leaving the `with` block ends it."""

    cwd: Path
    path: Sequence[Path] = ()
    """Folders with plugins, put before sys.path."""
    environment: Mapping[str, str] = field(default_factory=dict)
    started_by: Sequence[str] = ()
    """The beginning of its command, e.g. of a namespace of its own."""
    runs: int = 0

    def __enter__(self) -> Self:
        path = os.pathsep.join(map(str, (HERE, HERE.parent / "helpers")))
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
        self._server = subprocess.Popen(
            [*self.started_by, sys.executable, str(HERE / "warm.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=environment,
        )
        assert self._answer(WAIT) == "warm"
        return self

    def __exit__(self, *error: object) -> None:
        self._server.kill()
        self._server.wait()
        for stream in (self._server.stdin, self._server.stdout):
            assert stream
            stream.close()

    @property
    def pid(self) -> int:
        return self._server.pid

    def run(
        self,
        *arguments: str,
        trouble: Mapping[str, Any] | None = None,
        disturb: Callable[[int], None] | None = None,
        wait: float = WAIT,
    ) -> Ended:
        """Run `medcot-bench ARGUMENTS`; `disturb` is called with its pid once it has begun."""
        self.runs += 1
        files = {name: self.cwd / f"{name}.{os.getpid()}.{self.runs}" for name in ("stdout", "stderr")}
        request = {
            "arguments": arguments,
            "cwd": str(self.cwd),
            "path": [str(folder) for folder in self.path],
            "environment": dict(self.environment),
            "trouble": dict(trouble or {}),
            **{name: str(file) for name, file in files.items()},
        }
        assert self._server.stdin
        self._server.stdin.write(json.dumps(request) + "\n")
        answer = self._answer(wait)
        assert answer, "the process that has imported everything is gone, or forks nothing"
        pid = int(answer)
        if disturb:
            disturb(pid)
        answer = self._answer(wait)
        if answer is None:
            end_all(pid)
            self._answer(wait)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # what plugins have left behind in its session
        said = {name: file.read_text(errors="replace") for name, file in files.items()}
        for file in files.values():
            file.unlink()
        return Ended(-signal.SIGKILL if answer is None else int(answer), *said.values(), hung=answer is None)

    def _answer(self, wait: float) -> str | None:
        assert self._server.stdout
        if not select.select([self._server.stdout], [], [], wait)[0]:
            return None
        return self._server.stdout.readline().strip()


def end_all(pid: int) -> None:
    """Kill a process and everything that it started."""
    try:
        process = psutil.Process(pid)
        everyone = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for one in everyone:
        if one.is_running():
            one.kill()


def worker_of(pid: int, wait: float = 5.0) -> int | None:
    """Return the pid of a program's worker, waiting for it to be started."""
    end = time.monotonic() + wait
    while time.monotonic() < end:
        try:
            if children := psutil.Process(pid).children():
                return children[0].pid
        except psutil.NoSuchProcess:
            return None
        time.sleep(0.01)
    return None


def content(root: Path) -> dict[str, Any]:
    """Return what two equal runs leave alike: records without times and machine, samples, weights, the table."""
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if not path.is_file() or "attempts" in path.parts or path.name in (".lock", "plan.json", "study.yaml"):
            continue
        if path.suffix == ".json" and path.name != "leaderboard.json" and "adapter" not in path.parts:
            found[name] = _read(path)
        elif path.suffix in (".jsonl", ".safetensors"):
            found[name] = path.read_bytes()
        elif not path.name.startswith("leaderboard"):
            found[name] = None
    return found


def _read(path: Path) -> Any:
    try:
        return _without_volatile(json.loads(path.read_bytes()))
    except ValueError:  # damaged, as it is meant to be
        return path.read_bytes()


def _without_volatile(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_volatile(part) for key, part in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [_without_volatile(part) for part in value]
    return value
