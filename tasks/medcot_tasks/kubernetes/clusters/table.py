"""A status table as kubectl prints it, and the questions that fit any table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from medcot_tasks.reading import Depth, Document, Question, Values, ask

GAP = 3
"""Spaces between columns, as kubectl prints them."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "Mi": 1, "Gi": 1024}
Row = tuple[str, ...]
Wordings = tuple[str, str, str]


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


@dataclass(frozen=True, slots=True)
class TableKind:
    """How one command's table is made and asked about. `row` is told whether the row is an odd one."""

    command: str
    header: Row
    key: str
    row: Callable[[Values, bool], Row]
    askers: tuple[Asker, ...]
    by: str = ""
    """The column by which kubectl sorts the rows."""


def amount(cell: str) -> int:
    """Return what a cell counts, to compare it within its column.

    >>> amount("3h") > amount("45m"), amount("2Gi"), amount("17%")
    (True, 2048, 17)
    """
    found = re.match(r"(\d+)([a-zA-Z]*)", cell)
    assert found, f"no number in '{cell}'"
    return int(found[1]) * _UNITS.get(found[2], 1)


def table_document(kind: TableKind, values: Values) -> Document:
    """Return a table of four or five rows, at the hard level of ten to twelve, one to three of them odd."""
    count = values.rng.randint(10, 12) if values.hard else values.rng.randint(4, 5)
    odd = values.rng.sample(range(count), values.rng.choice((1, 1, 2, 3)))
    rows = [kind.row(values, number in odd) for number in range(count)]
    column = kind.header.index(kind.by or kind.key)
    rows.sort(key=lambda row: (amount(row[column]) if kind.by else 0, row[column]))
    table = Table(kind.header, rows, kind.key)
    questions = (asker(table, values) for asker in kind.askers)
    return Document(f"$ {kind.command}\n{table.text()}", tuple(question for question in questions if question))


def cell(column: str, *wordings: str) -> Asker:
    """Ask for one cell; the wordings name `{row}`."""

    def asker(table: Table, values: Values) -> Question:
        row = values.rng.choice(table.rows)
        return _ask("lookup", f"{column} of row", table.cell(row, column), wordings, row=table.name(row))

    return asker


def only(column: str, *wordings: str) -> Asker:
    """Ask for the row by a cell that no other row has; the wordings name `{value}`."""

    def asker(table: Table, values: Values) -> Question | None:
        column_cells = [table.cell(row, column) for row in table.rows]
        single = [row for row in table.rows if column_cells.count(table.cell(row, column)) == 1]
        if not single:
            return None
        row = values.rng.choice(single)
        return _ask("compare", f"row by {column}", table.name(row), wordings, value=table.cell(row, column))

    return asker


def most(column: str, *wordings: str, least: bool = False) -> Asker:
    """Ask for the row with the largest (or least) amount in a column."""

    def asker(table: Table, values: Values) -> Question | None:
        ranked = sorted(table.rows, key=lambda row: amount(table.cell(row, column)), reverse=not least)
        if amount(table.cell(ranked[0], column)) == amount(table.cell(ranked[1], column)):
            return None
        return _ask("compare", f"{'least' if least else 'most'} {column}", table.name(ranked[0]), wordings)

    return asker


def odd_one(column: str, normal: str, *wordings: str) -> Asker:
    """Ask for the one row whose cell isn't the normal one."""

    def asker(table: Table, values: Values) -> Question | None:
        odd = [table.name(row) for row in table.rows if table.cell(row, column) != normal]
        return _ask("compare", f"not {normal}", odd[0], wordings) if len(odd) == 1 else None

    return asker


def count_odd(column: str, normal: str, *wordings: str) -> Asker:
    """Ask how many rows have another cell than the normal one."""

    def asker(table: Table, values: Values) -> Question:
        odd = sum(table.cell(row, column) != normal for row in table.rows)
        return _ask("steps", f"count not {normal}", odd, wordings)

    return asker


def total(column: str, *wordings: str, unit: str = "") -> Asker:
    """Ask for the sum of a column over two rows; the wordings name `{row}` and `{other}`."""

    def asker(table: Table, values: Values) -> Question:
        row, other = values.rng.sample(list(table.rows), 2)
        numbers = [int(re.sub(r"\D.*", "", table.cell(r, column))) for r in (row, other)]
        named = {"row": table.name(row), "other": table.name(other)}
        return _ask("steps", f"sum of {column}", f"{sum(numbers)}{unit}", wordings, **named)

    return asker


def missing(column: str, *wordings: str) -> Asker:
    """Ask how many are missing of a cell such as 2/5; the wordings name `{row}`."""

    def asker(table: Table, values: Values) -> Question | None:
        rows = [row for row in table.rows if len(set(table.cell(row, column).split("/"))) == 2]
        if not rows:
            return None
        row = values.rng.choice(rows)
        ready, wanted = map(int, table.cell(row, column).split("/"))
        return _ask("steps", f"missing in {column}", wanted - ready, wordings, row=table.name(row))

    return asker


def incomplete(column: str, *wordings: str) -> Asker:
    """Ask for the one row with a cell such as 2/5."""

    def asker(table: Table, values: Values) -> Question | None:
        names = [table.name(row) for row in table.rows if len(set(table.cell(row, column).split("/"))) == 2]
        return _ask("compare", f"incomplete {column}", names[0], wordings) if len(names) == 1 else None

    return asker


def before(column: str, *wordings: str, last: bool = False) -> Asker:
    """Ask for the cell one row above `{row}`, or above the last row."""

    def asker(table: Table, values: Values) -> Question:
        place = len(table.rows) - 1 if last else values.rng.randint(1, len(table.rows) - 1)
        kind = f"{column} before {'the last' if last else 'row'}"
        return _ask(
            "steps", kind, table.cell(table.rows[place - 1], column), wordings, row=table.name(table.rows[place])
        )

    return asker


def _ask(depth: Depth, kind: str, answer: object, wordings: tuple[str, ...], **named: str) -> Question:
    first, second, unseen = (wording.format(**named) for wording in wordings)
    return ask(depth, kind, answer, first, second, unseen)
