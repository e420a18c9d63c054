"""The leaderboard as Markdown."""

from __future__ import annotations

import re

from tabulate import tabulate

from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.report.blocks import Block, Heading, Items, Paragraph
from medcot_bench.report.document import document
from medcot_bench.report.format import one_line
from medcot_bench.results.leaderboard import Leaderboard

_ACTED_ON = re.compile(r"[\\|`*\[\]#~$]|(?<![^\W_])_|_(?![^\W_])")
"""Between letters or digits a low line does nothing. GitHub and notebooks read mathematics between dollars."""


class Markdown:
    """The exporter plugin."""

    suffix = ".md"

    def export(self, leaderboard: Leaderboard) -> str:
        """Return the whole file."""
        return "\n\n".join(map(written, document(leaderboard))) + "\n"


def written(block: Block) -> str:
    """Return a block as Markdown, its strings escaped."""
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_escape(text)}"
        case Paragraph(text):
            return _escape_start(_escape(text))
        case Items(texts):
            return "\n".join(f"- {_escape_start(_escape(text))}" for text in texts)
    rows = [[_escape(cell) for cell in row] for row in block.rows]
    return tabulate(rows, [_escape(title) for title in block.headers], tablefmt="pipe", disable_numparse=True)


def _escape(text: str) -> str:
    """Escape what Markdown or HTML would act on, and keep a cell on its line."""
    text = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _ACTED_ON.sub(r"\\\g<0>", text)


def _escape_start(text: str) -> str:
    """Escape the sign that would make a list or a rule of an escaped text at the start of a block."""
    return re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", text)


@hookimpl
def medcot_make_exporter(name: str) -> Markdown:
    """Build the exporter."""
    return Markdown()
