"""Whatever stands in the names, notes and errors of a study, a reader's program shows it and does nothing else.

Each format is read by a parser of its own, which gives every text back and finds no other structure.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from huggingface_hub import ModelCard
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pydantic import TypeAdapter

from medcot_bench.plugins.manager import installed
from medcot_bench.report.blocks import Block, Heading, Items, Paragraph
from medcot_bench.report.document import document
from medcot_bench.report.exporters.csv import FORMULA
from medcot_bench.report.format import one_line
from medcot_bench.report.notes import write_notes
from medcot_bench.results.leaderboard import Leaderboard

GOLDEN = TypeAdapter(Leaderboard).validate_json(
    (Path(__file__).parent / "golden" / "leaderboard.json").read_bytes()
)
NAMES = re.compile(
    r"\b(?:k8s_qa|manuals_qa|manuals|kubernetes|full|lora|tiny|folder|gold_nll|loss|prompts|made)\b"
)
PIECES = [
    *(
        "|",
        "||",
        "\\",
        "\\|",
        "`",
        "```",
        "*",
        "**",
        "_",
        "__x__",
        "~~",
        "~",
        "$x$",
        "$$",
        "#",
        "## t",
        "[x](u)",
        "![i](u)",
    ),
    *("[x]: u", "<script>alert(1)</script>", "</td></tr></table>", "</title>", "<!--", "&lt;", "&", "<a@b.c>"),
    *("\\input{/etc/passwd}", "\\\\", "\\end{tabular}", "\\(", "^^5c", "{", "}", "%", "--", "---", "?`", "[", "]"),
    *("=", "+", "-", "@", "=cmd()|'/C calc'!A0", "＝1", "－1", "'", '"', ",", ";"),
    *(": ", "- ", "1. ", "2) ", "> ", "? ", "!!python/name:os.system", "&a", "*a", "...", "{a: b}", "null", "0x1"),
    *(
        "\n",
        "\r\n",
        "\r",
        "\n\n# t\n",
        "\n---\n",
        "\t",
        " ",
        "  \n",
        "\u2028",
        "\u2029",
        "\x85",
        "\x0b",
        "\x0c",
        "\xa0",
    ),
    *(
        "\x00",
        "\x07",
        "\x1b[31m",
        "\x7f",
        "\x9b",
        "\u202e",
        "\u2066",
        "\ufeff",
        "\u200b",
        "\ufffe",
        "\ud800",
        "\udfff",
    ),
    *("é", "漢字", "🙂", "x", "1"),
]
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), min_size=1, max_size=5).map("".join).filter(bool)
FIRST = "=1 |`<script>\\input{x}%_$\n\n---\n# t\x00\u2028: "


def leaderboard(text: str) -> Leaderboard:
    """Return the golden leaderboard with `text` before and after every name, and within every sentence."""

    def changed(value: Any) -> Any:
        if type(value) is str:
            return NAMES.sub(lambda name: f"{text}{name[0]}{text}", value)
        if isinstance(value, tuple):
            return tuple(map(changed, value))
        if isinstance(value, dict):
            return {changed(key): changed(part) for key, part in value.items()}
        if is_dataclass(value):
            return replace(
                value, **{field.name: changed(getattr(value, field.name)) for field in fields(value) if field.init}
            )
        return value

    return cast("Leaderboard", changed(GOLDEN))


def exported(board: Leaderboard, name: str) -> str:
    text = installed().make_exporter(name).export(board)
    return text.encode(errors="backslashreplace").decode()


def texts(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Heading | Paragraph):
            yield block.text
        elif isinstance(block, Items):
            yield from block.texts
        else:
            yield from (cell for row in (block.headers, *block.rows) for cell in row)


def shown(board: Leaderboard) -> list[str]:
    return [one_line(text) for text in texts(document(board))]


@given(HOSTILE)
def test_one_line_is_one_line_of_what_can_be_seen(text: str) -> None:
    line = one_line(text)
    assert line == one_line(line)
    assert len(line.splitlines()) <= 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", line)
    line.encode()
    assert [c for c in text if c.isalnum()] == [c for c in line if c.isalnum()]


# --- Markdown ---


def read_markdown(text: str) -> tuple[list[str], list[str]]:
    """Return the structure and the texts of a page."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    found = []
    for token in tokens:
        if token.type == "inline":
            assert {child.type for child in token.children or ()} <= {"text", "text_special"}
            found.append("".join(child.content for child in token.children or ()))
    return [token.type + token.tag for token in tokens], found


PLAIN = leaderboard("x")
PLAIN_PAGE, _ = read_markdown(exported(PLAIN, "md"))
PLAIN_CARD, _ = read_markdown(ModelCard(exported(PLAIN, "model-card")).text)


@settings(max_examples=30)
@given(HOSTILE)
@example(FIRST)
@example("1. ")
@example("- ")
@example("x\\")
def test_markdown_shows_every_text_as_it_is(text: str) -> None:
    board = leaderboard(text)
    structure, found = read_markdown(exported(board, "md"))
    assert structure == PLAIN_PAGE
    assert found == shown(board)


@settings(max_examples=20)
@given(HOSTILE)
@example(FIRST)
@example("\n---\n")
@example("\\---")
def test_a_model_card_has_the_same_parts_whatever_stands_in_it(text: str) -> None:
    written = exported(leaderboard(text), "model-card")
    card = ModelCard(written)
    assert read_markdown(card.text)[0] == PLAIN_CARD
    full, lora = yaml.safe_load(re.split("^---\n", written, flags=re.MULTILINE)[1])["model-index"]
    source = one_line(f"{text}k8s_qa{text}[file:{text}k8s_qa{text}.jsonl]")
    trained = one_line(f"{text}full{text} trained on {source}")
    assert full["name"] == f"{one_line(f'{text}tiny{text}')}, {trained}"
    assert full["results"][0]["dataset"]["name"] == source
    assert {entry["dataset"]["type"].split("/")[0] for entry in full["results"]} == {"medcot-bench"}
    assert len(full["results"]) == len(lora["results"]) == 2


# --- CSV and JSON ---


@settings(max_examples=30)
@given(HOSTILE)
@example(FIRST)
@example("\x00=")
@example("\ufeff=")
def test_no_cell_of_csv_is_a_formula(text: str) -> None:
    board = leaderboard(text)
    lines = list(csv.reader(io.StringIO(exported(board, "summary"), newline="")))
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == len(exported(board, "summary").splitlines())
    name = one_line(f"{text}tiny{text}")
    assert lines[1][0] == (f"'{name}" if name.startswith(FORMULA) else name)
    for cell in (cell for line in lines for cell in line):
        assert one_line(cell) == cell
        if cell.startswith(FORMULA):
            float(cell)


@settings(max_examples=20)
@given(HOSTILE)
@example("\ud800\x00\u2028")
def test_json_keeps_every_text(text: str) -> None:
    board = leaderboard(text)
    found = json.loads(exported(board, "json"))
    assert found["base"] == board.base
    assert found["tasks"] == board.tasks
    assert found["notes"] == write_notes(board)


# --- HTML ---


class Page(HTMLParser):
    """The tags of a page, and the text of every element that has one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        if re.fullmatch("h[1-6]|p|li|th|td", tag):
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data.strip("\n")

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


PLAIN_TAGS = Page(exported(PLAIN, "html")).tags


@settings(max_examples=30)
@given(HOSTILE)
@example(FIRST)
@example("</title>")
def test_no_element_of_html_comes_from_a_text(text: str) -> None:
    board = leaderboard(text)
    page = Page(exported(board, "html"))
    assert page.tags == PLAIN_TAGS
    assert page.texts == shown(board)


# --- LaTeX ---

WRITTEN = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\textquotedbl{}": '"',
    r"\textasciigrave{}": "`",
    r"\(\pm\)": "±",
    "{[}": "[",
    "{*}": "*",
    "-{}": "-",
    **{f"\\{sign}": sign for sign in "&%$#_{}"},
}
TOKEN = re.compile("|".join(map(re.escape, WRITTEN)) + r"|--|[?!]`|[^\\{}$&#^_%~\"`<>|\[*]", re.DOTALL)


def read_latex(text: str) -> str:
    """Return what LaTeX sets for a text without commands; one that has some is refused."""
    found, place = "", 0
    while place < len(text):
        token = TOKEN.match(text, place)
        assert token, f"LaTeX acts on {text[place : place + 20]!r}"
        assert token[0] not in ("--", "?`", "!`"), f"LaTeX makes another sign of {token[0]}"
        found += WRITTEN.get(token[0], token[0])
        place = token.end()
    return found


def latex_texts(block: str) -> list[str]:
    """Return the texts of one block of the file, which stands between empty lines."""
    if heading := re.fullmatch(r"\\(?:(?:sub){0,2}section|paragraph)\*\{(.*)\}", block):
        return [read_latex(heading[1])]
    lines = block.split("\n")
    if lines[0] == r"\begin{itemize}":
        items = [re.fullmatch(r"\\item \{\}(.*)", line) for line in lines[1:-1]]
        assert lines[-1] == r"\end{itemize}"
        return [read_latex(item[1]) for item in items if item]
    if lines[0] == r"\begin{adjustbox}{max width=\linewidth}":
        columns = re.fullmatch(r"\\begin\{tabular\}\{(l+)\}", lines[1])
        assert columns
        assert [lines[2], lines[4], *lines[-3:]] == [
            *(r"\toprule", r"\midrule", r"\bottomrule", r"\end{tabular}", r"\end{adjustbox}")
        ]
        cells = []
        for row in (lines[3], *lines[5:-3]):
            assert row.endswith(r" \\")
            cells.append(re.split(r"(?<!\\)(?:^| )& ?", row.removesuffix(r"\\").removesuffix(" ")))
            assert len(cells[-1]) == len(columns[1])
        return [read_latex(cell) for row in cells for cell in row]
    (line,) = lines
    return [read_latex(line)]


@settings(max_examples=30)
@given(HOSTILE)
@example(FIRST)
@example("----")
@example("*")
@example("[1]")
def test_latex_acts_on_no_text(text: str) -> None:
    board = leaderboard(text)
    head, *blocks = exported(board, "latex-all").removesuffix("\n").split("\n\n")
    assert head.startswith("%")
    assert [found for block in blocks for found in latex_texts(block)] == shown(board)


@pytest.mark.parametrize("name", ["md", "summary", "html", "latex", "latex-all", "model-card"])
def test_no_format_has_control_characters(name: str) -> None:
    text = exported(leaderboard("\x00\x07\x1b[31m\x7f\x9b\u202e\u2028\ud800"), name)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e\ud800]", text)
    assert "\\ud800" not in text
