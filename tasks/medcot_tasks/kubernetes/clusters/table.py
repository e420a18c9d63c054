"""A status table in the style of kubectl: its columns, its rows, and the document that it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from medcot_tasks.reading import Document, Question, Values

GAP = 3
"""Spaces between columns, in the style of kubectl."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "Mi": 1, "Gi": 1024}
_AGES = {"m": (10, 59), "h": (3, 23), "d": (2, 29)}
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; the column `key` names each row."""

    header: Row
    rows: Sequence[Row]
    key: str

    def cell(self, row: Row, column: str) -> str:
        """Return one cell."""
        return row[self.header.index(column)]

    def name(self, row: Row) -> str:
        """Return what the row is about."""
        return self.cell(row, self.key)

    def text(self) -> str:
        """Return the table in aligned columns."""
        lines = [self.header, *self.rows]
        widths = [max(map(len, column)) + GAP for column in zip(*lines, strict=True)]
        return "\n".join(
            "".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )


Asker = Callable[[Table, Values], Question | None]
Rows = Callable[[Values, Sequence[bool]], list[Row]]


@dataclass(frozen=True, slots=True)
class TableKind:
    """How one command's table is made and asked about. `rows` is told for each row whether it is an odd one."""

    command: str
    header: Row
    key: str
    rows: Rows
    askers: tuple[Asker, ...]
    ordered: bool = False
    """Whether `rows` gives the rows in their order; else they are sorted by name."""


def each(row: Callable[[Values, bool], Row]) -> Rows:
    """Return the maker of a table whose rows don't depend on each other."""
    return lambda values, odd: [row(values, is_odd) for is_odd in odd]


def table_document(kind: TableKind, values: Values) -> Document:
    """Return a table of four or five rows, at the hard level of ten to twelve, one to three of them odd."""
    count = values.rng.randint(10, 12) if values.hard else values.rng.randint(4, 5)
    odd = values.rng.sample(range(count), values.rng.choice((1, 1, 2, 3)))
    rows = kind.rows(values, [number in odd for number in range(count)])
    if not kind.ordered:
        rows.sort(key=lambda row: row[kind.header.index(kind.key)])
    table = Table(kind.header, rows, kind.key)
    questions = (asker(table, values) for asker in kind.askers)
    return Document(f"$ {kind.command}\n{table.text()}", tuple(question for question in questions if question))


def age(values: Values) -> str:
    """Return an age in days, at the hard level in minutes, hours or days."""
    # Mixed units are the trap of the hard level: 50m is younger than 3h. In both ranges each unit keeps to what
    # kubectl prints in it, so that no age is written in two ways.
    unit = values.rng.choice([*_AGES]) if values.hard else "d"
    return f"{values.number(*_AGES[unit])}{unit}"


def amount(cell: str) -> int:
    """Return what a cell counts, to compare it within its column.

    >>> amount("3h") > amount("45m"), amount("2Gi"), amount("17%")
    (True, 2048, 17)
    """
    found = re.match(r"(\d+)([a-zA-Z]*)", cell)
    assert found, f"no number in '{cell}'"
    return int(found[1]) * _UNITS.get(found[2], 1)
