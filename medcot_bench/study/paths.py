"""Paths as users type them."""

from __future__ import annotations

from pathlib import Path

from medcot_bench.errors import ConfigError
from medcot_bench.security.foreign_text import quote


def expand_path(text: str | Path) -> Path:
    """Return a path with `~` expanded. Raises ConfigError where there is no such user."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{text}: {error}") from None


def read_path(text: str, of: str = "") -> Path:
    """Return a path as typed, with `~` expanded; nothing has to be there. `of` says in errors whose it is.

    Raises ConfigError as `check_path`.
    """
    try:
        return check_path(text)
    except ValueError as error:
        raise ConfigError(f"{of}{quote(text)}: {error}") from None


def check_path(text: str) -> Path:
    """Return the same. Raises ValueError for what the system takes for no path: empty, too long, with a NUL."""
    if not text:
        raise ValueError("an empty path; write . for the working directory")
    try:
        path = Path(text).expanduser()
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, RuntimeError) as error:  # RuntimeError: no such user
        raise ValueError(getattr(error, "strerror", None) or str(error)) from None
    return path
