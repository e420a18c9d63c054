"""Where a process is, what counts as a sign of life, and where it is afterwards."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from medcot_bench.errors import Interrupted, PluginError, Terminated, is_from_user
from medcot_bench.plugins.activity import ACTIVITY, Activity
from medcot_bench.plugins.entries import PluginEntry, blame

ENTRY = PluginEntry("task", "slow", "slow_module", "acme", "1.0")


@pytest.fixture
def own_ctrl_c() -> Iterator[None]:
    """Ctrl-C raises an exception of its own, as on the command line."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    yield
    signal.signal(signal.SIGINT, before)


def test_each_hook_is_told_of_when_it_begins_and_when_it_is_left() -> None:
    told: list[str | None] = []
    activity = Activity(on_place=told.append)
    with activity.at("outer"):
        with activity.at("inner"):
            assert activity.place == "inner"
        assert activity.place == "outer"
    assert told == ["outer", "inner", "outer", None]
    assert activity.signs == 4


def fail_in_examples() -> None:
    with blame(ENTRY, "examples"):
        assert ACTIVITY.place == "task 'slow' (acme 1.0) in examples"
        raise KeyError("x")


def test_a_hook_that_raises_is_left() -> None:
    seen = ACTIVITY.signs
    with pytest.raises(PluginError, match=r"^task 'slow' \(acme 1.0\) failed in examples: KeyError: 'x'"):
        fail_in_examples()
    assert ACTIVITY.place is None
    assert ACTIVITY.signs == seen + 2


def test_a_hook_leaves_the_working_directory_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with blame(ENTRY, "examples"):
        os.chdir("/")
    assert Path.cwd() == tmp_path


def test_a_working_directory_that_is_gone_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with blame(ENTRY, "examples"):
        folder.rmdir()
    with blame(ENTRY, "examples"):
        os.chdir("/")
    assert Path.cwd() == Path("/")


@pytest.mark.usefixtures("own_ctrl_c")
def test_a_keyboard_interrupt_that_a_plugin_raises_is_its_error() -> None:
    said = r"^task 'slow' \(acme 1.0\) failed in score: KeyboardInterrupt: stop"
    with pytest.raises(PluginError, match=said), blame(ENTRY, "score"):
        raise KeyboardInterrupt("stop")


@pytest.mark.parametrize("error", [Interrupted, Terminated])
@pytest.mark.usefixtures("own_ctrl_c")
def test_what_the_user_asked_for_is_no_error_of_a_plugin(error: type[KeyboardInterrupt]) -> None:
    with pytest.raises(error), blame(ENTRY, "score"):
        raise error


def test_where_python_handles_ctrl_c_an_interrupt_may_be_the_users() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert is_from_user(KeyboardInterrupt())
        assert not is_from_user(SystemExit())
    finally:
        signal.signal(signal.SIGINT, before)
