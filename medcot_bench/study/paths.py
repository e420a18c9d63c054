"""Paths as users type them."""

from __future__ import annotations

from pathlib import Path

from medcot_bench.errors import ConfigError


def expand_path(text: str | Path) -> Path:
    """Return a path with `~` expanded. Raises ConfigError where there is no such user."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{text}: {error}") from None
