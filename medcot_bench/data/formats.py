"""Files of rows: JSON lines, a JSON list, CSV, parquet; read with the file and line in every error."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from medcot_bench.errors import DataError
from medcot_bench.security.foreign_text import quote
from medcot_bench.security.regular_files import check_regular, read_regular
from medcot_bench.text import counted

_EXACT = 2**53
"""Whole numbers below it are the same as floats."""

_BLANK_LINES = re.compile(r"(?:[ \t]*\r?\n)+")
_NAMED_SEPARATOR = re.compile(r'"?sep=(.)"?[,;\t ]*\r?\n', re.IGNORECASE)
_QUOTED = re.compile(r'(^|[,;\t]) *"(?:[^"]|"")*"')
_FIRST_RECORD = re.compile(r'(?:(?:^|(?<=[,;\t])) *"(?:[^"]|"")*"|[^\n])*')
_LONGEST_HEADER = 100_000
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How Excel's files begin: .xlsx and .xls."""
"""Characters of a header that are looked at for the separator."""
_BLANK_QUOTE = re.compile(r' +"')
"""How a cell begins whose quotes come after a blank: writers of `a, "b"` mean the quotes."""
_QUOTE_BLANK = re.compile(r'("(?:[^"]|"")*+") +(?=[,;\t\r\n]|$)')
"""A quoted cell with blanks between its quotes and the separator."""


def read_objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield `FILE:LINE` and the row at that line; in a JSON list and in parquet the row's number.

    The suffix gives the format: `.csv` and `.tsv` (a header, cells as strings), `.parquet`, `.json` (a list of
    objects, or JSON lines); everything else is JSON lines. Raises DataError for a missing or malformed file.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        yield from _parquet(path)
    elif suffix in (".csv", ".tsv"):
        yield from _csv(path, _text(path))
    else:
        text = _text(path)
        listed = suffix == ".json" and text.lstrip().startswith("[")
        yield from _json_list(path, text) if listed else _json_lines(path, text)


def _text(path: Path) -> str:
    raw = b""
    try:
        raw = read_regular(path)
        return raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        if raw.startswith(WORKBOOKS):
            raise DataError(f"{path}: an Excel workbook; save the sheet as CSV (UTF-8)") from None
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{line}: not UTF-8 text ({error.reason}); save it as UTF-8") from None
    except IsADirectoryError:
        raise DataError(f"{path}: a folder; name a file in it") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _json_lines(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    # Only "\n" ends a row: str.splitlines would also cut inside strings that hold U+2028.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = _parse_json(line)
        except _Twice as error:
            raise DataError(f"{path}:{number}: {error}") from None
        except (ValueError, RecursionError) as error:
            suffix = path.suffix.lower()
            hint = "; write a list of objects, or one object per line" if suffix == ".json" else ""
            if suffix not in (".json", ".jsonl"):
                hint = "; the suffixes .csv, .tsv, .json, .jsonl and .parquet select other formats"
            raise DataError(f"{path}:{number}: not JSON: {error}{hint}") from None
        yield _object(f"{path}:{number}", row)


def _json_list(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        rows = _parse_json(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    except _Twice as error:
        raise DataError(f"{path}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {error}") from None
    for number, row in enumerate(rows, start=1):
        yield _object(f"{path}:{number}", row)


class _Twice(ValueError):
    """An object has a key twice, and which one counts is anyone's guess."""


def _parse_json(text: str) -> Any:
    """Parse JSON. Raises ValueError, also for an object with one key twice, or RecursionError."""
    return _DECODER.decode(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Twice(f"the key {quote(twice)} is given twice in one object")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)
"""Made once: `json.loads` with a hook makes one for every line."""


def _object(where: str, row: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(row, dict):
        raise DataError(f"{where}: a row is a JSON object, not a {type(row).__name__}")
    return where, row


def _csv(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    header: list[str] = []
    for line, cells in _records(path, text):
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = [cell.strip() for cell in cells]
            if twice := [name for name in header if name and header.count(name) > 1]:
                raise DataError(f"{path}:{line}: the header has the column {twice[0]!r} twice")
        elif len(cells) != len(header):
            hint = "quote cells that hold a separator" if len(cells) > len(header) else "a cell is missing"
            raise DataError(f"{path}:{line}: {counted(len(cells), 'cell')}, the header has {len(header)}; {hint}")
        else:
            # Programs write their own numbers of rows into a column without a name.
            named = zip(header, cells, strict=True)
            yield f"{path}:{line}", {name: cell for name, cell in named if name}


def _records(path: Path, text: str) -> list[tuple[int, list[str]]]:
    """Return the cells of every record, with the line that it begins in: a quoted cell may hold line ends."""
    start, text, separator = _find_separator(text, tabs=path.suffix.lower() == ".tsv")
    try:
        plain = _parse_csv(path, text, start, separator)
        if not any(_BLANK_QUOTE.match(cell) for _, cells in plain for cell in cells):
            return plain
    except DataError:
        plain = []
    for meant in (text, _QUOTE_BLANK.sub(r"\1", text)):
        with suppress(DataError):
            return _parse_csv(path, meant, start, separator, skipinitialspace=True)
    return plain or _parse_csv(path, text, start, separator)


def _find_separator(text: str, *, tabs: bool) -> tuple[int, str, str]:
    """Return the first line of the table, the text from there on, and the separator.

    Excel names it in a line of its own. Else it is the one that the first two lines which are not blank have
    equally often outside quotes, the most frequent in the first; where `tabs` are expected, a tab if there is one.
    """
    before = _BLANK_LINES.match(text)
    rest = text[before.end() :] if before else text
    start = 1 + text.count("\n", 0, len(text) - len(rest))
    if named := _NAMED_SEPARATOR.match(rest):
        return start + 1, rest[named.end() :], named[1]
    first = _FIRST_RECORD.match(rest, 0, _LONGEST_HEADER)
    second = _FIRST_RECORD.match(rest, first.end() + 1, first.end() + _LONGEST_HEADER) if first else None
    outside, below = (_QUOTED.sub(r"\1", record[0] if record else "") for record in (first, second))
    if tabs and "\t" in outside:
        return start, rest, "\t"
    # One that the next line has as often comes first: a header may be a sentence with commas.
    counts = {one: (outside.count(one), below.count(one)) for one in ",;\t"}
    return start, rest, max(counts, key=lambda one: (0 < counts[one][0] == counts[one][1], counts[one][0]))


def _parse_csv(
    path: Path, text: str, start: int, separator: str, *, skipinitialspace: bool = False
) -> list[tuple[int, list[str]]]:
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=skipinitialspace, strict=True
    )
    found = []
    first = line = start
    limit = csv.field_size_limit(len(text) + 1)  # the module's own is too small for documents
    try:
        for cells in reader:
            found.append((line, cells))
            line = first + reader.line_num
    except csv.Error as error:
        raise DataError(f"{path}:{line}: not CSV: {error}") from None
    finally:
        csv.field_size_limit(limit)
    return found


def _parquet(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    from pyarrow import ArrowException, parquet

    try:
        check_regular(path)
        table = parquet.read_table(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: not parquet: {str(error).splitlines()[0]}") from None
    columns: dict[str, list[Any]] = {}
    for name in table.column_names:
        try:
            columns[name] = _as_whole(table.column(name).to_pylist())
        except Exception as error:  # dates out of range, unknown time zones, bytes that are no text ...
            why = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise DataError(f"{path}: the column {name!r} can't be read ({why}); leave it out") from None
    for number in range(table.num_rows):
        yield f"{path}:{number + 1}", {name: _without_gaps(cells[number]) for name, cells in columns.items()}


def _as_whole(cells: list[Any]) -> list[Any]:
    """Return a column of whole floats as integers: programs make it of integers where a cell is empty.

    >>> _as_whole([42.0, None]), _as_whole([42.0, 0.5])
    ([42, None], [42.0, 0.5])
    """
    floats = [cell for cell in cells if isinstance(cell, float) and cell == cell]
    if not all(cell.is_integer() and abs(cell) < _EXACT for cell in floats):
        return cells
    return [int(cell) if isinstance(cell, float) and cell == cell else cell for cell in cells]


def parse_nested(value: Any) -> Any:
    """Parse the JSON in a cell of a table: None for a blank cell, other values unchanged."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else None
    except (ValueError, RecursionError):
        return value


def _without_gaps(cell: Any) -> Any:
    """Return an object of a column of objects without the keys that only other rows have."""
    return {key: value for key, value in cell.items() if value is not None} if isinstance(cell, dict) else cell
