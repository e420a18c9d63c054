"""What every child process does: read its job as one JSON line, work, and write events as JSON lines.

When its standard input closes, its parent is gone, and it ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import torch

from medcot_bench.errors import MedcotError

Emit = Callable[..., None]


def serve(work: Callable[[Mapping[str, Any], Emit], int]) -> int:
    """Do `work(job, emit)` on the job's number of threads; return the exit status.

    An expected error becomes the event `fatal`.
    """
    events = _own_stdout()

    def emit(event: str, **fields: Any) -> None:
        events.write(json.dumps({"event": event, **fields}) + "\n")
        events.flush()

    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(job["threads"])
    try:
        return work(job, emit)
    except MedcotError as error:
        emit("fatal", message=str(error), exit_code=error.exit_code)
        return error.exit_code


def _own_stdout() -> TextIO:
    """Keep standard output for events: what libraries print goes to standard error."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)
