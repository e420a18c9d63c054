"""What goes wrong inside a process: a kill or an error at the n-th step that it takes in the result folder."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

STEPS = ("mkdir", "fsync", "link", "rename", "replace", "unlink", "chmod", "rmdir")
REAL = {name: getattr(os, name) for name in STEPS}


def install(trouble: dict[str, Any], role: str) -> None:
    """Wrap the system's calls for files. Only steps within `folder` count.

    `process` is who gets into trouble, `parent` or `worker`. `kind` is `kill` (before the step, or after it with
    `after`), `error` (an errno by name in `code`) or `log` (writes each step to the file `log`). `call` is the
    step that counts, any if empty; `at` is its number, 0 for every one.
    """
    number = count(1)
    for name, real in REAL.items():
        troubled = bool(trouble) and trouble["process"] in (role, "both")
        setattr(os, name, _wrapped(name, real, trouble, number, role) if troubled else real)


def _wrapped(
    name: str, real: Callable[..., Any], trouble: dict[str, Any], number: Any, role: str
) -> Callable[..., Any]:
    def call(first: Any, *rest: Any, **options: Any) -> Any:
        if trouble.get("call") not in (None, name) or not _within(trouble["folder"], first, options):
            return real(first, *rest, **options)
        here = next(number)
        if trouble["kind"] == "log":
            with Path(trouble["log"]).open("a", encoding="utf-8") as log:
                log.write(f"{role} {name}\n")
        elif trouble["at"] in (0, here):
            if trouble["kind"] == "error":
                code = getattr(errno, trouble["code"])
                raise OSError(code, os.strerror(code), first if isinstance(first, str) else None)
            if trouble.get("after"):
                real(first, *rest, **options)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(first, *rest, **options)

    return call


def _within(folder: str, first: Any, options: dict[str, Any]) -> bool:
    """Whether a step is in the folder: by its path, its open file, or the open folder that it is relative to."""
    handle = first if isinstance(first, int) else options.get("dir_fd")
    try:
        opened = Path(f"/proc/self/fd/{handle}")
        path = str(opened.readlink() if isinstance(handle, int) else Path(first).absolute())
    except OSError:
        return False
    return path == folder or path.startswith(folder + os.sep)
