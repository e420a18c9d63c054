"""A worker that is asked for one thing, and the event that it answers with."""

from __future__ import annotations

from typing import TypeVar

from medcot_bench.errors import MedcotError
from medcot_bench.runner.events import Answered, Examined, Fatal, Merged
from medcot_bench.runner.executors.base import Executor, describe_exit
from medcot_bench.runner.executors.local import LocalExecutor
from medcot_bench.runner.protocol import Job

Answer = TypeVar("Answer", Answered, Merged, Examined)


def answer_of(job: Job, kind: type[Answer], executor: Executor | None = None) -> Answer:
    """Return the event of this kind that a worker for `job` ends with, on this machine unless told otherwise.

    Raises MedcotError for an expected error of the worker, or where a signal ended it.
    """
    with (executor or LocalExecutor()).start(job, on_log=lambda line: None) as worker:
        for event in worker.events():
            if isinstance(event, Fatal):
                raise event.error
            if isinstance(event, kind):
                return event
        status = worker.wait()
        if status < 0:
            raise MedcotError(describe_exit(status))
        raise RuntimeError(f"{describe_exit(status)} and no answer:\n{worker.tail}")
