"""How a worker reads its job and writes its events: from and to its parent, or in files."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from medcot_bench.errors import ConfigError
from medcot_bench.runner.events import WorkerEvent
from medcot_bench.runner.pipes import close_stdin, end_with_parent
from medcot_bench.runner.protocol import Job, decode_job, encode

Emit = Callable[[WorkerEvent], None]


def job_of_parent() -> Job:
    """Read the job that the parent sends; from then on this process ends when its parent is gone.

    Raises ConfigError.
    """
    job = decode_job(sys.stdin.readline())
    end_with_parent()
    return job


def job_of_file(path: Path) -> Job:
    """Read a job from a file. Raises ConfigError that names it."""
    try:
        job = decode_job(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"{path}: {reason}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    close_stdin()
    return job


def events_to_file(path: Path) -> TextIO:
    """Open a new file for the events of one worker. Raises ConfigError where there is one, or can't be."""
    try:
        return path.open("x", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"can't write events to {path}: {error.strerror}") from None


def writer(events: TextIO) -> Emit:
    """Return what writes an event as a line, at once: of a killed worker all lines but the last are whole.

    Several threads may use it.
    """
    lock = threading.Lock()

    def emit(event: WorkerEvent) -> None:
        with lock:
            events.write(encode(event))
            events.flush()

    return emit
