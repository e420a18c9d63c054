"""Chats of every form: no turn, call or system text is lost in silence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cases import find_case
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from lanes import draw

from medcot_bench.data.rows import read_own
from medcot_bench.errors import DataError
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import write
from medcot_bench.planning.custom_tasks import resolve_custom_task
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.study.own_task import OwnTask
from medcot_bench.study.spec_strings import Spec
from medcot_bench.testing.tiny import make_tiny_tokenizer
from medcot_bench.types import Example

Write = Callable[[str, Iterable[Mapping[str, Any]]], Path]
TRIP = [
    ("system", "Be brief."),
    ("user", "Trip?"),
    ("assistant", "By train."),
    ("system", "In French."),
    ("user", "Back?"),
]


def turns(*said: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in said]


def read_one(path: Path) -> Example:
    ((example, _),), _ = read_own(path, {})
    return example


def error_of(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_own(path, {})
    return str(caught.value).removeprefix(str(path))


def test_turns_keep_their_order_and_a_late_system_turn_its_place(write_rows: Write) -> None:
    example = read_one(write_rows("a.jsonl", [{"messages": turns(*TRIP, ("assistant", "En bus"))}]))
    assert example.question == ("Be brief.\n\nuser: Trip?\nassistant: By train.\nsystem: In French.\nuser: Back?")
    assert (example.answer, example.turns) == ("En bus", tuple(TRIP))


def test_sharegpt_rows_are_chats_and_their_system_column_comes_first(write_rows: Write) -> None:
    said = [{"from": "human", "value": "1"}, {"from": "gpt", "value": "2"}, {"from": "human", "value": "3"}]
    row = {"system": "Count.", "tools": "[]", "conversations": [*said, {"from": "gpt", "value": "4"}]}
    example = read_one(write_rows("a.jsonl", [row]))
    assert (example.question, example.answer) == ("Count.\n\nuser: 1\nassistant: 2\nuser: 3", "4")
    row["conversations"] = [{"from": "system", "value": "Count."}, *row["conversations"]]
    assert read_one(write_rows("b.jsonl", [row])) == example


def test_alpaca_rows_have_their_system_text_and_history(write_rows: Write) -> None:
    row = {
        "instruction": "Answer.",
        "input": "Late",
        "output": "Ja",
        "system": "In German.",
        "history": [["Hi", "Tag"]],
    }
    example = read_one(write_rows("a.jsonl", [row]))
    assert example.question == "In German.\n\nuser: Hi\nassistant: Tag\nuser: Answer.\n\nLate"
    plain = {"instruction": "Answer.", "output": "Ja", "system": "", "history": []}
    assert read_one(write_rows("b.jsonl", [plain])).turns == ()
    assert error_of(write_rows("c.jsonl", [row | {"history": ["Hi"]}])).startswith(
        ":1: 'history' must be a list of"
    )


CALL = {"type": "function", "function": {"name": "stock", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"tool_calls": [CALL]}, "turn 2 of 'messages' has 'tool_calls', which can't be trained on"),
        ({"function_call": json.dumps(CALL)}, "turn 2 of 'messages' has 'function_call', which"),
        ({"reasoning_content": "Hm."}, "turn 2 of 'messages' has 'reasoning_content', which"),
        ({"value": "Hm."}, "turn 2 of 'messages' has 'value', which"),
        ({"parts": [{"text": "x"}]}, "turn 2 of 'messages' has 'parts', which"),
        ({"thought": "Hm."}, "turn 2 of 'messages' has 'thought', which"),
        ({"image": "a.png"}, "turn 2 of 'messages' has 'image', which"),
        ({"context": "Hm."}, "turn 2 of 'messages' has 'context', which"),
        ({"reasoning_details": ["Hm."]}, "turn 2 of 'messages' has 'reasoning_details', which"),
        ({"role": "tool"}, "turn 2 of 'messages' has the role 'tool'; roles: system, developer, user,"),
        ({"content": [{"type": "text", "text": "x"}]}, "turn 2 of 'messages': 'content' must be text, not a list"),
        ({"content": None}, "turn 2 of 'messages': 'content' must be text, not a NoneType"),
    ],
)
def test_what_is_no_text_is_refused_with_its_turn(change: dict[str, Any], error: str, write_rows: Write) -> None:
    chat: list[dict[str, Any]] = [*turns(("user", "q"), ("assistant", "a"), ("user", "r"), ("assistant", "b"))]
    nothing = {"tool_calls": None, "function_call": {"name": None}, "name": "Ann", "weight": 1}
    assert read_one(write_rows("a.jsonl", [{"messages": [one | nothing for one in chat]}])).answer == "b"
    chat[1] |= change
    assert error_of(write_rows("b.jsonl", [{"messages": chat}])).startswith(f":1: {error}")


MARKS: list[dict[str, Any]] = [
    {"weight": 0},
    {"weight": "0.00"},
    {"train": False},
    {"training": False},
    {"trainable": "false"},
    {"label": False},
    {"loss": False},
    {"loss_mask": 0},
    {"loss_weight": 0.0},
]


@pytest.mark.parametrize("mark", MARKS)
def test_an_answer_marked_as_one_not_to_train_on_is_refused_with_its_turn(
    mark: dict[str, Any], write_rows: Write
) -> None:
    chat: list[dict[str, Any]] = [*turns(("user", "q"), ("assistant", "a"), ("user", "r"), ("assistant", "b"))]
    chat[1] |= mark
    assert read_one(write_rows("a.jsonl", [{"messages": chat}])).answer == "b"
    chat[3] |= mark
    ((key, value),) = mark.items()
    error = f":1: turn 4 of 'messages' has '{key}' {value}: its answer is not to be trained on"
    assert error_of(write_rows("b.jsonl", [{"messages": chat}])).startswith(error)


@pytest.mark.parametrize("mark", [{"weight": 1}, {"weight": 0.5}, {"train": True}, {"loss": None}, {"label": 0}])
def test_other_marks_of_an_answer_do_not_matter(mark: dict[str, Any], write_rows: Write) -> None:
    chat: list[dict[str, Any]] = [*turns(("user", "q"), ("assistant", "a"))]
    chat[1] |= mark
    assert read_one(write_rows("a.jsonl", [{"messages": chat}])).answer == "a"


@pytest.mark.parametrize("column", ["tools", "functions", "Tools"])
def test_tools_beside_a_chat_are_refused_by_name(column: str, write_rows: Write) -> None:
    row = {"messages": turns(("user", "q"), ("assistant", "a")), column: json.dumps([CALL])}
    assert error_of(write_rows("a.jsonl", [row])).startswith(f":1: '{column}' can't be trained on; leave such")


# --- as the model sees them ---


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> ResolvedTask:
    path = tmp_path_factory.mktemp("own") / "rows.jsonl"
    path.write_text('{"question": "q", "answer": "a"}\n')
    return resolve_custom_task(Spec("rows", {}), OwnTask(data=str(path)), installed())


def test_under_a_chat_template_the_template_writes_the_turns(own: ResolvedTask, write_rows: Write) -> None:
    example = read_one(write_rows("a.jsonl", [{"messages": turns(*TRIP, ("assistant", "En bus"))}]))
    tokenizer = make_tiny_tokenizer()
    encoder = Encoder(tokenizer, chat_template=True, system_prompt="Help.")
    assert write(own, encoder, example, [("1?", " 2")]).prompt == (
        "<bos>system\nHelp.\n\nBe brief.<eos>\n<bos>user\n1?<eos>\n<bos>assistant\n2<eos>\n"
        "<bos>user\nTrip?<eos>\n<bos>assistant\nBy train.<eos>\n<bos>system\nIn French.<eos>\n"
        "<bos>user\nQuestion: Back?\nAnswer:<eos>\n<bos>assistant\n"
    )
    assert write(own, Encoder(tokenizer), example).prompt == f"Question: {example.question}\nAnswer:"


_TEXT = st.text("abcÄ病?,;\"' ", min_size=1, max_size=6).filter(str.strip)
_ROLE = st.sampled_from(["system", "user", "assistant", "human", "gpt", "developer", "tool"])
_VALUE = st.none() | _TEXT | st.lists(st.fixed_dictionaries({"text": _TEXT}), max_size=1)


@st.composite
def chat_rows(pick: st.DrawFn) -> tuple[dict[str, Any], list[str]]:
    """Draw a row of a chat or of Alpaca's form, each of its texts marked with a number, and these texts."""
    texts: list[str] = []

    def marked(value: Any) -> Any:
        if isinstance(value, str):
            texts.append(f"{value.strip()}#{len(texts)}#")
            return texts[-1]
        return [{"text": marked(one["text"])} for one in value] if isinstance(value, list) else value

    extra = {
        name: marked(pick(_VALUE)) for name in pick(st.sets(st.sampled_from(["system", "tools", "functions"])))
    }
    if pick(st.booleans()):
        pairs = [[marked(a), marked(b)] for a, b in pick(st.lists(st.tuples(_TEXT, _TEXT), max_size=2))]
        row = {name: marked(pick(_TEXT)) for name in ("instruction", "input", "output")}
        return row | extra | ({"history": pairs} if pick(st.booleans()) or pairs else {}), texts
    role, text = pick(st.sampled_from([("role", "content"), ("from", "value")]))
    said = []
    for number in range(pick(st.integers(1, 5))):
        turn = {role: pick(_ROLE), text: marked(pick(_TEXT if number % 2 else _VALUE))}
        for key in pick(st.sets(st.sampled_from(["tool_calls", "reasoning_content", "parts"]), max_size=1)):
            turn[key] = marked(
                pick(_VALUE if key != "parts" else st.lists(st.fixed_dictionaries({"text": _TEXT})))
            )
        said.append(turn)
    said.append({role: pick(st.sampled_from(["assistant", "gpt"])), text: marked(pick(_TEXT))})
    return {pick(st.sampled_from(["messages", "conversations"])): said} | extra, texts


@draw(quick=150, slow=5000)
def test_each_text_of_a_row_is_in_its_item_or_the_row_is_refused_by_name(
    count: int, own: ResolvedTask, tmp_path: Path
) -> None:
    path, tokenizer, read = tmp_path / "rows.jsonl", make_tiny_tokenizer(), 0

    @seed(0)
    @settings(max_examples=count, database=None)
    @given(chat_rows())
    def check(drawn: tuple[dict[str, Any], list[str]]) -> None:
        nonlocal read
        row, texts = drawn
        path.write_text(json.dumps(row) + "\n")
        refused = ""
        try:
            example = read_one(path)
        except DataError as error:
            refused = str(error)
        if refused:
            assert refused.startswith(f"{path}:1: ")
            assert any(f"'{name}'" in refused for name in row)
            return
        read += 1
        for encoder in (Encoder(tokenizer), Encoder(tokenizer, chat_template=True)):
            written = write(own, encoder, example)
            places = [f"{written.prompt}{written.target}".find(text) for text in texts]
            assert -1 not in places

    check()
    assert read > count / 20


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("alpaca_system", ["You answer in German only.", "Hello", "Guten Tag", "Order 0 is late"]),
        ("chat_system_mid", ["You are a travel agent.", "Trip 0?", "By train.", "From here on answer in French."]),
    ],
)
def test_rows_as_others_have_them_keep_all_texts_in_order(name: str, said: list[str]) -> None:
    rows, _ = read_own(find_case(name) / "rows.jsonl", {})
    places = [rows[0][0].question.find(text) for text in said]
    assert -1 not in places
    assert places == sorted(places)


def test_calls_as_others_have_them_are_refused_with_their_turn() -> None:
    path = find_case("chat_tools") / "rows.jsonl"
    assert error_of(path).startswith(":1: turn 2 of 'messages' has 'tool_calls', which can't be trained on")
