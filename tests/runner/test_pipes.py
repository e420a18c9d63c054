"""The pipes of a child process: its libraries have no part in them, and it ends with its parent."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil

CHILD = """
import os, subprocess, sys, time
from medcot_bench.runner.pipes import end_with_parent, lines_to_parent

job = sys.stdin.readline()
end_with_parent()
with lines_to_parent() as lines:
    print("noise")
    os.write(1, b"more noise")
    nothing = sys.stdin.read()
    try:
        input("run the custom code? ")
    except EOFError:
        asked = "no answer"
    started = subprocess.Popen(["sleep", "100"])
    lines.write(f"{job.strip()}, {nothing!r}, {asked}, {started.pid}\\n")
    lines.flush()
    time.sleep(100)
"""


def test_a_question_gets_no_answer_and_all_ends_with_the_parent(tmp_path: Path) -> None:
    noise = tmp_path / "noise"
    with noise.open("w") as errors:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    assert child.stdin is not None
    assert child.stdout is not None
    with child, child.stdout as lines:
        child.stdin.write("a job\n")
        child.stdin.flush()
        job, nothing, asked, started = lines.readline().strip().split(", ")
        assert (job, nothing, asked) == ("a job", "''", "no answer")
        child.stdin.close()
        child.wait(timeout=30)
        assert lines.read() == ""
    assert "more noise" in noise.read_text()
    for _ in range(200):
        if not psutil.pid_exists(int(started)) or psutil.Process(int(started)).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.02)
    else:
        raise AssertionError("what it started is still there")
