"""Real worker processes, as far as they come before anything heavy is imported."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from medcot_bench.errors import USAGE
from medcot_bench.runner.events import Fatal
from medcot_bench.runner.executors.base import Executor
from medcot_bench.runner.executors.local import LocalExecutor
from medcot_bench.runner.protocol import Job, Merge

WORK = Merge(root="nowhere", cell="lora", folder="model", model=None, device=None)
OTHERS = Job(medcot_bench="0.0.0", work=WORK, threads=1, offline=True)
JOB = Job(work=WORK, threads=1, offline=True)


def worker_of_this_process() -> psutil.Process:
    end = time.monotonic() + 60
    while time.monotonic() < end:  # between fork and exec a child has its parent's command line
        for child in psutil.Process().children():
            if "medcot_bench.worker" in child.cmdline():
                return child
        time.sleep(0.01)
    raise AssertionError("no worker was started")


def test_a_worker_takes_its_job_tells_events_and_ends() -> None:
    executor: Executor = LocalExecutor()
    with executor.start(OTHERS, on_log=lambda line: None) as worker:
        [event] = filter(None, worker.events())
        assert worker.wait() == USAGE
    assert isinstance(event, Fatal)
    assert "medcot-bench 0.0.0 wrote this job, and this is medcot-bench " in event.message


def test_a_worker_is_ended_when_it_is_told_to_be() -> None:
    with LocalExecutor().start(JOB, on_log=lambda line: None) as worker:
        process = worker_of_this_process()
        worker.end()
        assert worker.wait() == -signal.SIGKILL
        assert not process.is_running()


def test_leaving_early_kills_the_worker() -> None:
    with LocalExecutor().start(JOB, on_log=lambda line: None):
        process = worker_of_this_process()
    assert not process.is_running()


def test_a_signal_is_a_negative_status() -> None:
    with LocalExecutor().start(JOB, on_log=lambda line: None) as worker:
        worker_of_this_process().send_signal(signal.SIGKILL)
        assert not any(worker.events())
        assert worker.wait() == -signal.SIGKILL


def test_a_process_that_is_no_worker_leaves_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho first >&2\necho "no module named worker" >&2\nexit 1\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", os.fspath(python))
    lines: list[str] = []
    with LocalExecutor().start(JOB, on_log=lines.append) as worker:
        assert not any(worker.events())
        assert worker.wait() == 1
        assert worker.tail == "first\nno module named worker\n"
    assert lines == ["first", "no module named worker"]
