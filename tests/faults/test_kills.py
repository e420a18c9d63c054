"""Killed at any moment and at every step, a run goes on to the same result."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import Tally
from program import Ended, Warm, content, worker_of
from runs import RUN, changed, steps_of


def killing(seconds: float, whom: str) -> Callable[[int], None]:
    """Return what kills the program, its worker or both after some seconds."""

    def disturb(pid: int) -> None:
        time.sleep(seconds)
        worker = worker_of(pid, 1.0) if whom != "program" else None
        for victim in ([worker] if worker else []) + ([] if whom == "worker" else [pid]):
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)

    return disturb


def judge(
    tally: Tally, part: str, about: str, ended: Ended, warm: Warm, out: Path, reference: dict[str, Any]
) -> None:
    """Run the same command until nothing fails, and compare what it leaves with the undisturbed run."""
    again = warm.run(*RUN, out.name) if ended.status in (0, 1) or ended.status < 0 else ended
    left = content(out)
    good = again.status == 0 and left == reference and again.clean
    tally.add(part, about, ended if not ended.clean else again, good=good, false=changed(left, reference))
    shutil.rmtree(out, ignore_errors=True)


def test_killed_at_random(
    warm: Warm, place: Path, reference: dict[str, Any], tally: Tally, every_fault: bool
) -> None:
    part, draws = "killed at a random moment", Random(11)
    begun = time.monotonic()
    warm.run(*RUN, "timed")
    whole = time.monotonic() - begun
    for number in range(100 if every_fault else 3):
        out, whom = place / f"random{number}", ("program", "worker", "both")[number % 3]
        seconds = draws.random() * whole
        ended = warm.run(*RUN, out.name, disturb=killing(seconds, whom))
        judge(tally, part, f"{whom} after {seconds:.2f} s", ended, warm, out, reference)
    tally.check(part)


@pytest.mark.parametrize("process", ["worker", "parent"])
def test_killed_at_every_step(
    warm: Warm, place: Path, reference: dict[str, Any], tally: Tally, every_fault: bool, process: str
) -> None:
    part = f"killed at a step of the {'program' if process == 'parent' else 'worker'}"
    steps = steps_of(warm, place, process)
    stride = 1 if every_fault else max(1, len(steps) // 3)
    for at in sorted({*range(1, len(steps) + 1, stride), len(steps)}):
        out, after = place / f"step{process}{at}", bool(at % 2)
        trouble = {"process": process, "kind": "kill", "folder": str(out), "at": at, "after": after}
        ended = warm.run(*RUN, out.name, trouble=trouble)
        about = f"{'after' if after else 'before'} step {at}, {steps[at - 1]}"
        judge(tally, part, about, ended, warm, out, reference)
    tally.check(part)
