"""SIGTERM ends a command as Ctrl-C does: in order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from medcot_bench.errors import Terminated


@contextmanager
def terminable() -> Iterator[None]:
    """Within it, SIGTERM raises Terminated: what is left on the way out ends workers and frees folders."""

    def end(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one does not disturb the way out
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
