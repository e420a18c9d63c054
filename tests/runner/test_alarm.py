"""What does not return is ended by an exception, and a timer of somebody else goes on."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from medcot_bench.runner.alarm import limited


def spin() -> None:
    while True:
        pass


def test_what_sleeps_or_spins_is_ended() -> None:
    with pytest.raises(TimeoutError, match=r"^no return for 0.05 s; raise --timeout"), limited(0.05):
        time.sleep(100)
    with pytest.raises(TimeoutError), limited(0.05):
        spin()


def test_what_returns_in_time_leaves_no_timer() -> None:
    before, timer = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    with limited(100.0):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 90
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] <= timer[0]
    assert bool(signal.getitimer(signal.ITIMER_REAL)[0]) is bool(timer[0])


def test_without_a_limit_or_in_another_thread_nothing_is_set() -> None:
    before = signal.getsignal(signal.SIGALRM)
    seen = []

    def run(seconds: float | None) -> None:
        with limited(seconds):
            seen.append(signal.getsignal(signal.SIGALRM) is before)

    run(None)
    thread = threading.Thread(target=run, args=(0.1,))
    thread.start()
    thread.join()
    assert seen == [True, True]
