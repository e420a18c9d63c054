"""Prompts and targets as text and tokens, and contexts shortened to fit."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from medcot_bench.errors import ModelError
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import Written, write, write_within
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import ResolvedTask, resolve_task
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.testing.tiny import make_tiny_tokenizer
from medcot_bench.types import Example, Target

SHOTS = [("Question: 1+1?\nAnswer:", " 2"), ("Question: 2+2?\nAnswer:", " 4")]

ONE_TURN = "{% if messages|length > 1 %}{{ raise_exception('one turn') }}{% endif %}{{ messages[0]['content'] }}"


def choose(typed: str) -> ResolvedTask:
    return resolve_task(parse_specs(typed)[0], installed())


def adding_bos(tokenizer: Any) -> Any:
    """Make the tokenizer put `<bos>` first by itself, as Llama's does."""
    bos = tokenizer.bos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", bos)]
    )
    return tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tiny_tokenizer()


@pytest.fixture(scope="module")
def tokenizer_with_bos() -> Any:
    return adding_bos(make_tiny_tokenizer())


def example(context: str | None) -> Example:
    return Example(id="1", group="g", question="Why does it stop?", answer="It is full.", context=context)


def length(encoder: Encoder, written: Written, room: int = 0) -> int:
    """Tokens that the item takes: its prompt, then the larger of `room` and its target with the end token."""
    prompt, target = encoder.pair(written.prompt, written.target)
    return len(prompt) + max(len(target) + 1, room)


def test_without_a_chat_template_a_prompt_is_its_parts_with_empty_lines_between(tokenizer: Any) -> None:
    assert Encoder(tokenizer).prompt("Q?") == "Q?"
    assert Encoder(tokenizer, system_prompt="Be brief.").prompt("Q?", SHOTS) == (
        "Be brief.\n\nQuestion: 1+1?\nAnswer: 2\n\nQuestion: 2+2?\nAnswer: 4\n\nQ?"
    )


def test_with_a_chat_template_shots_are_turns_and_the_answer_is_asked_for(tokenizer: Any) -> None:
    encoder = Encoder(tokenizer, chat_template=True, system_prompt="Be brief.")
    assert encoder.prompt("Q?", SHOTS[:1]) == (
        "<bos>system\nBe brief.<eos>\n<bos>user\nQuestion: 1+1?\nAnswer:<eos>\n<bos>assistant\n2<eos>\n"
        "<bos>user\nQ?<eos>\n<bos>assistant\n"
    )
    assert Encoder(tokenizer, chat_template=True).prompt("Q?") == "<bos>user\nQ?<eos>\n<bos>assistant\n"


def test_a_target_follows_a_space_and_after_a_chat_template_nothing(tokenizer: Any) -> None:
    target = Target("Answer: B", "Fever.")
    assert Encoder(tokenizer).target(target) == " Fever.\nAnswer: B"
    assert Encoder(tokenizer, chat_template=True).target(target) == "Fever.\nAnswer: B"


def test_a_model_without_a_chat_template_says_so() -> None:
    bare = make_tiny_tokenizer()
    bare.chat_template = None
    assert Encoder(bare).prompt("Q?") == "Q?"
    with pytest.raises(ModelError, match="no chat template; leave out --chat-template"):
        Encoder(bare, chat_template=True)


def test_a_template_of_single_turns_writes_prompts_without_solved_examples() -> None:
    single = make_tiny_tokenizer()
    single.chat_template = ONE_TURN
    encoder = Encoder(single, chat_template=True)
    assert encoder.prompt("Q?") == "Q?"
    with pytest.raises(ModelError, match=r"can't write these turns \(user, assistant, user\): .*one turn"):
        encoder.prompt("Q?", SHOTS[:1])


@pytest.mark.parametrize(
    ("template", "error"),
    [
        (
            "{% for m in messages if m['role'] != 'system' %}{{ m['content'] }}{% endfor %}",
            "the model's chat template leaves out text of the role system; leave out --chat-template",
        ),
        (
            "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
            "{% for m in messages %}{{ m['content'] }}{% endfor %}",
            "the model's chat template can't write these turns (system, user): TemplateError: no system role; ",
        ),
    ],
)
def test_a_template_that_drops_or_refuses_a_turn_is_an_error(template: str, error: str) -> None:
    picky = make_tiny_tokenizer()
    picky.chat_template = template
    with pytest.raises(ModelError) as caught:
        Encoder(picky, chat_template=True).prompt("Q?", before=[("system", "Be brief.")])
    assert str(caught.value).startswith(error)


def test_special_tokens_are_added_as_the_tokenizer_does(tokenizer: Any, tokenizer_with_bos: Any) -> None:
    bos = tokenizer.bos_token_id
    assert Encoder(tokenizer).encode("ab") == tokenizer.encode("ab", add_special_tokens=False)
    assert Encoder(tokenizer_with_bos).encode("ab") == [bos, *Encoder(tokenizer).encode("ab")]


def test_the_first_token_is_never_twice_bos(tokenizer: Any, tokenizer_with_bos: Any) -> None:
    bos = tokenizer.bos_token_id
    for one in (tokenizer, tokenizer_with_bos):
        assert Encoder(one).encode("<bos>ab") == [bos, *Encoder(tokenizer).encode("ab")]
        encoder = Encoder(one, chat_template=True)
        prompt, target = encoder.pair(encoder.prompt("Q?"), "A")
        assert [prompt[0], prompt[1] == bos, bos in target] == [bos, False, False]
        assert (prompt + target).count(bos) == 2


@pytest.mark.parametrize(
    ("prompt", "target", "prompt_part", "target_part"),
    [
        ("Q:", " yes", "Q:", " yes"),
        ("Q: ", "yes", "Q:", " yes"),
        ("Q:\n\n", "yes", "Q:", "\n\nyes"),
        ("Q: ", " yes", "Q:", "  yes"),
        ("Q:", "yes ", "Q:", "yes "),
        ("Q:", "", "Q:", ""),
    ],
)
def test_whitespace_at_the_border_belongs_to_the_target(
    tokenizer: Any, prompt: str, target: str, prompt_part: str, target_part: str
) -> None:
    encoder = Encoder(tokenizer)
    assert encoder.pair(prompt, target) == (encoder.encode(prompt_part), encoder.encode(target_part))


def test_a_pair_begins_with_bos_once_and_not_again_in_the_target(tokenizer: Any, tokenizer_with_bos: Any) -> None:
    prompt, target = Encoder(tokenizer_with_bos).pair("Q:", " yes")
    plain = Encoder(tokenizer)
    assert (prompt, target) == ([tokenizer.bos_token_id, *plain.encode("Q:")], plain.encode(" yes"))


@pytest.mark.parametrize("spanning", ["yes sir", ": yes sir", "yes s", "s s"])
def test_a_token_that_would_span_prompt_and_target_is_split_by_their_characters(spanning: str) -> None:
    spanned = make_tiny_tokenizer()
    spanned.add_tokens([AddedToken(spanning, normalized=False)])
    assert len(spanned.encode("Q: yes sir")) < len(b"Q: yes sir")
    prompt, target = Encoder(spanned).pair("Q: yes", " sir")
    assert (prompt, target) == (spanned.encode("Q: yes"), spanned.encode(" sir"))
    assert (spanned.decode(prompt), spanned.decode(target)) == ("Q: yes", " sir")


def test_a_target_split_off_gets_no_space_of_its_own() -> None:
    inner = Tokenizer(BPE(dict(zip("▁Q:ab\n", range(6), strict=True)) | {":a": 6}, [(":", "a")]))
    inner.pre_tokenizer = Metaspace(prepend_scheme="first", split=False)  # as SentencePiece's dummy prefix
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>")
    assert tokenizer.convert_ids_to_tokens(tokenizer.encode("Q:ab")) == ["▁", "Q", ":a", "b"]
    prompt, target = map(tokenizer.convert_ids_to_tokens, Encoder(tokenizer).pair("Q:", "ab"))
    assert (prompt, target) == (["▁", "Q", ":"], ["a", "b"])


@given(st.text(max_size=20), st.text(max_size=20))
def test_prompt_and_target_together_are_the_tokens_of_the_whole_text(prompt: str, target: str) -> None:
    encoder = Encoder(make_tiny_tokenizer())
    first, second = encoder.pair(prompt, target)
    assert first + second == encoder.encode(prompt + target)
    assert first == encoder.encode(prompt.rstrip())


def test_an_item_that_fits_is_written_whole(tokenizer: Any) -> None:
    encoder, task, item = Encoder(tokenizer), choose("k8s_qa"), example("one two three")
    whole = write(task, encoder, item)
    assert whole == Written(
        item, f"Documentation:\none two three\n\nQuestion: {item.question}\nAnswer:", " It is full."
    )
    limit = length(encoder, whole)
    assert write_within(task, encoder, item, limit, shorten=False) == whole
    assert write_within(task, encoder, item, limit, shorten=True) == whole


def test_an_item_that_does_not_fit_is_dropped_where_it_may_not_be_shortened(tokenizer: Any) -> None:
    encoder, task, item = Encoder(tokenizer), choose("k8s_qa"), example("one two three")
    limit = length(encoder, write(task, encoder, item)) - 1
    assert write_within(task, encoder, item, limit, shorten=False) is None
    assert write_within(task, encoder, item, limit, shorten=True) is not None


def test_the_context_loses_its_last_words_and_nothing_else(tokenizer: Any) -> None:
    encoder, task, item = Encoder(tokenizer), choose("k8s_qa"), example("one two three")
    limit = length(encoder, write(task, encoder, item)) - 1
    shorter = write_within(task, encoder, item, limit, shorten=True)
    assert shorter == replace(write(task, encoder, example("one two")), shortened=True)


@pytest.fixture(scope="module")
def encoders(tokenizer: Any, tokenizer_with_bos: Any) -> list[tuple[Encoder, list[tuple[str, str]]]]:
    return [
        (Encoder(tokenizer), []),
        (Encoder(tokenizer_with_bos, chat_template=True, system_prompt="Be brief."), SHOTS),
    ]


@given(
    words=st.lists(st.sampled_from(["a", "pod", "é", "", "kubelet\n"]), min_size=2, max_size=12),
    limit=st.integers(0, 260),
    room=st.sampled_from([0, 5, 40]),
    which=st.integers(0, 1),
)
def test_a_context_is_cut_as_little_as_needed(
    encoders: list[tuple[Encoder, list[tuple[str, str]]]], words: list[str], limit: int, room: int, which: int
) -> None:
    encoder, shots = encoders[which]
    task, item = choose("k8s_qa"), example(" ".join(words))
    pieces = re.findall(r"\s*\S+", item.context or "")

    def takes(context: str | None) -> int:
        return length(encoder, write(task, encoder, example(context or ""), shots), room)

    written = write_within(task, encoder, item, limit, room=room, shots=shots, shorten=True)
    cuts = ["".join(pieces[:count]) for count in range(len(pieces) - 1, 0, -1)]
    fitting = [context for context in [item.context, *cuts] if takes(context) <= limit]
    if written is None:
        assert not fitting
        return
    assert written.example.context == fitting[0]
    assert written.shortened == (written.example.context != item.context)
    assert length(encoder, written, room) <= limit


def test_a_context_without_spaces_is_cut_between_characters() -> None:
    encoder = Encoder(make_tiny_tokenizer())
    item = example("再起動してからログを確認する" * 4)
    whole = length(encoder, write(choose("k8s_qa"), encoder, item))
    written = write_within(choose("k8s_qa"), encoder, item, whole - 7, shorten=True)
    assert written is not None
    assert item.context is not None
    assert written.example.context == item.context[:-3]  # three bytes a character


def test_room_for_a_completion_counts_like_a_longer_target(tokenizer: Any) -> None:
    encoder, task, item = Encoder(tokenizer), choose("k8s_qa"), example("one two three")
    written = write(task, encoder, item)
    _, target = encoder.pair(written.prompt, written.target)

    def fits(room: int) -> bool:
        limit = length(encoder, written)
        return write_within(task, encoder, item, limit, room=room, shorten=False) is not None

    assert [fits(len(target) - 1), fits(len(target) + 1), fits(len(target) + 2)] == [True, True, False]


@pytest.mark.parametrize("context", [None, ""])
def test_an_item_without_a_context_can_not_be_shortened(tokenizer: Any, context: str | None) -> None:
    encoder, task = Encoder(tokenizer), choose("k8s_qa:context=none")
    assert write_within(task, encoder, example(context), 10, shorten=True) is None


def test_a_context_that_is_not_in_the_prompt_can_not_make_it_shorter(tokenizer: Any) -> None:
    item = example("one two three")
    assert write_within(choose("k8s_qa:context=none"), Encoder(tokenizer), item, 10, shorten=True) is None


def test_an_item_whose_question_alone_is_too_long_is_dropped(tokenizer: Any) -> None:
    assert write_within(choose("k8s_qa"), Encoder(tokenizer), example("one two three"), 30, shorten=True) is None
