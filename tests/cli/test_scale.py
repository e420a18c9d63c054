"""Large result folders: twice as many training runs are twice the work, counted and not timed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from large_folders import study_of, write

from medcot_bench.cli import main

CELLS = (20, 40, 80)


class Counted:
    """How many lines of the package's code were run, and how many entries of folders were read."""

    def __init__(self) -> None:
        self.lines = 0
        self.entries = 0

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if "/medcot_bench/" not in frame.f_code.co_filename:
            return None
        self.lines += event == "line"  # also of each turn of a loop or a comprehension
        return self.trace


@pytest.fixture(scope="module")
def studies(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("scale")
    return [write(folder / str(cells), study_of(tiny_model, cells), items=6) for cells in CELLS]


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Counted]:
    """Call the program and count what it does."""
    counted = Counted()
    scandir, listdir = os.scandir, os.listdir

    class Scanned:
        def __init__(self, path: Any):
            self.found = scandir(path)

        def __enter__(self) -> Scanned:
            return self

        def __exit__(self, *error: object) -> None:
            self.found.close()

        def __iter__(self) -> Iterator[Any]:
            for entry in self.found:
                counted.entries += 1
                yield entry

    def listed(path: Any = ".") -> list[Any]:
        found = listdir(path)
        counted.entries += len(found)
        return found

    monkeypatch.setattr(os, "scandir", Scanned)
    monkeypatch.setattr(os, "listdir", listed)

    def count(*arguments: str) -> Counted:
        counted.lines = counted.entries = 0
        sys.settrace(counted.trace)
        try:
            assert main([*arguments]) == 0
        finally:
            sys.settrace(None)
        made = Counted()
        made.lines, made.entries = counted.lines, counted.entries
        return made

    return count


@pytest.mark.slow
@pytest.mark.parametrize("command", ["plan", "run", "export", "compare"])
def test_what_a_command_does_grows_as_the_study(
    studies: list[Path], count: Callable[..., Counted], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(path if command in ("plan", "run") else path.parent / "out") for path in studies]
    count(command, arguments[0])  # what is done once in a process is done
    few, some, many = (count(command, argument) for argument in arguments)
    for name in ("lines", "entries"):
        first, second = (getattr(b, name) - getattr(a, name) for a, b in ((few, some), (some, many)))
        assert first > 0
        assert second < 2.1 * first, name  # of twice as many training runs
