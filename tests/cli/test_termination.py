"""Ctrl-C on the command line, as distinct from an exception that some code raises."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from medcot_bench.cli.termination import interruptible
from medcot_bench.errors import Interrupted


@pytest.fixture
def handled() -> Iterator[None]:
    """Python's own handler, which a test run in the background has not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("handled")
def test_ctrl_c_is_an_exception_of_its_own_and_the_handler_comes_back() -> None:
    with pytest.raises(Interrupted), interruptible():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("handled")
def test_where_it_is_ignored_it_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interruptible():
        os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.usefixtures("handled")
def test_another_thread_sets_no_handler() -> None:
    done = []

    def run() -> None:
        with interruptible():
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]
