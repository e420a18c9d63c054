"""Every format of rows gives the same rows, and names file and line where it is broken."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from cases import find_case
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from medcot_bench.data.formats import read_objects
from medcot_bench.data.rows import read_rows
from medcot_bench.errors import DataError

ROWS: list[dict[str, Any]] = [
    {"question": "Is it on?", "answer": "yes, it is"},
    {"question": 'Say "hi"\nand go', "answer": "naïve 病院"},
]


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


WRITERS: dict[str, Callable[[Path, list[dict[str, Any]]], object]] = {
    "a.jsonl": lambda path, rows: path.write_text("\n".join(json.dumps(row) for row in rows)),
    "a.json": lambda path, rows: path.write_text(json.dumps(rows, indent=1)),
    "lines.json": lambda path, rows: path.write_text("\n".join(json.dumps(row) for row in rows)),
    "a.csv": write_csv,
    "A.CSV": write_csv,
    "a.parquet": lambda path, rows: parquet.write_table(pyarrow.Table.from_pylist(rows), path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, ROWS)
    found = list(read_objects(tmp_path / name))
    assert [row for _, row in found] == ROWS
    assert all(where.startswith(f"{tmp_path / name}:") for where, _ in found)


def test_a_row_of_csv_is_named_by_the_line_it_begins_in(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('\ufeffq,a\n"two\nlines",1\n\n"three\n\nlines",2\nlast,3\n', encoding="utf-8")
    assert [where.rpartition(":")[2] for where, _ in read_objects(path)] == ["2", "5", "8"]


@pytest.mark.parametrize(
    ("name", "content", "line", "error"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": \n', ":2", "not JSON: Expecting value"),
        ("a.jsonl", "[1, 2]\n", ":1", "a row is a JSON object, not a list"),
        ("a.xlsx", "PK", ":1", "not JSON: Expecting value: line 1 column 1 (char 0); the suffixes .csv, "),
        ("a.json", '[{"a": 1},\n {"a" 2}]', ":2", "not JSON: Expecting ':' delimiter"),
        ("a.json", '[{"a": 1}, 3]', ":2", "a row is a JSON object, not a int"),
        ("a.csv", "q,a\n1,2,3\n", ":2", "3 cells, the header has 2; quote cells that hold a separator"),
        ("a.csv", 'q,a\n1,2\n"open,3\n', ":3", "not CSV: unexpected end of data"),
        ("a.csv", "q,q\n1,2\n", ":1", "the header has the column 'q' twice"),
        ("a.tsv", "q\ta\n1\n", ":2", "1 cell, the header has 2; a cell is missing"),
        ("pretty.json", '{\n "data": []\n}', ":1", "not JSON: Expecting property name"),
        ("a.csv", "q,a\n1,2\n\udcff,4\n", ":3", "not UTF-8 text (invalid start byte); save it as UTF-8"),
        ("a.parquet", "no parquet", "", "not parquet:"),
        ("a.jsonl", '{"a": 1}\n{"a": 1, "b": 2, "a": 1}\n', ":2", "the key 'a' is given twice in one object"),
        ("a.jsonl", '{"a": {"b": 1, "b": 2}}', ":1", "the key 'b' is given twice in one object"),
        ("a.json", '[{"a": 1},\n {"a": 1, "a": 2}]', "", "the key 'a' is given twice in one object"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    name: str, content: str, line: str, error: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DataError) as caught:
        list(read_objects(tmp_path / name))
    assert str(caught.value).startswith(f"{tmp_path / name}{line}: {error}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", WRITERS)
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        list(read_objects(tmp_path / name))
    assert str(caught.value) == f"{tmp_path / name}: no such file"


def test_a_csv_may_have_other_separators_numbered_rows_and_long_cells(tmp_path: Path) -> None:
    long = "x" * 200_000
    (tmp_path / "a.csv").write_text(f";q;a;\n0;one, two;{long};\n")
    (tmp_path / "a.tsv").write_text(f"q\ta\none, two\t{long}\n")
    for name in ("a.csv", "a.tsv"):
        assert [row for _, row in read_objects(tmp_path / name)] == [{"q": "one, two", "a": long}]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('q, a\n"How, then?", "Like this"\n', [("2", "How, then?", "Like this")]),
        ('q, a\n"x, ""y""", "two\nlines"\n"b", c\n', [("2", 'x, "y"', "two\nlines"), ("4", "b", "c")]),
        ('q,a\n"She said, ""no""", left\n', [("2", 'She said, "no"', " left")]),
        ("\n \nq;a\n1,5;2\n", [("4", "1,5", "2")]),
        ('"q, as asked";a\nx;y\n', [("2", "x", "y")]),
        ('"q;\nx;x;x","a, b"\n"1\n2",3\n', [("3", "1\n2", "3")]),
        ("sep=;\nq;a, b\nx;y\n", [("3", "x", "y")]),
        ('"sep=\t"\r\nq\ta\r\nx,1\ty\r\n', [("3", "x,1", "y")]),
        ('5" pipe;a\nx;y\n', [("2", "x", "y")]),
        ('q, a\n"x" ,"y" \n', [("2", "x", "y")]),
        ('q,a\nwho?, "Hi" she said\n', [("2", "who?", ' "Hi" she said')]),
        ("question, long;answer\nx;y\n", [("2", "x", "y")]),
        ("q;a, b\nx;y, z\n", [("2", "x;y", " z")]),
        ("q;a, long, as text\nx;y\n", [("2", "x", "y")]),
        ("q\ta, b, c\n1,5\t2\n", [("2", "1,5", "2")]),
        ("q,a\nx; y,z\n", [("2", "x; y", "z")]),
    ],
)
def test_separators_and_quotes_are_read_as_they_are_meant(
    text: str, rows: list[tuple[str, ...]], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(text, newline="")
    found = [(where.rpartition(":")[2], *row.values()) for where, row in read_objects(tmp_path / "a.csv")]
    assert found == rows


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("csv_space_quote/space_quote.csv", {"question": "How, then?", "answer": "Like this"}),
        ("csv_space_quote/space_quote2.csv", {"question": "How, then?", "answer": "Like this"}),
        ("csv_semicolon_blank_first/rows.csv", {"question": "q", "answer": "a"}),
        ("csv_semicolon_quoted_header/rows.csv", {"Question, as asked": "q1", "Answer": "a1"}),
    ],
)
def test_tables_as_others_have_them_are_read(name: str, row: dict[str, str]) -> None:
    folder, _, file = name.partition("/")
    assert next(read_objects(find_case(folder) / file))[1] == row


def test_a_tsv_is_separated_by_tabs_however_many_commas_its_header_has(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("q, as, asked\ta\nx\ty\n")
    assert [row for _, row in read_objects(tmp_path / "a.tsv")] == [{"q, as, asked": "x", "a": "y"}]


def test_text_after_a_closing_quote_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('q,a\n1,2\n"x" y, "z"\n')
    with pytest.raises(DataError, match=r"a\.csv:3: not CSV: ',' expected after"):
        list(read_objects(tmp_path / "a.csv"))


def test_a_column_of_parquet_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    far = pyarrow.array([10**12], pyarrow.timestamp("s"))
    parquet.write_table(pyarrow.table({"q": ["a"], "when": far}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"parquet: the column 'when' can't be read .*; leave it out"):
        list(read_objects(tmp_path / "a.parquet"))


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_what_a_csv_writer_writes_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    rows = [{"q": first, "a": second} for first, second in cells]
    write_csv(path, rows)
    assert [row for _, row in read_objects(path)] == [row for row in rows if (row["q"] + row["a"]).strip()]


def test_objects_of_a_table_are_read_as_those_of_json_lines(tmp_path: Path) -> None:
    row = {
        "question": "q",
        "answer": "x",
        "options": {"A": "x", "B": "y"},
        "answer_letter": "A",
        "meta": {"lower": 1},
    }
    other = row | {"question": "p", "options": {"A": "x", "C": "z"}}
    WRITERS["a.jsonl"](tmp_path / "a.jsonl", [row, other])
    WRITERS["a.parquet"](tmp_path / "a.parquet", [row, other])
    cells = [{k: json.dumps(v) if isinstance(v, dict) else v for k, v in r.items()} for r in (row, other)]
    write_csv(tmp_path / "a.csv", cells)
    expected = [(example.options, example.meta) for example, _ in read_rows(tmp_path / "a.jsonl", ())]
    assert expected[1] == ({"A": "x", "C": "z"}, {"lower": 1})
    for name in ("a.parquet", "a.csv"):
        read = [(example.options, example.meta) for example, _ in read_rows(tmp_path / name, ("options",))]
        assert read == expected


def test_an_empty_cell_and_a_gap_in_a_column_of_numbers_are_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,answer,context\nq,a, \n")
    ((example, _),) = read_rows(tmp_path / "a.csv", ())
    assert example.context is None
    WRITERS["a.parquet"](tmp_path / "a.parquet", [{"question": "q", "answer": float("nan")}])
    with pytest.raises(DataError, match="parquet:1: field 'answer' is missing"):
        read_rows(tmp_path / "a.parquet", ())


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        ([42.0, None, 7.0], ["42", "7"]),
        ([42.0, float("nan"), -7.0], ["42", "-7"]),
        ([42.0, 7.0], ["42", "7"]),
        ([42.0, 0.5], ["42.0", "0.5"]),
        ([1e300, 1.0], ["1e+300", "1.0"]),
    ],
)
def test_whole_floats_of_a_parquet_column_are_whole(
    cells: list[float | None], read: list[str], tmp_path: Path
) -> None:
    table = pyarrow.table({"answer": pyarrow.array(cells, pyarrow.float64())})
    parquet.write_table(table, tmp_path / "a.parquet")
    found = [row["answer"] for _, row in read_objects(tmp_path / "a.parquet")]
    assert [str(cell) for cell in found if cell is not None and cell == cell] == read
