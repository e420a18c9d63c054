"""The state of a training that may be stopped: in its cell's folder, whole or not at all, checked when read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from medcot_bench.results.digests import add_digest, find_change, has_digest
from medcot_bench.results.files import is_number, sync, to_json
from medcot_bench.results.saved_files import SavedFile, describe, find_difference
from medcot_bench.security.regular_files import read_regular

FOLDER = "training_state"
"""Where it lies in the folder of a cell: one folder per saved step, of which the newest counts."""
RECORD = "state.json"
BYTES = 200_000_000
"""Most bytes of the record; each step that is done takes some 150."""


class UnusableState(Exception):
    """A training can't go on from what is saved; `str()` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """Where a training was, beside its tensors."""

    identity: Mapping[str, Any]
    """What has to be the same where it goes on: the cell, its items, versions, the machine."""
    steps: int
    """Of the whole training."""
    result: Mapping[str, Any]
    """The fields of its result so far; `steps` of them are done."""
    best: float | None
    """The lowest loss on the validation items, where the training selects by it."""
    seconds: float
    """Of training so far, in all runs."""
    peak_bytes: int
    frozen: int
    """Checksum of the parameters that are not trained."""
    files: Mapping[str, SavedFile]
    """Name -> what lies beside this record."""


def commit_state(cell_folder: Path, made: Path, state: TrainingState) -> None:
    """Move a folder of tensors, with its record, to its place; older states are deleted after that.

    The files of the record are those in `made`. Raises OSError, and ValueError for a number that is not finite.
    """
    fields = asdict(replace(state, files=describe(made)))
    (made / RECORD).write_bytes(to_json(add_digest(fields)))
    for path in (*made.iterdir(), made):
        sync(path)
    parent = cell_folder / FOLDER
    if parent.is_symlink():
        parent.unlink()  # what it leads to is somebody else's
    parent.mkdir(exist_ok=True)
    place = parent / str(state.result["steps"])
    shutil.rmtree(place, ignore_errors=True)
    made.rename(place)
    sync(parent)
    for other in parent.iterdir():
        if other != place:
            shutil.rmtree(other, ignore_errors=True)


def newest_state(cell_folder: Path) -> Path | None:
    """Return the folder of the latest state, None where nothing is saved."""
    parent = cell_folder / FOLDER
    if parent.is_symlink() or not parent.is_dir():
        return None
    found: list[Path] = []
    with suppress(OSError):
        found = [path for path in parent.iterdir() if is_number(path.name)]
    return max(found, key=lambda path: int(path.name), default=None)


def read_state(folder: Path) -> TrainingState:
    """Return the record of a state. Raises UnusableState for one that changed since it was written."""
    if folder.is_symlink():
        raise UnusableState("it is a link")
    try:
        path = folder / RECORD
        if path.is_symlink() or not path.is_file():
            raise UnusableState(f"{RECORD} is missing")
        fields = json.loads(read_regular(path, BYTES), parse_constant=_refuse)
        if not isinstance(fields, dict):
            raise UnusableState(f"{RECORD} can't be read")
        if not has_digest(fields) or find_change(fields):
            raise UnusableState(f"{RECORD} is damaged")
        state: TrainingState = TypeAdapter(TrainingState).validate_python(fields)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, ValidationError) as error:
        raise UnusableState(f"{RECORD} can't be read") from error
    return state


def check_files(folder: Path, state: TrainingState) -> None:
    """Compare the files of a state with its record. Raises UnusableState for the first that differs."""
    for name, saved in state.files.items():
        path = folder / name
        there = path.parent == folder and path.is_file() and not path.is_symlink()
        if found := find_difference(path if there else None, saved, "all"):
            raise UnusableState(f"{name} {found}")


def stopped_at(cell_folder: Path) -> tuple[int, int] | None:
    """Return the step at which a training was saved, and how many it has; None where nothing can be read."""
    folder = newest_state(cell_folder)
    try:
        return None if folder is None else (int(folder.name), read_state(folder).steps)
    except UnusableState:
        return None


def drop_state(cell_folder: Path) -> None:
    """Delete what is saved of a training."""
    parent = cell_folder / FOLDER
    if parent.is_symlink():
        parent.unlink(missing_ok=True)
    else:
        shutil.rmtree(parent, ignore_errors=True)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
