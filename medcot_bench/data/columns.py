"""Which column of a file holds what: named by the user, or known by its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from medcot_bench.errors import DataError

FIELDS = ("question", "answer", "reasoning", "context", "group")
"""What a user names columns for."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a file are laid out."""

    kind: Literal["columns", "messages", "alpaca"]
    columns: Mapping[str, str]
    """Field -> column."""

    def row(self, where: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row in the simple form. Raises DataError for messages that hold no answer."""
        found = {field: row.get(column) for field, column in self.columns.items()}
        if self.kind == "messages":
            found["question"], found["answer"] = _turns(where, row.get("messages"))
        elif self.kind == "alpaca":
            found["question"] = "\n\n".join(str(row[part]) for part in ("instruction", "input") if row.get(part))
        return found


def recognise(path: object, rows: Iterable[Mapping[str, Any]], named: Mapping[str, str]) -> Layout:
    """Return the layout of rows: by the columns `named` (field -> column), or else by those that are there.

    Known are rows of the simple form, `messages` (role and content), and Alpaca's `instruction`, `input`,
    `output`. A column `split` is kept in every layout. Raises DataError for a column that no row has, and where
    nothing says which columns hold question and answer.
    """
    there = list(dict.fromkeys(column for row in rows for column in row))
    listed = ", ".join(there) or "none"
    for field, column in named.items():
        if column not in there:
            raise DataError(f"{path}: no column '{column}' ({field}); columns: {listed}")
    kept = {"split": "split"} if "split" in there and "split" not in named.values() else {}
    extra = {field: column for field, column in named.items() if field not in ("question", "answer")} | kept
    if "question" in named and "answer" in named:
        return Layout("columns", {**named, **kept})
    if "question" in named or "answer" in named:
        missing = "answer" if "question" in named else "question"
        raise DataError(f"{path}: say which column holds the {missing} with --{missing}; columns: {listed}")
    if "messages" in there:
        return Layout("messages", extra)
    if "instruction" in there and "output" in there:
        return Layout("alpaca", {"answer": "output", **extra})
    if "question" in there and "answer" in there:
        return Layout("columns", {field: field for field in (*FIELDS, "id") if field in there} | extra)
    raise DataError(
        f"{path}: say which columns hold question and answer with --question and --answer; columns: {listed}"
    )


def _turns(where: str, messages: Any) -> tuple[str, str]:
    """Return what stands before the last answer of a conversation, and that answer.

    One turn (and a system text before it) is the question as it stands; a longer conversation has a line a turn.
    """
    if not isinstance(messages, list) or not all(
        isinstance(turn, dict) and isinstance(turn.get("role"), str) and isinstance(turn.get("content"), str)
        for turn in messages
    ):
        raise DataError(f"{where}: 'messages' must be a list of objects with role and content, both texts")
    if not messages or messages[-1]["role"] != "assistant":
        raise DataError(f"{where}: the last of 'messages' must be the assistant's: it is the answer")
    *before, answer = messages
    system = [turn["content"] for turn in before if turn["role"] == "system"]
    others = [turn for turn in before if turn["role"] != "system"]
    lines = [turn["content"] if len(others) == 1 else f"{turn['role']}: {turn['content']}" for turn in others]
    return "\n\n".join([*system, "\n".join(lines)]).strip(), answer["content"]
