"""Columns named by the user, and those known by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from medcot_bench.data.rows import read_own
from medcot_bench.errors import DataError
from medcot_bench.types import Example

Write = Callable[[str, Iterable[Mapping[str, Any]]], Path]


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def read(path: Path, **named: str) -> list[Example]:
    return [example for example, _ in read_own(path, named)[0]]


def error_of(path: Path, **named: str) -> str:
    with pytest.raises(DataError) as caught:
        read_own(path, named)
    return str(caught.value).removeprefix(str(path))


def test_named_columns_are_read_and_others_are_not(write_rows: Write) -> None:
    rows = [{"Q": "q", "Reply": 7, "context": "unnamed", "id": "unnamed", "Page": "p", "split": "eval"}]
    ((example, split),), layout = read_own(
        write_rows("a.jsonl", rows), {"question": "Q", "answer": "Reply", "group": "Page"}
    )
    assert (example.question, example.answer, example.group, split) == ("q", "7", "p", "eval")
    assert example.context is None
    assert example.id != "unnamed"
    assert set(layout.columns) == {"question", "answer", "group", "split"}


def test_rows_of_the_simple_form_need_no_names(write_rows: Write) -> None:
    rows = [{"question": "q", "answer": "a", "context": "c", "id": "one", "colour": "red"}]
    (example,) = read(write_rows("a.jsonl", rows))
    assert (example.question, example.answer, example.context, example.id) == ("q", "a", "c", "one")


def test_messages_are_a_question_and_its_answer(write_rows: Write) -> None:
    rows = [
        {"messages": [turn("user", "q"), turn("assistant", "a")]},
        {"messages": [turn("system", "Be brief."), turn("user", "p"), turn("assistant", "b")]},
        {"messages": [turn("user", "1"), turn("assistant", "2"), turn("user", "3"), turn("assistant", "4")]},
    ]
    found = [(example.question, example.answer) for example in read(write_rows("a.jsonl", rows))]
    assert found == [("q", "a"), ("Be brief.\n\np", "b"), ("user: 1\nassistant: 2\nuser: 3", "4")]


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([turn("user", "q")], "the last of 'messages' must have the role assistant: it is the answer"),
        ([], "the last of 'messages' must have the role assistant: it is the answer"),
        ("text", "'messages' must be a list of turns, each with a role and a text"),
        (["text"], "turn 1 of 'messages' must be an object with a role and a text, not a str"),
        ([{"role": "user"}], "turn 1 of 'messages': 'content' must be text, not a NoneType"),
        (None, "'messages' must be a list of turns, each with a role and a text"),
        (
            [turn("assistant", "a")],
            "field 'question' is missing or empty; fill it in, or take the row out",
        ),
    ],
)
def test_messages_without_an_answer_are_named_with_their_line(
    messages: Any, error: str, write_rows: Write
) -> None:
    good = {"messages": [turn("user", "q"), turn("assistant", "a")]}
    assert error_of(write_rows("a.jsonl", [good, {"messages": messages}])) == f":2: {error}"


def test_alpaca_rows_ask_by_instruction_and_input(write_rows: Write) -> None:
    rows = [
        {"instruction": "Translate.", "input": "Hund", "output": "dog"},
        {"instruction": "Name a dog.", "input": "", "output": "Rex"},
    ]
    found = [(example.question, example.answer) for example in read(write_rows("a.jsonl", rows))]
    rows[1]["input"] = float("nan")
    assert [(example.question, example.answer) for example in read(write_rows("nan.jsonl", rows))] == found
    rows[1]["input"] = {"a": 1}
    assert error_of(write_rows("b.jsonl", rows)) == ":2: 'input' must be text, not a dict"
    assert found == [("Translate.\n\nHund", "dog"), ("Name a dog.", "Rex")]


def test_a_group_can_be_named_in_rows_known_by_their_columns(write_rows: Write) -> None:
    rows = [{"instruction": "i", "output": "o", "page": "p1"}]
    (example,) = read(write_rows("a.jsonl", rows), group="page")
    assert example.group == "p1"


@pytest.mark.parametrize(
    "row",
    [{"instruction": "i", "output": "o"}, {"messages": [turn("user", "i"), turn("assistant", "o")]}],
)
def test_chats_and_alpaca_rows_have_their_own_groups_and_ids(row: dict[str, Any], write_rows: Write) -> None:
    (example,) = read(write_rows("a.jsonl", [row | {"group": "g", "id": 7}]))
    assert (example.group, example.id) == ("g", "7")


@pytest.mark.parametrize("chat", [None, "hello", ""])
def test_a_column_named_as_a_chat_that_holds_none_hides_no_question(chat: Any, write_rows: Write) -> None:
    (example,) = read(write_rows("a.jsonl", [{"question": "q", "answer": "a", "messages": chat}]))
    assert (example.question, example.answer) == ("q", "a")


def test_a_system_text_alone_is_the_question(write_rows: Write) -> None:
    (example,) = read(write_rows("a.jsonl", [{"system": "Be.", "instruction": "", "output": "o"}]))
    assert (example.question, example.turns) == ("Be.", ())


def test_chats_in_a_table_are_read_and_columns_with_odd_names_shown_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        'messages\n"[{""role"": ""user"", ""content"": ""q""}, {""role"": ""assistant"", ""content"": ""a""}]"\n'
    )
    assert [(example.question, example.answer) for example in read(tmp_path / "a.csv")] == [("q", "a")]
    (tmp_path / "b.csv").write_text('"Cust\nwrote",Reply\nq,a\n')
    assert error_of(tmp_path / "b.csv").endswith("columns: 'Cust\\nwrote', Reply")


@pytest.mark.parametrize(
    "row",
    [
        {"Question": "q", "ANSWER": "a", "Group": "g"},
        {"Instruction": "q", "OUTPUT": "a"},
        {"Messages": [turn("user", "q"), turn("assistant", "a")]},
    ],
)
def test_columns_are_known_whatever_their_capitals(row: dict[str, Any], write_rows: Write) -> None:
    (example,) = read(write_rows("a.jsonl", [row]))
    assert (example.question, example.answer) == ("q", "a")
    assert ("Group" not in row) or example.group == "g"


def test_of_columns_that_differ_in_capitals_only_the_one_in_small_letters_counts(write_rows: Write) -> None:
    (example,) = read(write_rows("a.jsonl", [{"Question": "no", "question": "q", "answer": "a", "ANSWER": "no"}]))
    assert (example.question, example.answer) == ("q", "a")
    path = write_rows("b.jsonl", [{"Question": "no", "QUESTION": "q", "answer": "a"}])
    assert "name the columns of question and answer" in error_of(path)


def test_what_names_no_column_says_which_there_are(write_rows: Write) -> None:
    path = write_rows("a.jsonl", [{"Frage": "q", "Antwort": "a"}])
    columns = "columns: Frage, Antwort"
    assert error_of(path) == f": name the columns of question and answer with --question and --answer; {columns}"
    assert error_of(path, question="Frage") == f": name the column of the answer with --answer; {columns}"
    assert error_of(path, question="Frage", answer="a") == f": no column 'a' (answer); {columns}"


def test_an_empty_answer_is_named_with_its_line_and_column(write_rows: Write) -> None:
    path = write_rows("a.jsonl", [{"Q": "q", "A": "a"}, {"Q": "p", "A": ""}])
    assert (
        error_of(path, question="Q", answer="A")
        == ":2: field 'answer' is missing or empty (column 'A'); fill it in, or take the row out"
    )
    assert error_of(write_rows("b.jsonl", [])) == ": no rows"
