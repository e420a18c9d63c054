"""The questions that fit any table. Wordings name `{row}`, what a row is about, and `{value}`, a cell of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from medcot_tasks.kubernetes.clusters.table import Asker, Row, Table, amount
from medcot_tasks.reading import Depth, Question, Values, ask


@dataclass(frozen=True, slots=True)
class Check:
    """What a cell is asked for. `name` follows the column's in the question's kind."""

    name: str
    holds: Callable[[str], bool]


def is_not(normal: str) -> Check:
    """Return the check for another cell than the normal one."""
    return Check(f"not {normal}", lambda cell: cell != normal)


BELOW = Check("below", lambda cell: _pair(cell)[0] < _pair(cell)[1])
"""The first number of a cell is less than the second, as in 2/5."""
ABOVE = Check("above", lambda cell: _pair(cell)[0] > _pair(cell)[1])
"""The first number of a cell is more than the second, as in 71%/50%."""


def cell(column: str, *wordings: str) -> Asker:
    """Ask for one cell of `{row}`."""

    def asker(table: Table, values: Values) -> Question:
        row = values.rng.choice(table.rows)
        return _ask("lookup", f"{column} of row", table.cell(row, column), wordings, row=table.name(row))

    return asker


def part(depth: Depth, column: str, place: int, *wordings: str) -> Asker:
    """Ask for one of several numbers in a cell of `{row}`, such as the second of 26%/44%."""

    def asker(table: Table, values: Values) -> Question | None:
        numbers = {table.name(row): re.findall(r"\d+%?", table.cell(row, column)) for row in table.rows}
        names = [name for name, found in numbers.items() if len(found) > place]
        if not names:
            return None
        name = values.rng.choice(names)
        return _ask(depth, f"number {place} in {column}", numbers[name][place], wordings, row=name)

    return asker


def only(column: str, *wordings: str) -> Asker:
    """Ask for the row by `{value}`, a cell that no other row has."""

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


def the_one(column: str, check: Check, *wordings: str) -> Asker:
    """Ask for the one row whose cell passes a check."""

    def asker(table: Table, values: Values) -> Question | None:
        names = [table.name(row) for row in table.rows if check.holds(table.cell(row, column))]
        return _ask("compare", f"one {column} {check.name}", names[0], wordings) if len(names) == 1 else None

    return asker


def count(column: str, check: Check, *wordings: str) -> Asker:
    """Ask how many rows have a cell that passes a check."""

    def asker(table: Table, values: Values) -> Question:
        passed = sum(check.holds(table.cell(row, column)) for row in table.rows)
        return _ask("steps", f"count {column} {check.name}", passed, wordings)

    return asker


def total(column: str, *wordings: str, unit: str = "") -> Asker:
    """Ask for the sum of a column over two rows, `{row}` and `{other}`."""

    def asker(table: Table, values: Values) -> Question:
        row, other = values.rng.sample(list(table.rows), 2)
        numbers = [int(re.sub(r"\D.*", "", table.cell(r, column))) for r in (row, other)]
        named = {"row": table.name(row), "other": table.name(other)}
        return _ask("steps", f"sum of {column}", f"{sum(numbers)}{unit}", wordings, **named)

    return asker


def missing(column: str, *wordings: str) -> Asker:
    """Ask how many are missing in a cell of `{row}` such as 2/5."""

    def asker(table: Table, values: Values) -> Question | None:
        rows = [row for row in table.rows if BELOW.holds(table.cell(row, column))]
        if not rows:
            return None
        row = values.rng.choice(rows)
        ready, wanted = _pair(table.cell(row, column))
        return _ask("steps", f"missing in {column}", wanted - ready, wordings, row=table.name(row))

    return asker


def before_last(column: str, *wordings: str) -> Asker:
    """Ask for the cell one row above the last row."""

    def asker(table: Table, values: Values) -> Question:
        return _ask("steps", f"{column} before the last", table.cell(table.rows[-2], column), wordings)

    return asker


def before(column: str, *wordings: str) -> Asker:
    """Ask for the cell one row above `{row}`."""

    def asker(table: Table, values: Values) -> Question:
        place = values.rng.randrange(1, len(table.rows))
        return _beside(table, column, "before", table.rows[place], table.rows[place - 1], wordings)

    return asker


def after(column: str, *wordings: str) -> Asker:
    """Ask for the cell one row below that with `{value}`."""

    def asker(table: Table, values: Values) -> Question:
        place = values.rng.randrange(len(table.rows) - 1)
        return _beside(table, column, "after", table.rows[place], table.rows[place + 1], wordings)

    return asker


def _beside(table: Table, column: str, where: str, row: Row, asked: Row, wordings: tuple[str, ...]) -> Question:
    named = {"row": table.name(row), "value": table.cell(row, column)}
    return _ask("steps", f"{column} {where} row", table.cell(asked, column), wordings, **named)


def _pair(cell: str) -> tuple[int, int]:
    first, second = map(int, re.findall(r"\d+", cell))
    return first, second


def _ask(depth: Depth, kind: str, answer: object, wordings: tuple[str, ...], **named: str) -> Question:
    first, second, unseen = (wording.format(**named) for wording in wordings)
    return ask(depth, kind, answer, first, second, unseen)
