"""Tables, sentences and the answer on a terminal: they fit its width."""

from __future__ import annotations

import shutil
import textwrap
from io import StringIO

from medcot_bench.report.answer import write_answer
from medcot_bench.report.blocks import Table
from medcot_bench.report.format import one_line
from medcot_bench.results.leaderboard import Leaderboard

NARROW, WIDE = 60, 120
"""What is made of widths below and above, in characters."""


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


def draw_answer(board: Leaderboard, width: int | None = None) -> str:
    """Return the answer in lines that fit a width, by default the terminal's."""
    answer = write_answer(board)
    title = [wrap(answer.title, width)] if answer.title else []
    table = [draw_table(answer.table, width), ""] if answer.table else []
    return "\n".join([*title, *table, *(wrap(line, width) for line in answer.lines)])


def wrap(text: str, width: int | None = None, *, break_words: bool = False) -> str:
    """Return a sentence in lines that fit a width, by default the terminal's.

    What begins with spaces keeps them, and goes on two further in. Too long words stay whole, so that paths
    can be copied, or are broken, as those of foreign text have to be.
    """
    indent = " " * (len(text) - len(text.lstrip(" ")))
    return textwrap.fill(
        one_line(text),
        width or terminal_width(),
        initial_indent=indent,
        subsequent_indent=indent and f"{indent}  ",
        break_on_hyphens=False,
        break_long_words=break_words,
    )
