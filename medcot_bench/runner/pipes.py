"""What a child process does with the pipes to its parent, so that libraries and plugins have no part in them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import TextIO


def lines_to_parent() -> TextIO:
    """Keep standard output for what the parent is told: what libraries print goes to standard error."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return lines


def end_with_parent(take: Callable[[str], None] = lambda line: None) -> None:
    """Watch the pipe that the parent holds open, and end when it is gone. Standard input is empty from then on.

    `take` gets each line that the parent writes, in another thread.
    """
    watched = os.dup(0)
    close_stdin()
    threading.Thread(target=_end_after, args=(watched, take), daemon=True).start()


def close_stdin() -> None:
    """Let nobody read standard input: who asks a question there gets no answer, and does not wait for one."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115  (open as long as the process is)


def _end_after(pipe: int, take: Callable[[str], None]) -> None:
    with os.fdopen(pipe, encoding="utf-8") as lines:
        for line in lines:
            take(line)
    if os.getpgrp() == os.getpid():  # what was started here must not outlive this process either
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
