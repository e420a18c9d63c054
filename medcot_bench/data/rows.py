"""The `file:` form: one JSON object a line, read with the file and line in every error."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from medcot_bench.data.text import normalise
from medcot_bench.errors import DataError
from medcot_bench.types import SPLITS, Example, Split

_TEXT_FIELDS = ("id", "group", "question", "context", "reasoning", "answer", "answer_letter")


def read_rows(path: Path, required: tuple[str, ...]) -> list[tuple[Example, Split | None]]:
    """Read every row of a JSONL file with the split it names (None where it names none).

    A row without `id` or `group` gets one made of its question. Unknown fields are ignored.
    Raises DataError for a missing file, a line that is no JSON object, a missing or ill-typed field, an unknown
    split, or an id that comes twice.
    """
    rows: list[tuple[Example, Split | None]] = []
    lines: dict[str, int] = {}
    for number, row in _objects(path):
        where = f"{path}:{number}"
        example = _example(where, row, required)
        split = row.get("split") or None
        if split is not None and split not in SPLITS:
            raise DataError(f"{where}: split '{split}' is none of {', '.join(SPLITS)}")
        if example.id in lines:
            raise DataError(f"{where}: id '{example.id}' was used in line {lines[example.id]}")
        lines[example.id] = number
        rows.append((example, split))
    if not rows:
        raise DataError(f"{path}: holds no row")
    return rows


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise DataError(f"{path}: {getattr(error, 'strerror', error)}") from None
    # Only "\n" ends a row: str.splitlines would also cut inside strings that hold U+2028.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}:{number}: not JSON: {error}") from None
        if not isinstance(row, dict):
            raise DataError(f"{path}:{number}: a row is a JSON object, this is a {type(row).__name__}")
        yield number, row


def _example(where: str, row: Mapping[str, Any], required: tuple[str, ...]) -> Example:
    fields: dict[str, Any] = {}
    for name in _TEXT_FIELDS:
        value = row.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise DataError(f"{where}: field '{name}' must be text, it is a {type(value).__name__}")
        fields[name] = _utf8(where, name, str(value))
    options = row.get("options")
    if options:
        if not isinstance(options, dict) or not all(isinstance(t, str | int | float) for t in options.values()):
            raise DataError(f"{where}: field 'options' must map letters to texts")
        fields["options"] = {letter: _utf8(where, "options", str(text)) for letter, text in options.items()}
    meta = row.get("meta")
    if meta:
        if not isinstance(meta, dict):
            raise DataError(f"{where}: field 'meta' must be a JSON object")
        _utf8(where, "meta", json.dumps(meta, ensure_ascii=False))
        fields["meta"] = meta
    for name in ("question", "answer", *required):
        if name not in fields:
            raise DataError(f"{where}: the row lacks the field '{name}'")
    if options and "answer_letter" in fields and fields["answer_letter"] not in options:
        raise DataError(f"{where}: answer_letter '{fields['answer_letter']}' is none of the options")
    made = hashlib.sha256(normalise(fields["question"]).encode()).hexdigest()[:12]
    return Example(**{"id": f"{made}-{where.rpartition(':')[2]}", "group": made, **fields})


def _utf8(where: str, name: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DataError(f"{where}: field '{name}' holds half a surrogate pair, which is no character") from None
    return text
