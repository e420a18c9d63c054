"""A limit to what runs in this process: a run-wide hook that does not return is ended by an exception."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from medcot_bench.runner.supervision import spoken


@contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Within it, TimeoutError is raised after so many seconds, unless this is not the main thread.

    Code that never comes back to Python can't be ended so.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise TimeoutError(f"no return for {spoken(seconds)}; raise --timeout if it is only slow")

    handler = signal.signal(signal.SIGALRM, ring)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)  # of whoever else set one
