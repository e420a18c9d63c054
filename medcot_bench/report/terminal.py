"""Tables on a terminal: they fit its width."""

from __future__ import annotations

import re
import shutil
import textwrap
from io import StringIO

from medcot_bench.report.blocks import Table
from medcot_bench.report.format import one_line
from medcot_bench.report.names import BASE, EXTERNAL
from medcot_bench.report.score_tables import describe_tasks, overview_table, overview_tasks
from medcot_bench.results.leaderboard import Leaderboard

NARROW, WIDE = 60, 120
"""What is made of widths below and above, in characters."""
GAP = 2
"""Characters between two columns."""


def terminal_width() -> int:
    """Return how many characters a line may have."""
    return max(NARROW, min(WIDE, shutil.get_terminal_size().columns))


def draw_table(table: Table, width: int | None = None) -> str:
    """Return a table that fits a width, by default the terminal's: cells that are too wide go on below."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for title in table.headers:
        drawn.add_column(Text(one_line(title).replace(": ", "\n")), overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(one_line(cell)) for cell in row))
    console = Console(file=StringIO(), width=width or terminal_width(), color_system=None)
    with console.capture() as captured:
        console.print(drawn)
    # Hyphens, since not every encoding has the lines of boxes.
    return "\n".join(line.rstrip().replace("─", "-") for line in captured.get().splitlines()).strip("\n")


def wrap(text: str, width: int | None = None, *, break_words: bool = False) -> str:
    """Return a sentence in lines that fit a width, by default the terminal's.

    Longer words stay whole, so that paths can be copied, or are broken as those of foreign text have to be.
    """
    width = width or terminal_width()
    return textwrap.fill(one_line(text), width, break_on_hyphens=False, break_long_words=break_words)


def draw_overview(board: Leaderboard, width: int | None = None) -> str:
    """Return the overview and what there is to know of it, without standard errors where they do not fit."""
    width = width or terminal_width()
    errors = _natural_width(_without_training_task(overview_table(board))) <= width
    table = overview_table(board, errors=errors)
    short = _without_training_task(table)
    trained = f"Trained on {_only_training_task(table)}. " if short is not table else ""
    values = "Mean ± standard error." if errors else "Means; standard errors are in the leaderboard."
    others = [task for task in board.tasks if task not in overview_tasks(board)]
    more = f" Also scored: {', '.join(others)}." if others else ""
    return "\n".join([draw_table(short, width), wrap(f"{trained}{values} {describe_tasks(board)}{more}", width)])


def _only_training_task(table: Table) -> str | None:
    """Return what all trained rows of an overview were trained on, None where that differs."""
    trained = {row[1] for row in table.rows if row[1] not in (BASE, EXTERNAL)}
    return trained.pop() if len(trained) == 1 and all(row[1] != EXTERNAL for row in table.rows) else None


def _without_training_task(table: Table) -> Table:
    """Drop the column of the training task where it says the same of every trained row."""
    if _only_training_task(table) is None:
        return table
    headers, *rows = ([cells[0], *cells[2:]] for cells in (table.headers, *table.rows))
    return Table(headers, rows)


def _natural_width(table: Table) -> int:
    """Return the width of a table whose cells stay in one line, and its headers in two."""
    columns = zip(table.headers, *table.rows, strict=True)
    widths = (max(*map(len, re.split(": | ", title)), *map(len, cells), 0) for title, *cells in columns)
    return sum(widths) + GAP * (len(table.headers) - 1)
