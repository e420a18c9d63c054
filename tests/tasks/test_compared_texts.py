"""How texts are compared: the rules of docs/scores.md are true, and no text scores 1 but by them."""

from __future__ import annotations

import doctest
import re
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medcot_bench.scoring.item_scores import cut
from medcot_tasks.medical.medqa_cot import read_letter
from medcot_tasks.normal_form import numbers, tokens
from medcot_tasks.text_answer import is_same, token_f1

PAGE = (Path(__file__).parents[2] / "docs" / "scores.md").read_text(encoding="utf-8")
RULES = re.findall(r"^\| ([^|]+) \| `([^|]+)` \| `([^|]+)` \|$", PAGE, re.MULTILINE)
NAMES = {f.__name__: f for f in (cut, is_same, numbers, read_letter, token_f1, tokens)}


@pytest.mark.parametrize(("rule", "example", "value"), RULES)
def test_a_rule_of_the_docs_is_true(rule: str, example: str, value: str) -> None:
    wanted = "" if value == "None" else f"{value}\n"
    test = doctest.DocTestParser().get_doctest(f">>> {example}\n{wanted}", dict(NAMES), rule, "docs/scores.md", 0)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


def test_every_rule_has_an_example() -> None:
    tables = PAGE.partition("## How texts are compared")[2].partition("\n## ")[0]
    lines = [line for line in tables.splitlines() if line.startswith("| ")]
    assert len(RULES) == len(lines) - lines.count("| rule | example | gives |") > 15


def forms_of(value: Decimal) -> st.SearchStrategy[str]:
    """One number written in different ways, which all mean it."""
    plain = f"{value:f}"
    whole, _, decimals = plain.partition(".")
    zeros = f"{whole}.{decimals}00"
    minus = [form.replace("-", sign) for form in (plain, zeros, f"{value:,f}") for sign in "-−－"]
    power = f"{value * 1000:f}e-3"
    digits = [plain.translate({48 + n: zero + n for n in range(10)}) for zero in (0x660, 0x966, 0xFF10)]
    return st.sampled_from([*minus, *digits, power, f"{value:,f}".replace(",", "\u202f"), f" {plain}. "])


NUMBERS = st.decimals(-(10**7), 10**7, places=3) | st.integers(-(10**6), 10**6).map(Decimal)
SIGNS = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "->",
    "=>",
    "&&",
    "||",
    "^",
    "~",
    "#",
    "@",
    "$",
]
EMOJI = [
    "👍",
    "👎",
    "👍🏽",
    "❤",
    "❤️‍🔥",
    "🇬🇧",
    "🇧🇬",
    "🇩🇪",
    "👩‍🚀",
    "👩",
    "🚀",
    "☑",
    "☒",
    "★",
    "★★",
    "★★★",
    "🏴",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
]
MARKS = ["!", "?", "...", ":", ";", "。", "⸮", "،", "()", "[]", "{}", "—", "·"]
WORDS = [
    "Pod",
    "узел",
    "重启节点",
    "再起動",
    "ノード",
    "รีสตาร์ท",
    "ကွန်ပျူတာ",
    "हाँ",
    "عقدة",
    "노드",
    "ﬁle",
    "Straße",
    "web-5",
    "A",
    "the",
    "don’t",
]
PART = st.sampled_from([*SIGNS, *EMOJI, *MARKS, *WORDS]) | NUMBERS.flatmap(forms_of) | st.text(max_size=8)
TEXT = st.lists(PART, max_size=6).flatmap(
    lambda parts: st.sampled_from(["", " ", ", ", "\n"]).map(lambda by: by.join(parts))
)


@pytest.fixture(params=[150, pytest.param(2000, marks=pytest.mark.slow)])
def fuzz(request: pytest.FixtureRequest) -> settings:
    """How many examples a property is tried on: always the same ones."""
    return settings(
        max_examples=request.param,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def test_every_text_is_its_own_answer_and_no_text_breaks_a_score(fuzz: settings) -> None:
    @fuzz
    @given(TEXT, TEXT)
    def check(reference: str, answer: str) -> None:
        assert is_same(reference, reference)
        assert token_f1(reference, reference) == 1
        assert is_same(reference, answer) == is_same(answer, reference)
        found = token_f1(reference, answer)
        assert 0 <= found <= 1
        assert (found == 1) == (token_f1(answer, reference) == 1)
        if is_same(reference, answer):
            assert found == 1
        if found == 1 and tokens(reference):
            assert sorted(tokens(reference)) == sorted(tokens(answer))
        elif found == 1:
            assert is_same(reference, answer)

    check()


def test_numbers_are_equal_by_their_value_however_they_are_written(fuzz: settings) -> None:
    pairs = st.tuples(NUMBERS, NUMBERS | st.none()).map(lambda two: (two[0], two[0] if two[1] is None else two[1]))

    @fuzz
    @given(pairs.flatmap(lambda two: st.tuples(st.just(two), forms_of(two[0]), forms_of(two[1]))))
    def check(case: tuple[tuple[Decimal, Decimal], str, str]) -> None:
        (one, other), *written = case
        assert is_same(*written) == (one == other), written
        assert (token_f1(*written) == 1) == (one == other), written

    check()


@pytest.mark.parametrize("pool", [SIGNS, EMOJI, MARKS], ids=["signs", "emoji", "marks"])
def test_no_two_signs_or_emoji_are_equal(pool: list[str]) -> None:
    for one, other in permutations(pool, 2):
        assert not is_same(one, other), (one, other)
        assert token_f1(one, other) == 0, (one, other)
        assert token_f1(f"so {one}", f"so {other}") < 1 or pool is MARKS, (one, other)
