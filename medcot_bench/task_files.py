"""Task files: a task of the user's own rows as YAML, typed by its path where a task is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

YAML_ERRORS = (yaml.YAMLError, ValueError, RecursionError)
"""PyYAML also raises the last two, for impossible dates and for deep nesting."""


def take_in(raw: dict[str, Any], folder: Path, errors: list[str]) -> None:
    """Put every task file that `raw` names in `tasks` or `eval_tasks` into its `own`, and its name in its place.

    Paths are relative to `folder`, those in a task file to the file. What can't be read goes into `errors`.
    """
    for field in ("tasks", "eval_tasks"):
        given = raw.get(field)
        parts = re.split(r"[,\s]+", given) if isinstance(given, str) else given
        if isinstance(parts, list | tuple) and any(_is_path(part) for part in parts):
            raw[field] = [_taken(raw, folder / part, errors) if _is_path(part) else part for part in parts]


def name_of(path: Path) -> str:
    """Return the name of a task that is made of this file.

    >>> name_of(Path("data/support tickets.csv"))
    'support_tickets'
    """
    return re.sub(r"[^A-Za-z0-9_-]+", "_", path.stem).strip("_-") or "rows"


def add_own(raw: dict[str, Any], name: str, fields: Mapping[str, Any], errors: list[str]) -> None:
    """Add a task of the user's own. Two of one name are an error."""
    own = raw.setdefault("own", {})
    if not isinstance(own, dict):
        return  # an error of the field, found when the study is read
    if own.get(name, fields) != fields:
        errors.append(f"own.{name}: two files make a task of this name; rename one")
    own[name] = dict(fields)


def relative_to(folder: Path, data: Any) -> Any:
    """Return the files of a task's `data` as paths from `folder`; what names no file is left as it is."""
    if isinstance(data, dict):
        return {split: relative_to(folder, path) for split, path in data.items()}
    return str(folder / Path(data).expanduser()) if isinstance(data, str) and data else data


def _is_path(part: Any) -> bool:
    # After a colon it is a task file of lm-eval, or an option.
    return isinstance(part, str) and part.endswith((".yaml", ".yml")) and ":" not in part


def _taken(raw: dict[str, Any], path: Path, errors: list[str]) -> str:
    """Read one task file; return the task's name."""
    path = path.expanduser()
    name = name_of(path)
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        errors.append(f"{path}: {error.strerror}")
    except YAML_ERRORS as error:
        errors.append(f"{path}: not YAML: {' '.join(str(error).split())}")
    else:
        if isinstance(fields, dict):
            named = {str(key): value for key, value in fields.items()}
            add_own(raw, name, named | {"data": relative_to(path.parent, named.get("data"))}, errors)
        else:
            errors.append(f"{path}: a task file is a mapping of fields, with `data` among them")
    return name
