"""A worker that is asked for one thing, and the event that it answers with."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from medcot_bench.errors import SOME_FAILED, MedcotError
from medcot_bench.runner.events import Answered, Examined, Fatal, Merged, PhaseStarted
from medcot_bench.runner.executors.base import Executor, describe_exit
from medcot_bench.runner.executors.local import LocalExecutor
from medcot_bench.runner.protocol import Job
from medcot_bench.runner.silence import Silence
from medcot_bench.runner.supervision import Timeouts

Answer = TypeVar("Answer", Answered, Merged, Examined)


def answer_of(
    job: Job,
    kind: type[Answer],
    timeouts: Timeouts = Timeouts(),  # noqa: B008  (frozen)
    executor: Executor | None = None,
    on_phase: Callable[[PhaseStarted], None] = lambda phase: None,
) -> Answer:
    """Return the event of this kind that a worker for `job` ends with, on this machine unless told otherwise.

    Raises MedcotError for an expected error of the worker, where it hangs, or where a signal or a plugin ended it.
    """
    with (executor or LocalExecutor()).start(job, on_log=lambda line: None) as worker:
        silence = Silence(timeouts, time.monotonic())
        for event in worker.events():
            silence.heard(event, time.monotonic())
            if isinstance(event, Fatal):
                raise event.error
            if isinstance(event, PhaseStarted):
                on_phase(event)
            if isinstance(event, kind):
                return event
            if event is None and (error := silence.error()):
                raise MedcotError(error, exit_code=SOME_FAILED)
        status = worker.wait()
        if status < 0 or silence.place:
            raise MedcotError(f"{describe_exit(status)}{silence.place}", exit_code=SOME_FAILED)
        raise RuntimeError(f"{describe_exit(status)} and no answer:\n{worker.tail}")
