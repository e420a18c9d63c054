"""Which column of a file holds which field: named by the user, or recognised by its name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Literal

from medcot_bench.data.chats import CALLS, CHATS, flatten, read_chat, read_history, refuse_calls
from medcot_bench.data.formats import parse_nested
from medcot_bench.data.unusable import find_suspects, refuse_unusable
from medcot_bench.errors import DataError
from medcot_bench.study.own_task import FIELDS
from medcot_bench.types import Turn

_ALPACA = ("instruction", "input", "output", "history")
_KNOWN = {*FIELDS, "id", "split", "system", *CHATS, *CALLS, *_ALPACA}
"""Names of columns that say what these hold, whatever their capitals."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a file are laid out."""

    kind: Literal["columns", "chat", "alpaca"]
    columns: Mapping[str, str]
    """Field -> column."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Of chats and Alpaca rows: part -> the column that the question, or the answer too, is made of."""
    unused: tuple[str, ...] = ()
    """The columns that nothing is read from."""
    suspects: tuple[str, ...] = ()
    """Those of them that may make a row unusable."""

    def row(self, where: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row in the simple form.

        Raises DataError for a chat or an instruction that can't be read, and for rows that can't be used.
        """
        if self.suspects:
            refuse_unusable(where, row, self.suspects)
        found = {name: row.get(column) for name, column in self.columns.items()}
        if self.kind == "columns":
            return found
        given = {part: (column, row.get(column)) for part, column in self.parts.items()}
        system = _text(where, *given.get("system", ("system", None)))
        turns: tuple[Turn, ...] = (("system", system),) if system.strip() else ()
        if self.kind == "chat":
            before, found["answer"] = read_chat(where, *given["chat"])
            turns += before if before[:1] != turns else before[1:]
            found["question"] = flatten(turns).strip()
        else:
            asked = [_text(where, *given[part]) for part in ("instruction", "input") if part in given]
            turns += read_history(where, *given.get("history", ("history", None)))
            text = "\n\n".join(part for part in asked if part.strip())
            turns += (("user", text),) if text else ()
            found["question"] = flatten(turns)
        refuse_calls(where, row, [column for part, column in self.parts.items() if part in CALLS])
        return found | {"turns": turns if len(turns) > 1 else ()}


def recognise(path: object, rows: Iterable[Mapping[str, Any]], named: Mapping[str, str]) -> Layout:
    """Return the layout of rows: by the columns `named` (field -> column), or by the columns that the rows have.

    Recognised, in capitals or not, are rows of the simple form, chats (`messages`, or ShareGPT's `conversations`),
    and Alpaca's `instruction`, `input`, `output`; beside the last two `system`, and beside the last `history`. A
    column `split` is kept in every layout. Raises DataError for a column that no row has, and for rows whose
    question and answer are neither named nor recognised.
    """
    columns: dict[str, None] = {}
    unsure: set[str] = set()
    chats: set[str] = set()
    for row in rows:
        if not row.keys() <= columns.keys():
            unsure |= {column for column in row.keys() - columns.keys() if column.casefold() in CHATS}
            columns.update(dict.fromkeys(row))
        if unsure and (found := {one for one in unsure if isinstance(parse_nested(row.get(one)), list)}):
            chats |= found
            unsure -= found
    there = list(columns)
    layout = _recognise(path, there, named, chats)
    read = {*layout.columns.values(), *layout.parts.values()}
    unused = tuple(column for column in there if column not in read)
    return replace(layout, unused=unused, suspects=find_suspects(unused))


def _recognise(path: object, there: list[str], named: Mapping[str, str], chats: Collection[str]) -> Layout:
    """Return the layout by the columns that are there; `chats` are those with a list in some row."""
    listed = _listed(there)
    for name, column in named.items():
        if column not in there:
            raise DataError(f"{path}: no column {column!r} ({name}); columns: {listed}")
    known = _find_known(there)
    free = {
        name: known[name] for name in ("split", "group", "id") if known.get(name) not in (None, *named.values())
    }
    kept = {"split": free["split"]} if "split" in free else {}
    extra = {name: column for name, column in named.items() if name not in ("question", "answer")} | kept
    if "question" in named and "answer" in named:
        return Layout("columns", {**named, **kept})
    if "question" in named or "answer" in named:
        missing = "answer" if "question" in named else "question"
        raise DataError(f"{path}: name the column of the {missing} with --{missing}; columns: {listed}")
    beside = {part: known[part] for part in ("system", *CALLS) if part in known}
    others = {"question", "answer"} <= known.keys() or {"instruction", "output"} <= known.keys()
    named_chats = [known[name] for name in CHATS if name in known]
    if chat := next(chain((c for c in named_chats if c in chats), () if others else named_chats), None):
        return Layout("chat", free | extra, {"chat": chat, **beside})
    if "instruction" in known and "output" in known:
        beside |= {part: known[part] for part in ("instruction", "input", "history") if part in known}
        return Layout("alpaca", {"answer": known["output"], **free, **extra}, beside)
    if "question" in known and "answer" in known:
        return Layout("columns", {name: known[name] for name in (*FIELDS, "id") if name in known} | extra)
    raise DataError(
        f"{path}: name the columns of question and answer with --question and --answer; columns: {listed}"
    )


def _find_known(columns: list[str]) -> dict[str, str]:
    """Return the columns whose names say what they hold, by these names in small letters.

    Of several that differ in capitals only the one in small letters counts, and without one none.
    """
    spelt: dict[str, list[str]] = {}
    for column in columns:
        spelt.setdefault(column.casefold(), []).append(column)
    return {
        name: name if name in there else there[0]
        for name, there in spelt.items()
        if name in _KNOWN and (name in there or len(there) == 1)
    }


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
