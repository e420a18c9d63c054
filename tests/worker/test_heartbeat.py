"""Signs of life are told while there are any, and nothing is told while there are none."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch

from medcot_bench.plugins.activity import ACTIVITY
from medcot_bench.runner.events import Alive, WorkerEvent
from medcot_bench.worker import heartbeat
from medcot_bench.worker.heartbeat import Heartbeat


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "SECONDS", 0.01)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_only_what_gets_done_is_told_of() -> None:
    told: list[WorkerEvent] = []
    with Heartbeat(told.append) as beat:
        beat.ready()
        time.sleep(0.1)
        assert not told
        ACTIVITY.sign()
        until(lambda: told == [Alive(place=None)])
        time.sleep(0.1)
        assert len(told) == 1
    ACTIVITY.sign()
    time.sleep(0.05)
    assert len(told) == 1


def test_the_hook_at_work_is_told_while_it_hangs() -> None:
    told: list[WorkerEvent] = []
    with Heartbeat(told.append) as beat:
        beat.ready()
        with ACTIVITY.at("task 'slow' (acme 1.0) in score of item 'a'"):
            until(lambda: bool(told))
            time.sleep(0.1)
            assert told == [Alive(place="task 'slow' (acme 1.0) in score of item 'a'")]


def test_before_the_first_cell_each_hook_is_told_of_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "SECONDS", 1000.0)
    told: list[WorkerEvent] = []
    with Heartbeat(told.append), ACTIVITY.at("task 'slow' (acme 1.0) in examples"):
        assert told == [Alive(place="task 'slow' (acme 1.0) in examples")]
    assert told[1:] == [Alive(place=None)]
    assert ACTIVITY.on_place is None


def test_modules_and_parameters_that_are_set_count() -> None:
    with Heartbeat(lambda event: None):
        seen = ACTIVITY.signs
        torch.nn.Sequential(torch.nn.Linear(2, 2))
        assert ACTIVITY.signs >= seen + 3
    seen = ACTIVITY.signs
    torch.nn.Linear(2, 2)
    assert ACTIVITY.signs == seen


def test_a_download_counts_as_alive() -> None:
    told: list[WorkerEvent] = []
    with Heartbeat(told.append) as beat:
        with beat.assumed():
            until(lambda: len(told) > 2)
        time.sleep(0.05)
        count = len(told)
        time.sleep(0.1)
        assert len(told) == count
