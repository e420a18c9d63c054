"""Files that a user names, read only where they are files: a pipe would wait for ever, a device never end."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def read_regular(path: Path, most: int | None = None) -> bytes:
    """Return what a file holds. Raises OSError, also for what is no regular file or larger than `most` bytes."""
    check_regular(path, most)
    return path.read_bytes()


def check_regular(path: Path, most: int | None = None) -> None:
    """Raise OSError for what is no regular file, with the reason as `strerror`. A folder gets the system's own."""
    found = os.stat(path)  # noqa: PTH116  (a NUL in the path is a ValueError, as of open)
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
        raise OSError(0, "not a regular file (a pipe or a device)")
    if most is not None and found.st_size > most:
        raise OSError(0, f"{found.st_size / 1e6:.0f} MB is too large; such a file has at most {most / 1e6:.0f} MB")
