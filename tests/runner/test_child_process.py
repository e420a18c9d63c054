"""Real processes that leave others behind, say nothing, or do not end: reading ends with their death."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from lanes import slow

from medcot_bench.runner import child_process
from medcot_bench.runner.child_process import ChildProcess


def shell(script: str, errors: list[str] | None = None) -> ChildProcess:
    return ChildProcess(["/bin/sh", "-c", script], "told\n", (errors if errors is not None else []).append)


@pytest.fixture
def strays() -> Iterator[list[int]]:
    """Ids of processes that a test may leave behind."""
    found: list[int] = []
    yield found
    for number in found:
        if psutil.pid_exists(number):
            psutil.Process(number).kill()


def is_gone(number: int) -> bool:
    """Whether a process is dead, or ends in a moment; one that nobody waits for stays as a zombie."""
    for _ in range(100):
        if not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_lines_of_both_pipes_come_whole_and_the_last_one_as_far_as_it_came() -> None:
    errors: list[str] = []
    script = "read line; echo $line; printf 'a\\303\\251\\nb\\377'; printf '10%%\\r20%%\\nlast' >&2; exit 3"
    with shell(script, errors) as child:
        assert [*filter(None, child.lines())] == ["told\n", "a\u00e9\n", "b\ufffd"]
        assert child.wait() == 3
    assert errors == ["10%\n", "20%\n", "last"]


def test_a_long_output_is_whole() -> None:
    with shell("head -c 3000000 /dev/zero | tr '\\0' x; echo") as child:
        assert [len(line) for line in filter(None, child.lines())] == [3_000_001]


def test_none_comes_while_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "LOOK", 0.02)
    with shell("sleep 0.2; echo late") as child:
        *looks, said = child.lines()
    assert said == "late\n"
    assert looks
    assert not any(looks)


@pytest.mark.timeout(45)  # who waits for the pipes waits for the sleeper's minute
@pytest.mark.parametrize("daemon", [False, slow(True)])
def test_a_child_that_holds_the_pipes_open_does_not_keep_the_reader(strays: list[int], daemon: bool) -> None:
    start = "setsid sleep 60" if daemon else "sleep 60"
    with shell(f"{start} & echo $!; sleep 0.5; exit 5") as child:
        lines = [line for line in child.lines() if line]
        strays.append(int(lines[0]))
        assert child.wait() == 5
    assert is_gone(strays[0]) is not daemon  # in a session of its own it is out of reach


def test_a_child_that_goes_on_writing_is_read_for_a_while_only(
    strays: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_process, "LEFTOVERS", 0.3)
    with shell("setsid yes & echo $!; setsid yes >&2 & echo $!; exit 0") as child:
        strays += [int(line) for line in child.lines() if line and line.strip().isdigit()]
        assert child.wait() == 0


def test_one_that_stays_after_its_last_word_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "LEAVING", 0.1)
    with shell("echo done; exec >&-; sleep 60") as child:
        assert [*filter(None, child.lines())] == ["done\n"]
        assert child.wait() == -signal.SIGKILL


def test_leaving_ends_the_whole_session(strays: list[int]) -> None:
    with shell("sleep 60 & echo $!; sleep 60") as child:
        strays.append(int(next(filter(None, child.lines()))))
    assert is_gone(strays[0])


def test_one_that_ended_before_it_was_told_anything_is_no_error() -> None:
    with ChildProcess(["/bin/sh", "-c", "exit 4"], "x" * 1_000_000, lambda line: None) as child:
        assert not any(child.lines())
        assert child.wait() == 4


def test_a_child_speaks_utf_8_and_imports_nothing_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shadow.py").write_text("print('shadow')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    code = "import importlib.util; print(input(), importlib.util.find_spec('shadow'))"
    with ChildProcess([sys.executable, "-c", code], "größe ±\n", print) as child:
        assert [*filter(None, child.lines())] == ["größe ± None\n"]
