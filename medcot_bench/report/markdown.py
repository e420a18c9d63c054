"""The leaderboard as Markdown."""

from __future__ import annotations

import re

from tabulate import tabulate

from medcot_bench import hookimpl
from medcot_bench.analysis.leaderboard import Leaderboard
from medcot_bench.report.document import Block, Heading, Items, Paragraph, document


class Markdown:
    """The exporter plugin."""

    suffix = ".md"

    def export(self, leaderboard: Leaderboard) -> str:
        """Return the whole file."""
        return "\n\n".join(map(_written, document(leaderboard))) + "\n"


def _written(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_escape(text)}"
        case Paragraph(text):
            return _escape(text)
        case Items(texts):
            return "\n".join(f"- {_escape(text)}" for text in texts)
    rows = [[_escape(cell) for cell in row] for row in block.rows]
    return tabulate(rows, [_escape(title) for title in block.headers], tablefmt="pipe", disable_numparse=True)


def _escape(text: str) -> str:
    """Escape what Markdown or HTML would act on, and keep a cell on its line."""
    text = " ".join(text.split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\|`*\[\]])", r"\\\1", text)


@hookimpl
def medcot_make_exporter(name: str) -> Markdown:
    """Build the exporter."""
    return Markdown()
