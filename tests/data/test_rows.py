"""The `file:` form: what is read, and the file and line of everything that can't be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from medcot_bench.data.rows import read_rows
from medcot_bench.errors import DataError

Write = Callable[[str, Iterable[Mapping[str, Any]]], Path]
GOOD: dict[str, Any] = {"id": "1", "group": "g", "question": "Why?", "answer": "So."}
CHOICE: dict[str, Any] = GOOD | {"options": {"A": "So.", "B": "No."}, "answer_letter": "A"}


def write_text(folder: Path, text: str | bytes) -> Path:
    path = folder / "rows.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def error_of(path: Path, required: tuple[str, ...] = ()) -> str:
    with pytest.raises(DataError) as caught:
        read_rows(path, required)
    return str(caught.value)


def test_every_field_of_a_row_is_read(write_rows: Write) -> None:
    row = CHOICE | {"context": "C", "reasoning": "R", "split": "validation", "source": "ignored"}
    ((example, split),) = read_rows(write_rows("a.jsonl", [row]), ("options",))
    assert split == "validation"
    assert (example.id, example.group, example.question, example.answer) == ("1", "g", "Why?", "So.")
    assert (example.context, example.reasoning) == ("C", "R")
    assert (example.options, example.answer_letter) == ({"A": "So.", "B": "No."}, "A")


def test_fields_left_out_null_or_empty_are_absent(write_rows: Write) -> None:
    row = GOOD | {"context": None, "reasoning": "", "options": {}, "split": None}
    ((example, split),) = read_rows(write_rows("a.jsonl", [row]), ())
    assert split is None
    assert (example.context, example.reasoning, example.options, example.answer_letter) == (None, None, {}, None)


def test_numbers_stand_for_their_text(write_rows: Write) -> None:
    ((example, _),) = read_rows(write_rows("a.jsonl", [GOOD | {"id": 7, "answer": 2.5}]), ())
    assert (example.id, example.answer) == ("7", "2.5")


def test_rows_keep_their_order_and_blank_lines_do_not_count_as_rows(tmp_path: Path) -> None:
    lines = [json.dumps(GOOD | {"id": name}) for name in "cab"]
    path = write_text(tmp_path, f"\n{lines[0]}\r\n  \n{lines[1]}\n{lines[2]}")
    assert [example.id for example, _ in read_rows(path, ())] == ["c", "a", "b"]


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    path = write_text(tmp_path, b"\xef\xbb\xbf" + json.dumps(GOOD).encode())
    assert len(read_rows(path, ())) == 1


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\u000b"])
def test_a_line_separator_inside_a_string_does_not_end_the_row(tmp_path: Path, separator: str) -> None:
    question = f"one{separator}two"
    raw = json.dumps(GOOD | {"question": question}, ensure_ascii=False)
    ((example, _),) = read_rows(write_text(tmp_path, raw + "\n"), ())
    assert example.question == question


def test_rows_without_id_or_group_get_their_own_id_and_the_group_of_their_question(write_rows: Write) -> None:
    questions = ["Why does it stop?", "why does it  stop", "How?"]
    rows = [{"question": question, "answer": "So."} for question in questions]
    read = [example for example, _ in read_rows(write_rows("a.jsonl", rows), ())]
    assert len({example.id for example in read}) == 3
    assert read[0].group == read[1].group != read[2].group
    moved = [example for example, _ in read_rows(write_rows("elsewhere.jsonl", rows), ())]
    assert moved == read


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert error_of(tmp_path / "no.jsonl") == f"{tmp_path / 'no.jsonl'}: no such file"
    assert error_of(tmp_path) == f"{tmp_path}: a folder; name a file in it"


@pytest.mark.parametrize("begins", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
@pytest.mark.parametrize("name", ["rows.xlsx", "rows.csv"])
def test_a_workbook_is_to_be_saved_as_csv(tmp_path: Path, name: str, begins: bytes) -> None:
    (tmp_path / name).write_bytes(begins + b"\x14\x00\xff\xfe")
    assert error_of(tmp_path / name).endswith("an Excel workbook; save the sheet as CSV (UTF-8)")


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_file_without_a_row_is_an_error(tmp_path: Path, text: str) -> None:
    path = write_text(tmp_path, text)
    assert error_of(path) == f"{path}: no rows"


def test_text_that_is_not_utf_8_is_named_with_its_place(tmp_path: Path) -> None:
    path = write_text(tmp_path, b'{"id": "\xff"}')
    assert error_of(path) == f"{path}:1: not UTF-8 text (invalid start byte); save it as UTF-8"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON: "),
        ("question: Why?", "not JSON: "),
        (json.dumps(GOOD)[:-1], "not JSON: "),
        ("[" * 100_000, "not JSON: "),
        ('{"id": ' + "9" * 5000 + "}", "not JSON: "),
        ("[1]", "a row is a JSON object, not a list"),
        ("null", "a row is a JSON object, not a NoneType"),
    ],
    ids=["cut", "yaml", "half", "deep", "long", "list", "null"],
)
def test_a_line_that_is_no_json_object_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path = write_text(tmp_path, f"{json.dumps(GOOD)}\n\n{line}\n")
    assert error_of(path).startswith(f"{path}:3: {reason}")


@pytest.mark.parametrize(
    ("change", "required", "reason"),
    [
        ({"question": None}, (), "field 'question' is missing or empty; fill it in, or take the row out"),
        ({"answer": ""}, (), "field 'answer' is missing or empty; fill it in, or take the row out"),
        ({}, ("context",), "field 'context' is missing or empty; fill it in, or take the row out"),
        ({}, ("options", "answer_letter"), "field 'options' is missing or empty; fill it in, or take the row out"),
        ({"question": ["Why?"]}, (), "field 'question' must be text, not a list"),
        ({"answer": {"text": "So."}}, (), "field 'answer' must be text, not a dict"),
        ({"answer": True}, (), "field 'answer' must be text, not a bool"),
        ({"id": [1]}, (), "field 'id' must be text, not a list"),
        ({"options": ["So.", "No."]}, (), "field 'options' must map letters to strings"),
        ({"options": {"A": None}}, (), "field 'options' must map letters to strings"),
        ({"split": "test"}, (), "no split 'test'; splits: train, validation, eval"),
        ({"split": ["train"]}, (), "no split '['train']'; splits: train, validation, eval"),
        (CHOICE | {"id": "2", "answer_letter": "C"}, (), "answer_letter 'C' is not one of the options"),
    ],
)
def test_a_row_that_can_not_be_used_is_named_with_its_line(
    write_rows: Write, change: dict[str, Any], required: tuple[str, ...], reason: str
) -> None:
    whole = CHOICE | {"context": "C"}
    path = write_rows("a.jsonl", [whole, GOOD | {"id": "2"} | change])
    assert error_of(path, required) == f"{path}:2: {reason}"


def test_an_id_that_comes_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    other = json.dumps(GOOD | {"id": 2})
    path = write_text(tmp_path, f"{json.dumps(GOOD)}\n\n{other}\n{json.dumps(GOOD | {'id': 1})}\n")
    assert error_of(path) == f"{path}:4: id '1' is already used in line 1"


@pytest.mark.parametrize("field", ["id", "group", "question", "answer", "context"])
def test_half_a_character_is_an_error(write_rows: Write, field: str) -> None:
    path = write_rows("a.jsonl", [GOOD | {field: "cut \ud83d"}])
    assert error_of(path).startswith(f"{path}:1: ")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@example(b"\xef\xbb\xbf")
@example(b"\x00")
def test_random_bytes_never_raise_anything_but_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = write_text(tmp_path_factory.getbasetemp(), content)
    assert str(path) in error_of(path)


@given(st.lists(st.dictionaries(st.sampled_from([*CHOICE, "split", "context"]), JSON), max_size=3))
def test_rows_of_junk_are_read_or_raise_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    path = write_text(tmp_path_factory.getbasetemp(), "\n".join(json.dumps(GOOD | row) for row in rows))
    try:
        read = read_rows(path, ())
    except DataError:
        return
    assert len(read) == len(rows)


def test_rows_are_grouped_by_question_context_and_signs(write_rows: Write) -> None:
    rows = [
        {"question": question, "answer": "a", "context": context}
        for question, context in [
            ("Sum up.", "Note 1"),
            ("sum up", " note  1"),
            ("Sum up.", "Note 2"),
            ("Sum up.", None),
            ("2 + 2", None),
            ("2 - 2", None),
            ("\N{THUMBS UP SIGN}", None),
            ("\N{THUMBS DOWN SIGN}", None),
        ]
    ]
    groups = [example.group for example, _ in read_rows(write_rows("a.jsonl", rows), ())]
    assert groups[0] == groups[1]
    assert len({*groups}) == len(groups) - 1
