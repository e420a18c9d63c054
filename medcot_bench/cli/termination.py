"""Ctrl-C and SIGTERM end a command in order, as exceptions that no plugin raises."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from medcot_bench.errors import Interrupted, Terminated


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it, Ctrl-C raises Interrupted. Where it is ignored, or another handler is in place, that stays."""

    def end(*_: object) -> None:
        raise Interrupted

    ours = threading.current_thread() is threading.main_thread()  # no other thread may set handlers
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
