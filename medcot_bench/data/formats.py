"""Files of rows: JSON lines, a JSON list, CSV, parquet; read with the file and line in every error."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medcot_bench.errors import DataError


def read_objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield `FILE:LINE` and the row that stands there; in a JSON list and in parquet the number of the row.

    The ending tells the format: `.csv` (a header, cells as texts), `.parquet`, `.json` (a list of objects, or JSON
    lines); everything else is JSON lines. Raises DataError for a missing file, and for what is not of its format.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        yield from _parquet(path)
    elif suffix == ".csv":
        yield from _csv(path, _text(path))
    else:
        text = _text(path)
        listed = suffix == ".json" and text.lstrip().startswith("[")
        yield from _json_list(path, text) if listed else _json_lines(path, text)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _json_lines(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    # Only "\n" ends a row: str.splitlines would also cut inside strings that hold U+2028.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}:{number}: not JSON: {error}") from None
        yield _object(f"{path}:{number}", row)


def _json_list(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {error}") from None
    for number, row in enumerate(rows, start=1):
        yield _object(f"{path}:{number}", row)


def _object(where: str, row: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(row, dict):
        raise DataError(f"{where}: a row is a JSON object, this is a {type(row).__name__}")
    return where, row


def _csv(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    start = 1  # the line that a row begins in; a quoted cell may hold line ends
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DataError(f"{path}:{start}: not CSV: {error}") from None
        if cells is None:
            return
        where, start = f"{path}:{start}", reader.line_num + 1
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = [cell.strip() for cell in cells]
            if unnamed := [name for name in header if not name or header.count(name) > 1]:
                what = f"the column '{unnamed[0]}' twice" if unnamed[0] else "a column without a name"
                raise DataError(f"{where}: the header holds {what}")
        elif len(cells) != len(header):
            raise DataError(
                f"{where}: {len(cells)} cells, the header has {len(header)}; quote cells that hold commas"
            )
        else:
            yield where, dict(zip(header, cells, strict=True))


def _parquet(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.read_table(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: not parquet: {str(error).splitlines()[0]}") from None
    for number, row in enumerate(table.to_pylist(), start=1):
        yield f"{path}:{number}", {column: _without_gaps(cell) for column, cell in row.items()}


def _without_gaps(cell: Any) -> Any:
    """Return an object of a column of objects as it was: without the keys that only others have."""
    return {key: value for key, value in cell.items() if value is not None} if isinstance(cell, dict) else cell
