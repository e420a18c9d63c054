"""Data sets of the hub: found in the cache or downloaded, columns checked, rows made into examples."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcot_bench.data.rows import Row, read_found
from medcot_bench.errors import DataError, ModelError
from medcot_bench.hub.client import fetch_dataset
from medcot_bench.types import HubData


@dataclass(frozen=True, slots=True)
class HubRows:
    """What was read of a data set."""

    revision: str
    """The commit that it was read at."""
    splits: Mapping[str, list[Row]]
    """By the data set's own names of them."""
    left_out: int
    """Rows with a required field missing."""


def read_hub(task: str, hub: HubData, pin: str, required: tuple[str, ...]) -> HubRows:
    """Read a data set at `pin`: a branch, a tag or a commit, empty for the newest.

    If the hub can't be reached, the cache is used. Rows without a question or an answer, and rows to score
    without the `required` fields, are left out. Raises DataError, one line that says what to do.
    """
    folder = _folder(task, hub.id, pin)
    name = f"{hub.id}@{folder.name[:7]}"
    found: dict[str, list[Row]] = {}
    left_out = 0
    for split, parts in hub.splits.items():
        needed = ("question", "answer", *(required if "eval" in parts else ()))
        rows = list(_rows(task, hub, name, folder, split))
        whole = [(where, row) for where, row in rows if all(_is_given(row.get(field)) for field in needed)]
        left_out += len(rows) - len(whole)
        if not whole:
            raise DataError(
                f"task {task}: data set {name}: no row of '{split}' has {', '.join(needed)}; {_ways_out(task)}"
            )
        try:
            found[split] = read_found(whole, f"{name} {split}", needed)
        except DataError as error:
            raise DataError(f"task {task}: data set {error}; {_ways_out(task)}") from None
    return HubRows(folder.name, found, left_out)


def _is_given(value: Any) -> bool:
    return bool(value.strip() if isinstance(value, str) else value is not None)


def _rows(task: str, hub: HubData, name: str, folder: Path, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place of each row, and the row in the simple form."""
    import datasets

    shown = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        table = datasets.load_dataset(str(folder), hub.config, split=split)
    except Exception as error:  # the library raises what its readers of formats raise
        what = " ".join(str(error).split())[:200]
        raise DataError(f"task {task}: data set {name} can't be read ({what}); {_ways_out(task)}") from None
    finally:
        if shown:
            datasets.enable_progress_bars()
    if missing := [column for column in hub.columns if column not in table.column_names]:
        there = ", ".join(table.column_names)
        raise DataError(
            f"task {task}: data set {name} has no column '{missing[0]}' (columns: {there}); "
            f"pin a revision that has it with --data {task}=hub@REVISION, or {_file(task)}"
        )
    for number, row in enumerate(table, start=1):
        try:
            simple = hub.row(row)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"task {task}: data set {name}, {split}:{number}: unexpected row "
                f"({type(error).__name__}: {error}); pin another revision with --data {task}=hub@REVISION, or "
                f"{_file(task)}"
            ) from None
        if simple is not None:
            yield (
                f"{name} {split}:{number}",
                {field: value for field, value in simple.items() if value is not None},
            )


def _folder(task: str, name: str, pin: str) -> Path:
    """Return the folder of the hub's cache that has a complete data set."""
    try:
        folder = fetch_dataset(f"{name}@{pin}" if pin else name, _file(task))
    except ModelError as error:
        ways = "" if _file(task) in str(error) else f"; or {_file(task)}"
        raise DataError(f"task {task}: {error}{ways}") from None
    return _complete(task, name, folder)


def _complete(task: str, name: str, folder: Path) -> Path:
    """Return the folder. Raises DataError for an incomplete data set, as after a broken download."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    for file in files:
        part = re.fullmatch(r"(.*)-\d{5}-of-(\d{5})(\..*)", file.name)
        if part and len([*file.parent.glob(f"{glob.escape(part[1])}-*-of-{part[2]}{part[3]}")]) < int(part[2]):
            raise DataError(
                f"task {task}: data set {name}: the cache has only some of its {part[2]} files {part[1]}-*; "
                f"connect to the hub, or {_ways_out(task)}"
            )
    return folder


def _ways_out(task: str) -> str:
    return f"set HF_HOME to a filled cache, or {_file(task)}"


def _file(task: str) -> str:
    return f"use rows of your own with --data {task}=file:PATH"
