"""Presets: study files that come with the program. They hold no code; any flag overrides them."""

from __future__ import annotations

from pathlib import Path

from medcot_bench.errors import ConfigError, suggest_or_list

DEFAULT = "quick"
"""What `medcot-bench run` runs without arguments."""
OWN = "own"
"""What `--train FILE` runs without another study."""
_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the presets."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def path_of(name: str) -> Path:
    """Return a preset's study file. Raises ConfigError for a name that none has."""
    if name not in names():
        raise ConfigError(f"no preset '{name}'{suggest_or_list(name, names())}")
    return _FOLDER / f"{name}.yaml"


def description(name: str) -> str:
    """Return what a preset is for: the comment in its first line."""
    return path_of(name).read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
