"""The leaderboard as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.report.blocks import Block, Heading, Items, Paragraph
from medcot_bench.report.document import document
from medcot_bench.report.format import one_line
from medcot_bench.results.leaderboard import Leaderboard

HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Leaderboard: {title}</title>
<style>
:root {{ color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem; }}
h2 {{ margin-top: 2.5rem; }}
p, li {{ max-width: 50rem; }}
div {{ overflow-x: auto; }}
div + div {{ margin-top: 1.5rem; }}
table {{ border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; vertical-align: top; padding: 0.3rem 0.8rem 0.3rem 0; }}
th, td {{ border-bottom: 1px solid var(--line); }}
th {{ border-bottom-width: 2px; }}
th:first-child, td:first-child {{ position: sticky; left: 0; background: Canvas; }}
</style>
</head>
<body>
"""


class Html:
    """The exporter plugin."""

    suffix = ".html"

    def export(self, leaderboard: Leaderboard) -> str:
        """Return the whole page."""
        head = HEAD.format(title=_text(leaderboard.base["name"]))
        return f"{head}{write_blocks(document(leaderboard))}\n</body>\n</html>\n"


def write_blocks(blocks: Iterable[Block]) -> str:
    """Return parts of a document as HTML without a page around them."""
    return "\n".join(line for block in blocks for line in _written(block))


def _written(block: Block) -> Iterator[str]:
    match block:
        case Heading(text, level):
            yield f"<h{level}>{_text(text)}</h{level}>"
        case Paragraph(text):
            yield f"<p>{_text(text)}</p>"
        case Items(texts):
            yield from ("<ul>", *(f"<li>{_text(text)}</li>" for text in texts), "</ul>")
        case _:
            yield "<div><table>"
            yield f"<thead><tr>{''.join(f'<th>{_text(title)}</th>' for title in block.headers)}</tr></thead>"
            yield "<tbody>"
            for row in block.rows:
                yield f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>"
            yield "</tbody></table></div>"


def _text(text: str) -> str:
    return escape(one_line(text))


@hookimpl
def medcot_make_exporter(name: str) -> Html:
    """Build the exporter."""
    return Html()
