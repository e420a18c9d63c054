"""A disk that fails, is full or has no room for another file: one line, and the same command goes on."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import Tally
from program import Warm
from runs import RUN, judge_disk, steps_of

NAMESPACE = ("unshare", "--map-root-user", "--mount")
"""Starts a program that may mount file systems, which nobody else sees."""
ROOM = ("size=64m", "nr_inodes=10000")


@pytest.mark.parametrize("process", ["worker", "parent"])
def test_a_disk_that_fails(
    warm: Warm, place: Path, reference: dict[str, Any], tally: Tally, every_fault: bool, process: str
) -> None:
    part = f"disk error at a step of the {'program' if process == 'parent' else 'worker'}"
    calls = Counter(step.split()[1] for step in steps_of(warm, place, process))
    faults = [
        (call, code, at)
        for call, times in sorted(calls.items())
        for code in ("EIO", "ENOSPC")
        for at in sorted({1, 3, times, 0})
        if at <= times
    ]
    at_the_end = ("rename", "EIO", calls["rename"])
    some = faults if every_fault else [*Random(7).sample(faults, 2), at_the_end]
    for number, (call, code, at) in enumerate(some):
        out = place / f"disk{process}{number}"
        trouble = {"process": process, "kind": "error", "code": code, "call": call, "folder": str(out), "at": at}
        ended = warm.run(*RUN, out.name, trouble=trouble)
        again = warm.run(*RUN, out.name)
        tally.add(part, f"{code} at {call} {at or 'each time'}", **judge_disk(ended, again, out, reference))
        shutil.rmtree(out, ignore_errors=True)
    tally.check(part)


# --- file systems in memory ---


class Disks:
    """A warm process that has file systems of its own, of any size."""

    def __init__(self, warm: Warm):
        self.warm = warm
        self._root = Path(f"/proc/{warm.pid}/root")

    def mount(self, name: str, *options: str) -> Path:
        """Mount a file system in a folder of its working directory; return where others see it."""
        folder = self.warm.cwd / name
        folder.mkdir()
        self._mount("-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder))
        return self._root / folder.relative_to("/")

    def change(self, name: str, *options: str) -> None:
        self._mount("-o", ",".join(("remount", *options)), str(self.warm.cwd / name))

    def _mount(self, *arguments: str) -> None:
        enter = ("nsenter", f"--target={self.warm.pid}", "--user", "--mount", "--preserve-credentials")
        subprocess.run([*enter, "mount", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def disks(place: Path, tally: Tally) -> Iterator[Disks]:
    try:
        mount = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", str(place)]
        subprocess.run(mount, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = f"nothing can be mounted here: {getattr(error, 'stderr', '').strip() or error}"
        for part in PARTS.values():
            tally.leave_out(part)
        pytest.skip(reason)
    with Warm(place, started_by=NAMESPACE) as warm:
        yield Disks(warm)


PARTS = {"size": "disk that is full at some size", "nr_inodes": "disk without another inode"}


@pytest.mark.parametrize("limit", PARTS)
def test_a_disk_without_room(
    disks: Disks, place: Path, reference: dict[str, Any], tally: Tally, every_fault: bool, limit: str
) -> None:
    files = [*(place / "reference").rglob("*")]
    needed = len(files) if limit == "nr_inodes" else sum(file.stat().st_size for file in files) // 1024
    count = 16 if every_fault else 2
    for number in range(count):
        name, most = f"{limit}{number}", max(1, needed * (2 * number + 1) // (2 * count))
        options = (f"nr_inodes={most + 2}",) if limit == "nr_inodes" else (f"size={most}k",)
        seen = disks.mount(name, *options)
        ended = disks.warm.run(*RUN, f"{name}/out")
        disks.change(name, *ROOM)
        again = disks.warm.run(*RUN, f"{name}/out")
        told = judge_disk(ended, again, seen / "out", reference)
        # A program that can't go on says so in its error, of a run that failed its progress does.
        named = ended.status == 0 or "No space left" in ended.err + ended.out
        tally.add(PARTS[limit], f"{' '.join(options)} of {needed}", **told | {"good": told["good"] and named})
    tally.check(PARTS[limit])
