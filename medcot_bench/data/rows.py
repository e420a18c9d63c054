"""Rows of a file as examples, with the file and line in every error."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from medcot_bench.data.columns import Layout, recognise
from medcot_bench.data.formats import parse_nested, read_objects
from medcot_bench.errors import DataError
from medcot_bench.text import identify
from medcot_bench.types import SPLITS, Example, Split

_TEXT_FIELDS = ("id", "group", "question", "context", "reasoning", "answer", "answer_letter")


Row = tuple[Example, Split | None]
"""An example with the split that its row names."""


def read_rows(path: Path, required: tuple[str, ...]) -> list[Row]:
    """Read every row of a file in the simple form.

    A row without `id` or `group` gets one made from its question and context. Unknown fields are ignored. Raises
    DataError for a malformed file, a missing or ill-typed field, an unknown split, or a repeated id.
    """
    return read_found(read_objects(path), path, required)


def read_own(path: Path, columns: Mapping[str, str]) -> tuple[list[Row], Layout]:
    """Read rows whose columns are named or recognised by their names (`recognise`); return them with their layout.

    Raises DataError, as `read_rows` does.
    """
    rows = list(read_objects(path))
    layout = _layout(path, rows, columns)
    rows.reverse()
    given = (rows.pop() for _ in range(len(rows)))  # each is let go once it is an example
    return read_found(((where, layout.row(where, row)) for where, row in given), path, (), columns), layout


def read_layout(path: Path, columns: Mapping[str, str]) -> Layout:
    """Return how the rows of a file are laid out, and keep none of them. Raises DataError as `recognise` does."""
    return _layout(path, read_objects(path), columns)


def _layout(path: Path, rows: Iterable[tuple[str, Mapping[str, Any]]], columns: Mapping[str, str]) -> Layout:
    given = iter(rows)
    first = next(given, None)
    if first is None:
        raise DataError(f"{path}: no rows")
    return recognise(path, (row for _, row in chain([first], given)), columns)


def read_found(
    found: Iterable[tuple[str, Mapping[str, Any]]],
    path: object,
    required: tuple[str, ...],
    columns: Mapping[str, str] | None = None,
) -> list[Row]:
    """Return rows of the simple form, given as (place, row), as examples.

    `columns` names the columns of fields in errors. Raises DataError, as `read_rows` does.
    """
    rows: list[Row] = []
    lines: dict[str, str] = {}
    for where, row in found:
        example = _example(where, row, required, columns or {})
        split = row.get("split") or None
        if split is not None and split not in SPLITS:
            raise DataError(f"{where}: no split '{split}'; splits: {', '.join(SPLITS)}")
        line = where.rpartition(":")[2]
        if example.id in lines:
            raise DataError(f"{where}: id '{example.id}' is already used in line {lines[example.id]}")
        lines[example.id] = line
        rows.append((example, split))
    if not rows:
        raise DataError(f"{path}: no rows")
    return rows


def make_group(question: str, context: str | None = None) -> str:
    """Return the group of a row without one: one question about two contexts is two questions."""
    known = identify(question)
    if context:  # often long, and given word for word
        known += f"\0{' '.join(context.casefold().split())}"
    return hashlib.sha256(known.encode()).hexdigest()[:12]


def _example(where: str, row: Mapping[str, Any], required: tuple[str, ...], columns: Mapping[str, str]) -> Example:
    fields: dict[str, Any] = {}
    for name in _TEXT_FIELDS:
        value = row.get(name)
        # Tables write "nothing" as an empty cell or, in a column of numbers, as NaN.
        if value is None or (isinstance(value, str) and not value.strip()) or value != value:
            continue
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise DataError(f"{where}: field '{name}' must be text, not a {type(value).__name__}")
        fields[name] = _utf8(where, name, str(value))
    options = parse_nested(row.get("options"))
    if options:
        if not isinstance(options, dict) or not all(isinstance(t, str | int | float) for t in options.values()):
            raise DataError(f"{where}: field 'options' must map letters to strings")
        fields["options"] = {letter: _utf8(where, "options", str(text)) for letter, text in options.items()}
    meta = parse_nested(row.get("meta"))
    if meta:
        if not isinstance(meta, dict):
            raise DataError(f"{where}: field 'meta' must be a JSON object")
        _utf8(where, "meta", json.dumps(meta, ensure_ascii=False))
        fields["meta"] = meta
    for name in ("question", "answer", *required):
        if name not in fields:
            column = f" (column '{columns[name]}')" if columns.get(name, name) != name else ""
            raise DataError(
                f"{where}: field '{name}' is missing or empty{column}; fill it in, or take the row out"
            )
    if options and "answer_letter" in fields and fields["answer_letter"] not in options:
        raise DataError(f"{where}: answer_letter '{fields['answer_letter']}' is not one of the options")
    if isinstance(turns := row.get("turns"), tuple):  # of a chat; what files hold is never a tuple
        fields["turns"] = turns
    made = make_group(fields["question"], fields.get("context"))
    return Example(**{"id": f"{made}-{where.rpartition(':')[2]}", "group": made, **fields})


def _utf8(where: str, name: str, text: str) -> str:
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DataError(f"{where}: field '{name}' has half a surrogate pair, which is not a character") from None
    return text
