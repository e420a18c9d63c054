"""Killed at any moment and at every step, a run goes on to the same result."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import Tally
from program import Ended, Warm, content, worker_of

RUN = ("run", "study.yaml", "-o")


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
    changed = {name for name, value in left.items() if name in reference and reference[name] != value}
    good = again.status == 0 and left == reference and again.clean
    tally.add(part, about, ended if not ended.clean else again, good=good, false=bool(changed))
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
    stride = 1 if every_fault else max(1, len(steps) // 4)
    for at in range(1, len(steps) + 1, stride):
        out, after = place / f"step{process}{at}", bool(at % 2)
        trouble = {"process": process, "kind": "kill", "folder": str(out), "at": at, "after": after}
        ended = warm.run(*RUN, out.name, trouble=trouble)
        about = f"{'after' if after else 'before'} step {at}, {steps[at - 1]}"
        judge(tally, part, about, ended, warm, out, reference)
    tally.check(part)


@pytest.mark.parametrize("process", ["worker", "parent"])
def test_a_disk_that_fails(
    warm: Warm, place: Path, reference: dict[str, Any], tally: Tally, every_fault: bool, process: str
) -> None:
    part = f"disk error at a step of the {'program' if process == 'parent' else 'worker'}"
    calls = Counter(step.split()[1] for step in steps_of(warm, place, process))
    draws = Random(7)
    faults = [
        (call, code, at)
        for call, times in sorted(calls.items())
        for code in ("EIO", "ENOSPC")
        for at in sorted({1, 3, times, 0})
        if at <= times
    ]
    for number, (call, code, at) in enumerate(faults if every_fault else draws.sample(faults, 3)):
        out = place / f"disk{process}{number}"
        trouble = {"process": process, "kind": "error", "code": code, "call": call, "folder": str(out), "at": at}
        ended = warm.run(*RUN, out.name, trouble=trouble)
        again = warm.run(*RUN, out.name)
        left = content(out)
        changed = [name for name, value in left.items() if name in reference and reference[name] != value]
        good = ended.status in (0, 1, 3) and len(ended.err.strip().splitlines()) < 12 and left == reference
        about = f"{code} at {call} {at or 'each time'}"
        tally.add(part, about, ended if not ended.clean else again, good=good, false=bool(changed))
        shutil.rmtree(out, ignore_errors=True)
    tally.check(part)


def steps_of(warm: Warm, place: Path, process: str) -> list[str]:
    """Return the steps that a process takes in the result folder of an undisturbed run."""
    out, log = place / f"steps-{process}", place / f"steps-{process}.log"
    trouble = {"process": process, "kind": "log", "folder": str(out), "log": str(log)}
    assert warm.run(*RUN, out.name, trouble=trouble).status == 0
    shutil.rmtree(out)
    return log.read_text().splitlines()
