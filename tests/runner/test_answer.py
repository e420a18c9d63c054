"""A job that ends in one answer: the answer, or the error that the worker gives, or how it ended."""

from __future__ import annotations

import signal
import types

import pytest
from scripted import Part, Script, ScriptedExecutor

from medcot_bench.errors import SOME_FAILED, MedcotError
from medcot_bench.runner.answer import answer_of
from medcot_bench.runner.events import Alive, Answered, Fatal, Merged, PhaseStarted
from medcot_bench.runner.protocol import Job, Merge
from medcot_bench.runner.supervision import Timeouts

JOB = Job(work=Merge(root="out", cell="lora", folder="model", model=None, device=None), threads=1, offline=True)
MERGED = Merged(dtype="float32", check=None, unchecked="no data")
PLACE = "adapter 'x' (acme 1.0) in load"


def test_the_answer_is_the_event_that_was_asked_for() -> None:
    executor = ScriptedExecutor([Script([MERGED])])
    assert answer_of(JOB, Merged, executor=executor) == MERGED
    assert executor.jobs == [JOB]
    assert executor.workers[0].ended


def test_an_error_of_the_worker_keeps_its_exit_code() -> None:
    executor = ScriptedExecutor([Script([Fatal(message="in use", exit_code=3)], status=3)])
    with pytest.raises(MedcotError, match="in use") as caught:
        answer_of(JOB, Merged, executor=executor)
    assert caught.value.exit_code == 3
    assert executor.workers[0].ended


def test_a_worker_that_a_signal_ended_is_one_line() -> None:
    executor = ScriptedExecutor([Script(['{"event": "mer'], status=-signal.SIGKILL)])
    with pytest.raises(MedcotError, match="the worker was ended by SIGKILL") as caught:
        answer_of(JOB, Merged, executor=executor)
    assert caught.value.exit_code == SOME_FAILED


def test_a_worker_that_a_plugin_ends_is_one_line_that_names_it() -> None:
    executor = ScriptedExecutor([Script([Alive(place=None), Alive(place=PLACE)], status=0)])
    with pytest.raises(
        MedcotError, match=r"^the worker ended with status 0; last at adapter 'x' \(acme 1.0\) in load$"
    ):
        answer_of(JOB, Merged, executor=executor)


@pytest.mark.parametrize(
    ("before", "limits", "doing"),
    [
        ([], Timeouts(load=3.0), "starting"),
        ([PhaseStarted(cell="lora", phase="restore")], Timeouts(load=3.0), "loading the trained model"),
        ([PhaseStarted(cell="lora", phase="merge")], Timeouts(load=3.0), "merging"),
        ([PhaseStarted(cell="lora", phase="score", task="k8s_qa")], Timeouts(score=3.0), "scoring k8s_qa"),
        ([PhaseStarted(cell="lora", phase="answer")], Timeouts(score=3.0), "answering"),
    ],
)
def test_a_worker_that_hangs_is_ended_and_named(
    monkeypatch: pytest.MonkeyPatch, before: list[Part], limits: Timeouts, doing: str
) -> None:
    clock = types.SimpleNamespace(now=100.0)
    monkeypatch.setattr("medcot_bench.runner.answer.time", types.SimpleNamespace(monotonic=lambda: clock.now))

    def tick() -> None:
        clock.now += 1.0

    slow: list[Part] = [*[tick, None] * 2, Alive(place=None)] * 9  # signs of life: it may go on
    hangs: list[Part] = [Alive(place=PLACE), *[tick, None] * 3, MERGED]
    executor = ScriptedExecutor([Script([*before, *slow, *hangs])])
    with pytest.raises(MedcotError) as caught:
        answer_of(JOB, Merged, limits, executor)
    said = f"no progress for 3 s while {doing}; last at {PLACE}; raise --timeout if it is only slow"
    assert (str(caught.value), caught.value.exit_code) == (said, SOME_FAILED)
    assert executor.workers[0].ended


@pytest.mark.parametrize("parts", [[], [Answered(text="another kind of answer")]])
def test_a_worker_without_the_answer_is_a_bug_that_shows_its_log(parts: list[Answered]) -> None:
    executor = ScriptedExecutor([Script(parts, log=["Traceback"])])
    with pytest.raises(RuntimeError, match="ended with status 0 and no answer:\nTraceback\n"):
        answer_of(JOB, Merged, executor=executor)
