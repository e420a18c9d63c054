"""Workers that hang, by a clock that scripts move: what is too long a silence, and what follows."""

from __future__ import annotations

import types
from typing import Any

import pytest
from scripted import (
    Part,
    Script,
    ScriptedExecutor,
    asked_for,
    events,
    finished,
    ids,
    started,
)

from medcot_bench.errors import ConfigError, MedcotError
from medcot_bench.results.cells import Cell
from medcot_bench.results.store import Store
from medcot_bench.runner.events import Alive, Failed, Ready
from medcot_bench.runner.supervision import Timeouts, read_timeouts

from .conftest import Run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A clock that only moves when a script says so."""
    clock = types.SimpleNamespace(now=100.0)
    monkeypatch.setattr("medcot_bench.runner.supervisor.time", types.SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def silence(clock: Any, seconds: int) -> list[Part]:
    """Looks at a worker that says nothing, one a second."""

    def tick() -> None:
        clock.now += 1.0

    return [tick, None] * seconds


def test_a_worker_that_hangs_in_a_cell_is_ended_and_the_others_go_on(
    run: Run, cells: list[Cell], store: Store, clock: Any
) -> None:
    base, lora, full = cells
    place = "task 'k8s_qa' (medcot-bench 0.1.0) in score of item 'a'"
    hangs = [started(base), *finished(base)[1:5], Alive(place=place), *silence(clock, 3), Ready()]
    executor = ScriptedExecutor(
        [Script([Ready(), *hangs], log=["a warning"]), Script([*finished(lora), *finished(full)])]
    )
    outcome, told = run(executor, timeouts=Timeouts(score=3.0))
    assert executor.workers[0].killed
    assert (outcome.failed, outcome.missing, outcome.exit_code) == (1, 1, 1)
    assert asked_for(executor) == [ids(cells), ids(cells[1:])]
    [attempt] = store.attempts(base)
    said = f"no progress for 3 s while scoring k8s_qa; last at {place}; raise --timeout if it is only slow"
    assert (attempt.status, attempt.score, attempt.error) == ("timeout", "k8s_qa", said)
    assert (store.cell_folder(base) / "attempts" / "1" / "log").read_text() == "a warning\n"
    [failed] = events(told, Failed)
    assert (failed.status, failed.task, failed.error) == ("timeout", "k8s_qa", said)


@pytest.mark.parametrize(
    ("parts", "limits", "doing"),
    [
        (1, Timeouts(load=5.0), "loading the base model"),
        (2, Timeouts(train=5.0), "training"),
        (3, Timeouts(train=5.0), "training"),
        (5, Timeouts(score=5.0), "scoring k8s_qa"),
    ],
)
def test_each_phase_has_its_limit(
    run: Run, cells: list[Cell], store: Store, clock: Any, parts: int, limits: Timeouts, doing: str
) -> None:
    base, *others = cells
    first = Script([Ready(), *finished(base)[:parts], *silence(clock, 5)])
    run(ScriptedExecutor([first, Script([part for cell in others for part in finished(cell)])]), timeouts=limits)
    [attempt] = store.attempts(base)
    assert attempt.error.startswith(f"no progress for 5 s while {doing};")


@pytest.mark.parametrize("sign", [Alive(place=None), Alive(place="task 'x' (acme 1.0) in examples")])
def test_a_worker_that_gives_signs_of_life_may_take_as_long_as_it_likes(
    run: Run, cells: list[Cell], clock: Any, sign: Alive
) -> None:
    slow = [part for part in finished(cells[0]) for part in (*[*silence(clock, 4), sign] * 3, part)]
    rest = [part for cell in cells[1:] for part in finished(cell)]
    limits = Timeouts(load=5.0, train=5.0, score=5.0)
    outcome, told = run(ScriptedExecutor([Script([Ready(), *slow, *rest])]), timeouts=limits)
    assert outcome.exit_code == 0
    assert not events(told, Alive)


def test_no_limit_is_no_limit_and_a_machine_that_slept_was_not_silent(
    run: Run, cells: list[Cell], clock: Any
) -> None:
    def sleep() -> None:
        clock.now += 1e6

    parts = [Ready(), *silence(clock, 5000), started(cells[0]), sleep, None]
    script = Script([*parts, *(part for cell in cells for part in finished(cell))])
    outcome, _ = run(ScriptedExecutor([script]), timeouts=Timeouts(load=None))
    assert outcome.exit_code == 0
    assert Timeouts().load == 3600.0


def test_a_worker_that_hangs_before_its_first_cell_is_tried_twice(run: Run, clock: Any) -> None:
    place = "task 'k8s_qa' (medcot-bench 0.1.0) in examples"
    script = Script([Alive(place=place), *silence(clock, 2)])
    executor = ScriptedExecutor([script, script])
    with pytest.raises(
        MedcotError, match=r": no progress for 2 s while starting; last at task 'k8s_qa'"
    ) as caught:
        run(executor, timeouts=Timeouts(load=2.0))
    assert caught.value.exit_code == 1
    assert all(worker.killed for worker in executor.workers)


@pytest.mark.parametrize(
    "text", ["", "30", "m", "-1m", "0s", "1e3s", "30m,", "load=", "load=1", "fit=3m", "load=3m;score=1h", "1d"]
)
def test_what_is_no_time_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--timeout .*: (write a time as 90s|no phase ')") as caught:
        read_timeouts(text)
    assert "\n" not in str(caught.value)


def test_one_time_is_for_every_phase_and_others_keep_their_own() -> None:
    assert read_timeouts("1.5h") == Timeouts(plan=5400, load=5400, train=5400, score=5400)
    assert read_timeouts("none") == Timeouts(plan=None, load=None, train=None, score=None)
    assert read_timeouts("plan=90s, score=none") == Timeouts(plan=90, score=None)
