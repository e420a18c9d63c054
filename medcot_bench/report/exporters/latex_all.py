"""The whole leaderboard as LaTeX: sections and booktabs tables, to be put into a document with \\input."""

from __future__ import annotations

import re

from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.report.blocks import Block, Heading, Items, Paragraph
from medcot_bench.report.document import document
from medcot_bench.report.format import one_line
from medcot_bench.results.leaderboard import Leaderboard

HEAD = "% Needs \\usepackage{booktabs,adjustbox}.\n\n"
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "±": r"\(\pm\)",
    "`": r"\textasciigrave{}",  # after ? and ! it would make another character
    "[": "{[}",  # after the end of a row it would be an argument
    "*": "{*}",  # there too
    **{character: f"\\{character}" for character in "&%$#_{}"},
}
_ACTED_ON = re.compile("[" + "".join(map(re.escape, _SPECIAL)) + "]")
_SECTIONS = {1: "section", 2: "subsection", 3: "subsubsection", 4: "paragraph"}


class LatexAll:
    """The exporter plugin."""

    suffix = ".all.tex"

    def export(self, leaderboard: Leaderboard) -> str:
        """Return the whole file."""
        return HEAD + "\n\n".join(map(_written, document(leaderboard))) + "\n"


def _written(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"\\{_SECTIONS[level]}*{{{escape(text)}}}"
        case Paragraph(text):
            return escape(text)
        case Items(texts):
            lines = [f"\\item {{}}{escape(text)}" for text in texts]
            return "\n".join([r"\begin{itemize}", *lines, r"\end{itemize}"])
    rows = [" & ".join(map(escape, row)) + r" \\" for row in (block.headers, *block.rows)]
    return "\n".join(
        [
            r"\begin{adjustbox}{max width=\linewidth}",
            rf"\begin{{tabular}}{{{'l' * len(block.headers)}}}",
            r"\toprule",
            rows[0],
            r"\midrule",
            *rows[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{adjustbox}",
        ]
    )


def escape(text: str) -> str:
    """Escape every character that LaTeX would act on, and keep two hyphens from being a dash."""
    text = _ACTED_ON.sub(lambda found: _SPECIAL[found[0]], one_line(text))
    return re.sub("-(?=-)", "-{}", text)


@hookimpl
def medcot_make_exporter(name: str) -> LatexAll:
    """Build the exporter."""
    return LatexAll()
