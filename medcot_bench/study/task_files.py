"""Task files: a task of the user's own rows as YAML, typed by its path where a task is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from medcot_bench.errors import ConfigError
from medcot_bench.security.foreign_text import shorten
from medcot_bench.security.yaml_files import YAML_ERRORS, explain_yaml, read_yaml
from medcot_bench.study.fields import explain_unknown_field, show_given
from medcot_bench.study.own_task import OwnTask
from medcot_bench.study.paths import expand_path
from medcot_bench.study.spec_strings import LONGEST_NAME


def take_in(raw: dict[str, Any], folder: Path, errors: list[str]) -> None:
    """Put every task file that `raw` names in `tasks` or `eval_tasks` into its `own`, and its name in its place.

    Paths are relative to `folder`, those in a task file to the file. What can't be read goes into `errors`.
    """
    for field in ("tasks", "eval_tasks"):
        given = raw.get(field)
        items = [given] if isinstance(given, str) else given
        if not isinstance(items, list | tuple):
            continue
        parts = [part for item in items for part in _parts(item, folder)]
        if any(_is_path(part) for part in parts):
            names = [_taken(raw, folder, part, errors) if _is_path(part) else part for part in parts]
            raw[field] = [name for name in names if name is not None]


def name_of(path: Path) -> str:
    """Return the name of a task that is made of this file, cut where it is longer than a name may be.

    >>> name_of(Path("data/support tickets.csv"))
    'support_tickets'
    """
    return re.sub(r"[^A-Za-z0-9_-]+", "_", path.stem).strip("_-")[:LONGEST_NAME] or "rows"


def add_own(raw: dict[str, Any], name: str, fields: Mapping[str, Any], errors: list[str]) -> None:
    """Add a task of the user's own. Two tasks of one name are an error."""
    own = raw.setdefault("own", {})
    if not isinstance(own, dict):
        return  # an error of the field, found when the study is read
    if name in own and _plain(own[name]) != _plain(fields):
        errors.append(f"own.{name}: two files define a task of this name; rename one")
    own[name] = dict(fields)


def check_own(raw: dict[str, Any], errors: list[str]) -> None:
    """Move what is wrong with the tasks in `own` into `errors`, and remove such tasks from the study."""
    own = raw.get("own", {})
    if not isinstance(own, dict):
        return
    for name, fields in list(own.items()):
        if len(str(name)) > LONGEST_NAME:
            errors.append(f"own.{shorten(str(name))}: a name has at most {LONGEST_NAME} characters; rename it")
            _drop(raw, own, name)
            continue
        try:
            if isinstance(fields, dict):  # a field left blank is one left out
                own[name] = {key: value for key, value in fields.items() if value is not None}
            OwnTask.model_validate(own[name])
        except ValidationError as error:
            for problem in error.errors():
                field = ".".join(["own", str(name), *(str(part) for part in problem["loc"])])
                errors.append(_explain(field, problem["msg"], problem["input"]))
            _drop(raw, own, name)


def _drop(raw: dict[str, Any], own: dict[str, Any], name: str) -> None:
    """Remove a task from a study, also where it is named."""
    del own[name]
    for named in ("tasks", "eval_tasks"):
        given = raw.get(named)
        parts = re.split(r"[,\s]+", given) if isinstance(given, str) else given
        if isinstance(parts, list | tuple):
            raw[named] = [part for part in parts if re.split("[@:]", str(part))[0] != name]


def _explain(field: str, message: str, given: Any) -> str:
    if "Extra inputs" in message:
        return explain_unknown_field(field, OwnTask)
    if "valid dictionary" in message:
        return f"{field}: a task is a mapping of fields, with `data` among them"
    return f"{field}: {message.removeprefix('Value error, ')}{show_given(message, given)}"


def _plain(fields: Any) -> Any:
    """Return what is compared of a task: its files as absolute paths."""
    if not isinstance(fields, Mapping):
        return fields
    return {**fields, "data": relative_to(Path.cwd(), fields.get("data"))}


def relative_to(folder: Path, data: Any) -> Any:
    """Return the files of a task's `data` as paths from `folder`.

    Those of a home (`~`) stay as they are, and so does what names no file.
    """
    if isinstance(data, dict):
        return {split: relative_to(folder, path) for split, path in data.items()}
    return str(folder / data) if isinstance(data, str) and data and not data.startswith("~") else data


def _is_path(part: Any) -> bool:
    # After a colon it is a task file of lm-eval, or an option.
    return isinstance(part, str) and part.endswith((".yaml", ".yml")) and ":" not in part


def _parts(item: Any, folder: Path) -> list[Any]:
    """Return the names and paths of an item; the path of a file may hold blanks and commas."""
    if not isinstance(item, str) or _is_there(folder / item):
        return [item]
    return [part for part in re.split(r"[,\s]+", item) if part]


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for one
        return False


def _taken(raw: dict[str, Any], folder: Path, typed: str, errors: list[str]) -> str | None:
    """Read one task file; return the task's name, or None for a file that defines none."""
    name = name_of(Path(typed))
    try:
        path = folder / expand_path(typed)
        fields = read_yaml(path)
    except ConfigError as error:
        errors.append(str(error))
    except OSError as error:
        errors.append(f"{path}: {error.strerror}")
    except YAML_ERRORS as error:
        errors.append(f"{path}: {explain_yaml(error)}")
    else:
        if isinstance(fields, dict):
            named = {str(key): value for key, value in fields.items()}
            add_own(raw, name, named | {"data": relative_to(path.parent, named.get("data"))}, errors)
            return name
        errors.append(f"{path}: a task file is a mapping of fields, with `data` among them")
    return None
