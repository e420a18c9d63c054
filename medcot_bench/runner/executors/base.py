"""What an executor is: where workers run, and how a job gets there and events come back."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Protocol, Self

from medcot_bench.runner.events import WorkerEvent
from medcot_bench.runner.protocol import Job


class Worker(Protocol):
    """One started worker, of which a `with` block makes sure that it ends.

    Read `events` to their end, then `wait`, then look at `tail`. Leaving the block before that ends the worker,
    whatever it is doing; what it had committed to the result folder stays, and nothing else is lost.
    """

    def __enter__(self) -> Self:
        """Return itself."""
        ...

    def __exit__(self, *error: object) -> None:
        """End the worker where it is still running, and free what was held for it."""
        ...

    def events(self) -> Iterator[WorkerEvent | None]:
        """Yield what the worker tells, as it comes, until it says no more. A cut-off last line is left out.

        None comes every second or so in which nothing else does: what follows from that is not decided here.
        The events end with the worker, whatever it started and left behind. Raises MalformedEvent for a whole line
        that is not an event.
        """
        ...

    def end(self) -> None:
        """End the worker now, and the processes that it started."""
        ...

    def wait(self) -> int:
        """Return the exit status once the worker has ended: negative for the number of a signal that ended it.

        A worker that is still there a minute after its last event is ended.
        """
        ...

    @property
    def tail(self) -> str:
        """The last lines that the worker and its libraries wrote beside events: whole once `wait` has returned."""
        ...


class Executor(Protocol):
    """Starts workers: the command `python -m medcot_bench.worker`, which takes a job and tells events.

    The result folder is the truth about what is done; an executor carries jobs and events, and decides nothing.
    """

    def start(self, job: Job, on_log: Callable[[str], None]) -> Worker:
        """Start a worker for `job` and return at once.

        `on_log` is called with each line, without its end, that the worker writes beside events; from any thread.
        """
        ...


def describe_exit(status: int, process: str = "the worker") -> str:
    """Say how a worker, or another process, ended, by its exit status.

    >>> describe_exit(1), describe_exit(-15)
    ('the worker ended with status 1', 'the worker was ended by SIGTERM')
    """
    if status >= 0:
        return f"{process} ended with status {status}"
    known = {each.value: each.name for each in signal.Signals}
    name = known.get(-status, f"signal {-status}")
    hint = " (the system kills processes that run out of memory)" if name == "SIGKILL" else ""
    return f"{process} was ended by {name}{hint}"
