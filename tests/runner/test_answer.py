"""A job that ends in one answer: the answer, or the error that the worker gives, or how it ended."""

from __future__ import annotations

import signal

import pytest
from scripted import Script, ScriptedExecutor

from medcot_bench.errors import MedcotError
from medcot_bench.runner.answer import answer_of
from medcot_bench.runner.events import Answered, Fatal, Merged
from medcot_bench.runner.protocol import Job, Merge

JOB = Job(work=Merge(root="out", cell="lora", folder="model", model=None, device=None), threads=1, offline=True)
MERGED = Merged(dtype="float32", check=None, unchecked="no data")


def test_the_answer_is_the_event_that_was_asked_for() -> None:
    executor = ScriptedExecutor([Script([MERGED])])
    assert answer_of(JOB, Merged, executor) == MERGED
    assert executor.jobs == [JOB]
    assert executor.workers[0].ended


def test_an_error_of_the_worker_keeps_its_exit_code() -> None:
    executor = ScriptedExecutor([Script([Fatal(message="in use", exit_code=3)], status=3)])
    with pytest.raises(MedcotError, match="in use") as caught:
        answer_of(JOB, Merged, executor)
    assert caught.value.exit_code == 3
    assert executor.workers[0].ended


def test_a_worker_that_a_signal_ended_is_one_line() -> None:
    executor = ScriptedExecutor([Script(['{"event": "mer'], status=-signal.SIGKILL)])
    with pytest.raises(MedcotError, match="the worker was ended by SIGKILL"):
        answer_of(JOB, Merged, executor)


@pytest.mark.parametrize("parts", [[], [Answered(text="another kind of answer")]])
def test_a_worker_without_the_answer_is_a_bug_that_shows_its_log(parts: list[Answered]) -> None:
    executor = ScriptedExecutor([Script(parts, log=["Traceback"])])
    with pytest.raises(RuntimeError, match="ended with status 0 and no answer:\nTraceback\n"):
        answer_of(JOB, Merged, executor)
