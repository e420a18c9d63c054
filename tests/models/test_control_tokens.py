"""Control tokens that are typed in data are text, also inside a chat template, whose own stay control tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers.processors import TemplateProcessing

from medcot_bench.models.control_tokens import MARK, unmark
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import write
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import ResolvedTask, resolve_task
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.testing.tiny import make_tiny_tokenizer
from medcot_bench.types import Example

TYPED = Example(id="1", group="g", question="What is <eos>?", answer="An <eos>.", context="<bos><eos> ends.")


@pytest.fixture(scope="module")
def task() -> ResolvedTask:
    return resolve_task(parse_specs("k8s_qa")[0], installed())


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    tokenizer = make_tiny_tokenizer()
    bos = [("<bos>", tokenizer.bos_token_id)]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<bos> $A", special_tokens=bos)
    return tokenizer


def bytes_of(tokenizer: Any, text: str) -> list[int]:
    """The tokens of text that has no control token, a byte each."""
    [(pieces, _)] = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)
    return [tokenizer.convert_tokens_to_ids(piece) for piece in pieces]


def test_a_row_that_types_control_tokens_is_read_as_text(tokenizer: Any, task: ResolvedTask) -> None:
    encoder = Encoder(tokenizer)
    written = write(task, encoder, TYPED)
    assert "<bos><eos> ends." in unmark(written.prompt)
    assert unmark(written.target) == " An <eos>."
    prompt, target = encoder.pair(written.prompt, written.target)
    assert prompt == [tokenizer.bos_token_id, *bytes_of(tokenizer, unmark(written.prompt))]
    assert target == bytes_of(tokenizer, " An <eos>.")
    assert prompt == tokenizer.encode(unmark(written.prompt), split_special_tokens=True)
    assert written.example == TYPED  # what scores are made of


def test_turns_of_a_chat_are_data_too(tokenizer: Any, task: ResolvedTask) -> None:
    turns = (("user", "What is <eos>?"), ("assistant", "An <eos>."), ("user", "Why?"))
    encoder = Encoder(tokenizer, chat_template=True)
    written = write(task, encoder, replace(TYPED, context=None, turns=turns))
    tokens = encoder.encode(written.prompt)
    # Each turn, and the start of the answer, begins with the template's own <bos>; only turns end in its <eos>.
    assert (tokens.count(tokenizer.bos_token_id), tokens.count(tokenizer.eos_token_id)) == (4, 3)
    assert unmark(written.prompt).count("<eos>") == 3 + 2


def test_a_chat_template_s_own_control_tokens_stay(tokenizer: Any, task: ResolvedTask) -> None:
    encoder = Encoder(tokenizer, chat_template=True, system_prompt="Be brief.")
    shots = [(shot.prompt, shot.target) for shot in [write(task, Encoder(tokenizer), TYPED)]]
    written = write(task, encoder, TYPED, shots)
    question = unmark(shots[0][0])
    eos, bos, newline = tokenizer.eos_token_id, tokenizer.bos_token_id, bytes_of(tokenizer, "\n")
    expected: list[int] = []
    for role, said in (
        ("system", "Be brief."),
        ("user", question),
        ("assistant", "An <eos>."),
        ("user", question),
    ):
        expected += [bos, *bytes_of(tokenizer, f"{role}\n{said}"), eos, *newline]
    expected += [bos, *bytes_of(tokenizer, "assistant\n")]
    assert encoder.encode(written.prompt) == expected


def test_a_control_token_that_a_prompt_itself_has_stays(tokenizer: Any) -> None:
    encoder = Encoder(tokenizer)
    typed = encoder.control_tokens.mark("<eos>")
    eos, text = tokenizer.eos_token_id, bytes_of(tokenizer, "<eos>")
    assert encoder.encode(f"<bos>a<eos>{typed}<eos>{typed}") == [
        tokenizer.bos_token_id,
        *bytes_of(tokenizer, "a"),
        eos,
        *text,
        eos,
        *text,
    ]


@given(st.text(max_size=30), st.booleans())
def test_text_without_control_tokens_is_encoded_as_ever(text: str, chat: bool) -> None:
    plain = make_tiny_tokenizer()
    encoder = Encoder(plain, chat_template=chat)
    assert encoder.control_tokens.mark(text) == text
    assert encoder.encode(encoder.prompt(text)) == plain.encode(encoder.prompt(text), add_special_tokens=False)


@given(st.lists(st.sampled_from(["<eos>", "<bos>", "<", ">", "eos", " ", "a"]), max_size=12).map("".join))
def test_marked_text_has_no_control_token_and_all_its_characters(text: str) -> None:
    plain = make_tiny_tokenizer()
    encoder = Encoder(plain)
    marked = encoder.control_tokens.mark(text)
    assert unmark(marked) == text
    assert (MARK in marked) == ("<eos>" in text or "<bos>" in text)
    assert encoder.encode(marked) == plain.encode(text, split_special_tokens=True)
