"""Leaderboard -> every format: golden files, and texts that would act on a reader's program."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import TypeAdapter

from medcot_bench.errors import PluginError
from medcot_bench.plugins.manager import Plugins, installed
from medcot_bench.report.blocks import Table
from medcot_bench.report.document import document
from medcot_bench.report.export import export
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.testing.example_leaderboards import places

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = "=cmd()|'/C calc'!A0 <script>alert(1)</script> [x](javascript:y) ![i](u) `a|b` \\| &lt;\n\n# title\t|"


@pytest.fixture
def leaderboard() -> Leaderboard:
    # What tests/analysis/test_build.py builds from records.
    return TypeAdapter(Leaderboard).validate_json((GOLDEN / "leaderboard.json").read_bytes())


def exported(leaderboard: Leaderboard, name: str) -> str:
    return installed().make_exporter(name).export(leaderboard)


@pytest.mark.parametrize(
    ("name", "suffix"), [("md", "md"), ("summary", "summary.csv"), ("json", "json"), ("latex", "tex")]
)
def test_a_leaderboard_read_back_from_json_gives_the_golden_files(
    name: str, suffix: str, leaderboard: Leaderboard
) -> None:
    assert exported(leaderboard, name) == (GOLDEN / f"leaderboard.{suffix}").read_text(encoding="utf-8")


def test_the_summary_has_a_line_for_each_score_of_a_row_and_full_precision(leaderboard: Leaderboard) -> None:
    found = [*csv.DictReader(io.StringIO(exported(leaderboard, "summary")))]
    assert len(found) == sum(len(part.scores) for row in leaderboard.rows for part in row.tasks.values())
    lines = {(line["method"], line["task"], line["metric"]): line for line in found}
    full, lora = (lines[name, "manuals_qa", "answer"] for name in ("full", "lora"))
    assert (full["seeds"], full["failures"], full["trained_on"]) == ("0+1", "", "k8s_qa")
    assert (lora["source"], lora["domain"], lora["items"]) == ("file:manuals_qa.jsonl", "manuals", "3")
    assert float(lora["gap"]) == leaderboard.rows[1].tasks["manuals_qa"].gaps["answer"].value
    assert full["gap"] == ""


def test_the_summary_names_failures_of_rows_without_scores(leaderboard: Leaderboard) -> None:
    board = replace(leaderboard, rows=(replace(leaderboard.rows[1], tasks={}, costs=None, seeds=()),))
    (line,) = csv.DictReader(io.StringIO(exported(board, "summary")))
    assert (line["method"], line["task"], line["mean"]) == ("lora", "", "")
    assert "diverged" in line["failures"]


def test_markdown_says_what_is_incomplete_and_shows_no_zeros_for_it(leaderboard: Leaderboard) -> None:
    row = replace(leaderboard.rows[1], tasks={}, costs=None, seeds=())
    text = exported(replace(leaderboard, rows=(row,), answers=()), "md")
    (line,) = [line for line in text.splitlines() if line.startswith("| lora") and "diverged" not in line]
    assert [cell.strip() for cell in line.split("|")] == [
        *("", "lora", "k8s_qa", "incomplete", "incomplete", "", "", "")
    ]


def test_markdown_leaves_a_task_empty_that_a_row_is_not_scored_on(leaderboard: Leaderboard) -> None:
    board = replace(leaderboard, rows=(replace(leaderboard.rows[1], planned=("k8s_qa",), tasks={}),))
    (line,) = [line for line in exported(board, "md").splitlines() if re.match(r"\| lora .* incomplete", line)]
    assert [cell.strip() for cell in line.split("|")][3:5] == ["incomplete", ""]


# --- texts from models, files and plugins do nothing ---


PLACES = places(HOSTILE)


@pytest.mark.parametrize("place", PLACES)
def test_no_text_breaks_out_of_its_place_in_markdown(place: str, leaderboard: Leaderboard) -> None:
    text = exported(PLACES[place](leaderboard), "md")
    plain = exported(leaderboard, "md")
    assert "alert(1)" in text
    assert "<" not in text
    live = re.sub(r"\\.", "", text)
    for sign in ("[", "]", "`"):
        assert sign not in live
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert len(headings) == len([line for line in plain.splitlines() if line.startswith("#")])
    for is_table, lines in groupby(text.splitlines(), key=lambda line: line.startswith("|")):
        if is_table:
            assert len({re.sub(r"\\.", "", line).count("|") for line in lines}) == 1


@pytest.mark.parametrize("place", PLACES)
def test_no_text_is_a_formula_in_csv(place: str, leaderboard: Leaderboard) -> None:
    text = exported(PLACES[place](leaderboard), "summary")
    lines = list(csv.reader(io.StringIO(text)))
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == len(text.splitlines()) >= 9
    for cell in (cell for line in lines for cell in line):
        if cell.startswith(("=", "+", "-", "@", "\t", "\r")):
            float(cell)


@pytest.mark.parametrize(
    ("text", "written"),
    [("=1", "'=1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\t=1", "'=1"), ("\r=1", "'=1")],
)
def test_every_start_of_a_formula_is_quoted_in_csv(text: str, written: str, leaderboard: Leaderboard) -> None:
    hostile = replace(leaderboard, base={**leaderboard.base, "name": text})
    lines = list(csv.DictReader(io.StringIO(exported(hostile, "summary"), newline="")))
    assert {line["base_model"] for line in lines} == {written}


@pytest.mark.parametrize("place", PLACES)
def test_json_keeps_every_text_as_it_is(place: str, leaderboard: Leaderboard) -> None:
    hostile = PLACES[place](leaderboard)
    assert TypeAdapter(Leaderboard).validate_json(exported(hostile, "json")) == hostile


class Tags(HTMLParser):
    """The tags of a page, and the attributes that they have."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("place", PLACES)
def test_no_text_breaks_out_of_its_place_in_html(place: str, leaderboard: Leaderboard) -> None:
    page = exported(PLACES[place](leaderboard), "html")
    assert "alert(1)" in page
    tags, plain = Tags(page), Tags(exported(leaderboard, "html"))
    assert set(tags.found) == set(plain.found)
    assert tags.attributes == plain.attributes == {"lang", "charset", "name", "content"}
    for tag in ("h1", "h2", "h3", "h4", "ul", "table"):
        assert tags.found.count(tag) == plain.found.count(tag)


@pytest.mark.parametrize("place", PLACES)
def test_no_text_breaks_out_of_its_place_in_latex(place: str, leaderboard: Leaderboard) -> None:
    text = exported(PLACES[place](leaderboard), "latex-all").partition("\n\n")[2]
    assert "alert(1)" in text
    bare = re.sub(r"\\text[a-z]+\{\}|\\\(\\pm\\\)|\\[&%$#_{}]|\{\[\}", "", text)  # what is escaped
    for sign in '~^<>|"$#%':
        assert sign not in bare
    commands = set(re.findall(r"\\([A-Za-z]+)", bare))
    assert commands <= {
        *(
            "section",
            "subsection",
            "subsubsection",
            "paragraph",
            "begin",
            "end",
            "toprule",
            "midrule",
            "bottomrule",
            "item",
            "linewidth",
        )
    }
    tables = re.findall(r"\\begin\{tabular\}\{(l+)\}(.*?)\\end\{tabular\}", bare, re.DOTALL)
    assert tables
    for columns, body in tables:
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert rows
        assert {row.count("&") for row in rows} == {len(columns) - 1}


@pytest.mark.parametrize(("given", "kind"), [(b"x", "bytes"), (None, "NoneType")])
def test_an_exporter_that_gives_no_text_is_named(
    given: object, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = SimpleNamespace(suffix=".md", export=lambda leaderboard: given)
    monkeypatch.setattr(Plugins, "make_exporter", lambda plugins, name: exporter)
    monkeypatch.setattr("medcot_bench.report.export.load", lambda folder: None)
    monkeypatch.setattr("medcot_bench.report.export.build", lambda results: None)
    with pytest.raises(PluginError) as caught:
        export(tmp_path, ["md"])
    assert str(caught.value).endswith(f"failed in export: TypeError: it returned type {kind}, not a string")
    assert list(tmp_path.iterdir()) == []


def test_every_format_has_every_table(leaderboard: Leaderboard) -> None:
    blocks = [*document(leaderboard)]
    count = sum(isinstance(block, Table) for block in blocks)
    assert count > 5
    assert exported(leaderboard, "html").count("<table>") == count
    assert exported(leaderboard, "latex-all").count(r"\begin{tabular}") == count
    assert len(re.findall(r"^\|:-", exported(leaderboard, "md"), re.MULTILINE)) == count
