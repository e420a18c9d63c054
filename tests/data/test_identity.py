"""What a question is known by: signs count, the ways of writing do not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.text import identify, letters, normalise


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2 + 2 = ?", "2 - 2 = ?"),
        ("5-3", "5+3"),
        ("-5", "5"),
        ("What is 5! = ?", "What is 5 = ?"),
        ("(2 + 3) * 4", "2 + (3 * 4)"),
        ("3.5", "3,5"),
        ("3 < 4", "3 > 4"),
        ("10²", "102"),
        ("f'(x)", "f(x)"),
        ("f''(x)", "f(x)"),
        ("f''(x)", "f'(x)"),
        ("f''' (x)", "f' (x)"),
        ("Solve y'' + y = 0", "Solve y' + y = 0"),
        ("Solve y' + y = 0", "Solve y + y = 0"),
        ("x != y", "x == y"),
        ("a && b", "a || b"),
        ("a -> b", "a <- b"),
        ("C", "C++"),
        ("!=", "=="),
        ("->", "=>"),
        ("?", "!"),
        ("😀", "😢"),
        ("Is 👍 right?", "Is 👎 right?"),
        ("🇩🇪", "🇫🇷"),
        ("$5", "€5"),
        ("50%", "50"),
        ("[1, 2]", "(1, 2)"),
        ("A ∧ B", "A ∨ B"),
        ("重启+", "重启-"),
    ],
)
def test_what_differs_in_signs_differs(one: str, other: str) -> None:
    assert identify(one) != identify(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello, who are you?", "hello who are you"),
        ('Say "hi".', "say hi"),
        ("“Hi!”", "hi"),
        ("the dogs' bowl, ", "The dogs bowl"),
        ("say ''hi'' now", "say hi now"),
        ("It's plan 'b'.", "it's plan b"),
        ("don’t", "DON'T"),
        ("Quoi ?", "quoi"),
        ("¿Qué?", "qué"),
        ("2 − 3", "2 - 3"),
        ("Wait...", "wait"),
        ("重启。", "重启"),
        ("❤\ufe0f", "❤"),
        ("a\n\tb", "a b"),
    ],
)
def test_case_spacing_quotes_and_punctuation_do_not_count(one: str, other: str) -> None:
    assert identify(one) == identify(other)


@pytest.mark.parametrize(
    "text",
    ["Which unit is it?", "A well-known answer, isn't it?", "यह क्या है?", "Où est-il ?"],
)
def test_a_question_without_signs_is_known_by_its_words_as_ever(text: str) -> None:
    assert identify(text) == normalise(text)


@given(st.text() | st.text("aZ1_ \n\t\x1c'\"-+=.,!?()’é²ﬁ重२\u0301\ud83d"))
def test_questions_known_by_the_same_have_the_same_letters(text: str) -> None:
    kept = re.sub(r"[^\w\u0080-\U0010ffff]", "", identify(text), flags=re.ASCII)
    assert letters(text) == kept.encode(errors="surrogatepass")
