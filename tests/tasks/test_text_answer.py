"""Scores of short texts: what counts, what does not, and numbers that are wrong."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import resolve_task
from medcot_bench.study.spec_strings import parse_specs
from medcot_tasks.bundled import LEVELS, SHIFTS
from medcot_tasks.text_answer import score_text


@pytest.mark.parametrize(
    ("reference", "answer", "exact", "f1"),
    [
        ("30 minutes", "the 30 Minutes.", 1, 1),
        ("30 minutes", "20 minutes", 0, 0),
        ("30 minutes", "minutes", 0, 0),
        ("30 minutes", "30 hours", 0, 0.5),
        ("-5", "5", 0, 0),
        ("-5 °C", "\u22125°C", 1, 1),
        ("17%", "17", 0, 1),
        ("17 %", "17%", 1, 1),
        ("5 °C", "5 c", 0, 1),
        ("1,250 m", "1250 m", 1, 1),
        ("3.0 bar", "3 bar", 1, 1),
        ("29.00", "29", 1, 1),
        ("0.50", ".5", 1, 1),
        ("1,000", "1000", 1, 1),
        ("1,000,000.50 m", "1000000.5m", 1, 1),
        ("12\u202f345", "12345", 1, 1),
        ("1'000", "1000", 1, 1),
        ("1e3", "1000", 1, 1),
        ("2.5E-3", "0.0025", 1, 1),
        ("+5", "5", 1, 1),
        ("-0", "0", 1, 1),
        ("3½", "31/2", 0, 0),
        ("10²", "102", 0, 0),
        ("٤٢٫٥", "42.5", 1, 1),
        ("-3", "3", 0, 0),
        ("2024\u202f100 W", "2024100 W", 0, 0),
        ("0,123", "123", 0, 0),
        ("1,5", "1.5", 0, 0),
        ("50%", "0.5", 0, 0),
        ("007", "7", 0, 0),
        ("0x10", "16", 0, 0),
        ("v1.20", "v1.2", 0, 0.5),
        ("1.20.0", "1.20", 0, 0),
        ("1e9999", "1e9998", 0, 0.5),
        ("it was at 29.5 here and at 5.29 there", "it was at 5.29 here and at 29.5 there", 0, 1),
        ("it was at -5 degrees on the whole long day", "it was at 5 degrees on the whole long day", 0, 8 / 9),
        ("it was at 1.5 here and at 2.7 over there", "it was at 1.7 here and at 2.5 over there", 0, 20 / 24),
        ("E-05", "E05", 0, 0),
        ("2.14.3", "2.14.4", 0, 0),
        ("02:10", "02:11", 0, 0),
        ("2/3", "1/3", 0, 0),
        ("4 A", "4", 0, 2 / 3),
        ("12Gi", "12 Gi", 1, 1),
        ("0.5", ".5", 1, 1),
        ("-5", "\u20135", 1, 1),
        ("5%-10%", "5% - 10%", 0, 1),
        ("10-15 bar", "15 bar", 0, 0.8),
        ("`web-5`", '"web-5"', 1, 1),
        ("web-5", "web-6", 0, 0),
        ("yes", "Yes!", 1, 1),
        ("30 minutes", '"30 minutes."', 1, 1),
        ("the", "a", 0, 0),
        ("👎", "::::", 0, 0),
        ("👎", "👍", 0, 0),
        ("👍", "👍🏽", 0, 0),
        ("👍", "👍!", 1, 1),
        ("❤️", "❤", 1, 1),
        ("❤️", "✔️", 0, 0),
        ("🇬🇧", "🇧🇬", 0, 0),
        ("👩‍🚀", "👩🚀", 0, 0),
        ("★★★", "★★", 0, 0),
        ("+", "-", 0, 0),
        ("−", "-", 1, 1),
        (">=", "<", 0, 0),
        (">=", "=>", 0, 0),
        ("!=", "=", 0, 0),
        (":=", "=", 0, 0),
        ("/", "*", 0, 0),
        ("%", "°", 0, 0),
        ("(+)", "(-)", 0, 0),
        ("a + b", "a - b", 0, 0.8),
        ("a * b", "a / b", 0, 2 / 3),
        ("x >= 3", "x < 3", 0, 2 / 3),
        ("x > 3", "x>3", 0, 1),
        ("C++", "C", 0, 2 / 3),
        ("C", "C#", 0, 2 / 3),
        ("A-", "A", 0, 2 / 3),
        ("$5", "€5", 0, 0.5),
        ("!", "?", 0, 0),
        ("...", "…", 1, 1),
        ("[]", "{}", 0, 0),
        ("'", "`", 0, 0),
        ("\u200b", "\ufeff", 1, 1),
        ("yes", "**Yes**", 1, 1),
        ("yes", "- Yes", 0, 1),
        ("Mr. Smith’s", "mr. smith's", 1, 1),
        ("hepatitis A", "hepatitis", 0, 2 / 3),
        ("hepatitis A virus", "hepatitis virus", 0, 0.8),
        ("重启节点", "请重启节点", 0, 8 / 9),
        ("重启节点", "重启节点。", 1, 1),
        ("重启 节点", "“重启节点”", 1, 1),
        ("等待30.0分钟", "等待30分钟", 1, 1),
        ("等待30分钟", "等待31分钟", 0, 0),
        ("重启Pod", "重启pod！", 1, 1),
        ("รีสตาร์ท", "รีสตาร์ท", 1, 1),
        ("ｶﾀｶﾅ", "カタカナ", 1, 1),
        ("¿Sí?", "sí", 1, 1),
        ("نعم؟", "نعم", 1, 1),
        ("हाँ।", "हाँ", 1, 1),
        ("unlock the cover", "Unlock cover", 1, 1),
        ("It has 3 pods that all run on one node", "pods run", 0, 4 / 12),
    ],
)
def test_what_counts(reference: str, answer: str, exact: float, f1: float) -> None:
    assert score_text(reference, answer) == {"exact": exact, "answer": pytest.approx(f1)}


@given(st.integers(-9999, 9999), st.integers(-9999, 9999), st.sampled_from(["", " bar", "%", " °C", "m"]))
def test_another_number_is_never_right(right: int, wrong: int, unit: str) -> None:
    same = right == wrong
    assert score_text(f"{right}{unit}", f"{wrong}{unit}") == {"answer": float(same), "exact": float(same)}


@pytest.mark.parametrize("name", ["k8s_qa", "manuals_qa"])
@pytest.mark.parametrize("level", LEVELS)
def test_every_gold_answer_scores_1(name: str, level: str) -> None:
    for shift in ("", *(f"@{shift}" for shift in SHIFTS)):
        task = resolve_task(parse_specs(f"{name}{shift}:level={level}")[0], installed()).task
        for item in islice(task.examples("eval"), 200):
            assert score_text(item.answer, task.target(item).text) == {"answer": 1.0, "exact": 1.0}
