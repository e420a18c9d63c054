"""Which column of a file holds which field: named by the user, or recognised by its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from medcot_bench.data.formats import parse_nested
from medcot_bench.data.unusable import find_suspects, refuse_unusable
from medcot_bench.errors import DataError
from medcot_bench.study.own_task import FIELDS

_READ = {"columns": (), "messages": ("messages",), "alpaca": ("instruction", "input")}
"""Kind of layout -> the columns that are read beside those of `Layout.columns`."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a file are laid out."""

    kind: Literal["columns", "messages", "alpaca"]
    columns: Mapping[str, str]
    """Field -> column."""
    unused: tuple[str, ...] = ()
    """The columns that nothing is read from."""
    suspects: tuple[str, ...] = ()
    """Those of them that may make a row unusable."""

    def row(self, where: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row in the simple form. Raises DataError for messages without an answer, and unusable rows."""
        if self.suspects:
            refuse_unusable(where, row, self.suspects)
        found = {field: row.get(column) for field, column in self.columns.items()}
        if self.kind == "messages":
            found["question"], found["answer"] = _turns(where, parse_nested(row.get("messages")))
        elif self.kind == "alpaca":
            parts = [_text(where, part, row.get(part)) for part in ("instruction", "input")]
            found["question"] = "\n\n".join(part for part in parts if part.strip())
        return found


def recognise(path: object, rows: Iterable[Mapping[str, Any]], named: Mapping[str, str]) -> Layout:
    """Return the layout of rows: by the columns `named` (field -> column), or by the columns that the rows have.

    Recognised are rows of the simple form, `messages` (role and content), and Alpaca's `instruction`, `input`,
    `output`. A column `split` is kept in every layout. Raises DataError for a column that no row has, and for
    rows whose question and answer are neither named nor recognised.
    """
    there = list(dict.fromkeys(column for row in rows for column in row))
    layout = _recognise(path, there, named)
    read = {*layout.columns.values(), *_READ[layout.kind]}
    unused = tuple(column for column in there if column not in read)
    return replace(layout, unused=unused, suspects=find_suspects(unused))


def _recognise(path: object, there: list[str], named: Mapping[str, str]) -> Layout:
    listed = _listed(there)
    for field, column in named.items():
        if column not in there:
            raise DataError(f"{path}: no column {column!r} ({field}); columns: {listed}")
    kept = {"split": "split"} if "split" in there and "split" not in named.values() else {}
    extra = {field: column for field, column in named.items() if field not in ("question", "answer")} | kept
    if "question" in named and "answer" in named:
        return Layout("columns", {**named, **kept})
    if "question" in named or "answer" in named:
        missing = "answer" if "question" in named else "question"
        raise DataError(f"{path}: name the column of the {missing} with --{missing}; columns: {listed}")
    if "messages" in there:
        return Layout("messages", extra)
    if "instruction" in there and "output" in there:
        return Layout("alpaca", {"answer": "output", **extra})
    if "question" in there and "answer" in there:
        return Layout("columns", {field: field for field in (*FIELDS, "id") if field in there} | extra)
    raise DataError(
        f"{path}: name the columns of question and answer with --question and --answer; columns: {listed}"
    )


def _listed(columns: list[str]) -> str:
    """Name the first dozen columns, on one line whatever their names."""
    shown = [name if name.isprintable() else repr(name) for name in columns[:12]]
    return ", ".join([*shown, *(["..."] if len(columns) > len(shown) else [])]) or "none"


def _text(where: str, column: str, value: Any) -> str:
    if value is None or value != value:  # NaN: nothing, in a column of numbers
        return ""
    if not isinstance(value, str | int | float):
        raise DataError(f"{where}: '{column}' must be text, not a {type(value).__name__}")
    return str(value)


def _turns(where: str, messages: Any) -> tuple[str, str]:
    """Return what comes before the last answer of a conversation, and that answer.

    A single turn, with the system message before it, is the question; a longer conversation has one line per turn.
    """
    if not isinstance(messages, list) or not all(
        isinstance(turn, dict) and isinstance(turn.get("role"), str) and isinstance(turn.get("content"), str)
        for turn in messages
    ):
        raise DataError(f"{where}: 'messages' must be a list of objects with the strings role and content")
    if not messages or messages[-1]["role"] != "assistant":
        raise DataError(f"{where}: the last of 'messages' must have the role assistant: it is the answer")
    *before, answer = messages
    system = [turn["content"] for turn in before if turn["role"] == "system"]
    others = [turn for turn in before if turn["role"] != "system"]
    lines = [turn["content"] if len(others) == 1 else f"{turn['role']}: {turn['content']}" for turn in others]
    return "\n\n".join([*system, "\n".join(lines)]).strip(), answer["content"]
