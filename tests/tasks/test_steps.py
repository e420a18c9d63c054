"""Arithmetic, numbers and steps as models write them: read without an exception, and never accepted when wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench import Example
from medcot_tasks.medical.arithmetic import evaluate
from medcot_tasks.medical.number import close, is_right, read_answer, to_float
from medcot_tasks.medical.steps import Step, Work, check, holds, read, rounded

ARITHMETIC_LIKE = st.text(alphabet="0123456789+-*/^()., lnsqrtmaxicb×÷−=:", max_size=60)


def item(steps: Sequence[Step], answer: str = "1", **meta: object) -> Example:
    return Example(
        id="x", group="x", question="?", answer=answer, meta={"steps": [asdict(s) for s in steps], **meta}
    )


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2*3", 7),
        ("(1 + 2)*3", 9),
        ("2^3^2", 512),
        ("-2^2", -4),
        ("2^-1", 0.5),
        ("10 - 4 - 3", 3),
        ("16/4/2", 2),
        ("8 ÷ 4 × 3 − 1", 5),
        ("1,250 + .5", 1250.5),
        ("sqrt(175*80/3600)", math.sqrt(175 * 80 / 3600)),
        ("ln(4.2)", math.log(4.2)),
        ("cbrt(0.8)", math.cbrt(0.8)),
        ("142*min(1.0/0.9, 1)^-0.302*max(1.0/0.9, 1)^-1.2*0.9938^50", 91.692),
        ("--3", 3),
    ],
)
def test_expressions_have_the_value_that_algebra_gives_them(expression: str, value: float) -> None:
    assert evaluate(expression) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "()",
            "1 +",
            "1 2",
            "1/0",
            "ln(0)",
            "ln(-1)",
            "sqrt(-4)",
            "(-8)^0.5",
            "min(1)",
            "max 1, 2",
            "foo(1)",
        ),
        *(
            "9^9^9^9",
            "1e5",
            "1..2",
            "(" * 100,
            "(" * 30 + "1" + ")" * 30,
            "1" * 500,
            "٣ + ١",
            "__import__",
            "0^-1",
        ),
    ],
)
def test_what_is_no_arithmetic_has_no_value(text: str) -> None:
    assert evaluate(text) is None


@given(ARITHMETIC_LIKE | st.text(max_size=300))
def test_no_text_breaks_the_evaluator(text: str) -> None:
    value = evaluate(text)
    assert value is None or math.isfinite(value)


@given(st.integers(0, 999), st.integers(1, 999), st.sampled_from("+-*/"))
def test_the_evaluator_agrees_with_python(a: int, b: int, operator: str) -> None:
    assert evaluate(f"{a} {operator} {b}") == pytest.approx(eval(f"{a} {operator} {b}"))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Answer: 12", 12),
        ("answer is 1,250.5 mL", 1250.5),
        ("Answer: 3\nAnswer: 4", 4),
        ("**Answer:** 7.", 7),
        ("Answer: -3 mEq/L", -3),
        ("Answer: −3", -3),
        ("Answer: .5", 0.5),
        ("Answer: 12.", 12),
        ("Answer: 12 (C)", 12),
        ("Answer: 12 mL/h", 12),
        ("Answer: 12 - so be it", 12),
        *((f"Answer: {text}", None) for text in ("12/4", "12-15", "12 or 14", "5 to 6", "1e3", "2^3", "3 + 4")),
        *((f"Answer: {text}", None) for text in ("1e-3", "4.5e+2", "1.2 x 10^3", "1 250", "12 — 15", "12~15")),
        *((f"Answer: {text}", None) for text in ("12 and 13", "5, 6", "2:30")),
        ("Answer: 12\nAnswer: 5 to 6", None),
        ("Answer: 12\n13 of them", 12),
        ("The value is 12", None),
        ("Answer: twelve", None),
        ("Answer: about 12", None),
        ("Answer:", None),
        ("Answers 12", None),
        ("Answer: 1,25", None),
        ("Answer: 1.2.3", None),
        ("Answer: " + "9" * 5000, None),
    ],
)
def test_the_answer_is_the_number_right_after_the_last_answer_mark(text: str, number: float | None) -> None:
    assert read_answer(text) == number


@given(st.text(max_size=200), st.text(alphabet="answerAvlu:=* 0123456789.,-−", max_size=80))
def test_no_text_breaks_the_reading_of_numbers(one: str, other: str) -> None:
    for text in (one, other, one + other):
        read_answer(text)
        to_float(text)


@given(st.decimals(-9999, 9999, places=2), st.floats(1.0001, 50))
def test_a_number_outside_the_tolerance_is_never_right(gold: object, factor: float) -> None:
    answer = str(gold)
    example = Example(id="x", group="x", question="?", answer=answer)
    slack = max(0.01 * abs(float(answer)), 0.005)
    for sign in (-1, 1):
        assert not is_right(example, float(answer) + sign * slack * factor)
        assert is_right(example, float(answer) + sign * slack * 0.99)


def test_answers_of_rows_may_have_commas_and_typographic_minus_signs() -> None:
    thousand, minus = (Example(id="x", group="x", question="?", answer=text) for text in ("1,250", "−5"))
    assert is_right(thousand, 1250)
    assert not is_right(thousand, 1)
    assert is_right(minus, -5)


def test_zeros_left_out_at_the_end_do_not_widen_the_tolerance() -> None:
    bmi = Example(id="x", group="x", question="?", answer="25", meta={"decimals": 1})
    assert [is_right(bmi, number) for number in (24.7, 24.8, 25.2, 25.3)] == [False, True, True, False]


@pytest.mark.parametrize(
    "steps",
    [
        *(3, None, "x", [1], [{"name": "a"}]),
        [{"name": 1, "expression": "1", "value": "1", "unit": ""}],
        [{"name": "a", "expression": "1", "value": "x", "unit": ""}],
    ],
)
def test_steps_of_a_row_that_are_none_count_as_none(steps: object) -> None:
    row = Example(id="x", group="x", question="?", answer="1", meta={"steps": steps})
    assert set(check(row, "a: 1 = 1").values()) == {None}


def test_bounds_of_a_row_and_exactness_replace_the_tolerance() -> None:
    bounded = Example(id="x", group="x", question="?", answer="10", meta={"lower": 9.5, "upper": 10.5})
    assert [is_right(bounded, number) for number in (9.4, 9.5, 10.5, 10.6)] == [False, True, True, False]
    written = Example(id="x", group="x", question="?", answer="10", meta={"lower": "9.5", "upper": "1,010.5"})
    assert [is_right(written, number) for number in (9.4, 9.5, 1010.5, 1011)] == [False, True, True, False]
    points = Example(id="x", group="x", question="?", answer="3", meta={"exact": True})
    assert [is_right(points, number) for number in (3, 3.02, 2, 4)] == [True, False, False, False]
    assert not is_right(Example(id="x", group="x", question="?", answer="a date"), 3)


@given(st.floats(-1e6, 1e6), st.integers(0, 3))
def test_rounding_is_to_the_nearest_and_never_writes_minus_nought(value: float, places: int) -> None:
    written = rounded(value, places)
    assert abs(float(written) - value) <= 0.5 * 10**-places * (1 + 1e-6) + 1e-6
    assert not written.startswith("-0") or float(written) != 0
    assert len(written.partition(".")[2]) == places


def map_steps() -> list[Step]:
    work = Work()
    double = work.step("twice diastolic", "2*80", "mmHg")
    total = work.step("sum", f"120 + {double}", "mmHg")
    work.step("MAP", f"{total}/3", "mmHg", decimals=1)
    return work.steps


def text_of(steps: Sequence[Step]) -> str:
    return "\n".join(step.text for step in steps)


def test_written_steps_are_read_back_as_they_were() -> None:
    assert read(text_of(map_steps())) == map_steps()


def test_a_step_without_value_is_refused() -> None:
    with pytest.raises(ValueError, match="ratio: '1/0' has no value"):
        Work().step("ratio", "1/0")


def test_the_solution_scores_one_on_every_score() -> None:
    for ending in ("", "\nAnswer: 93.3", "\nAnswer: 93.3 (B)"):
        scores = check(item(map_steps()), text_of(map_steps()) + ending)
        assert scores == {"step_f1": 1, "arithmetic": 1, "first_error": 1}


def test_prose_between_steps_does_not_count_and_list_marks_and_spacing_do_not_matter() -> None:
    first, second, third = (step.text for step in map_steps())
    text = f"We begin.\n- {first}\n* {second}.\nNow divide:\n{third.replace(' = ', '=')}"
    assert check(item(map_steps()), text) == {"step_f1": 1, "arithmetic": 1, "first_error": 1}


def test_a_full_stop_after_a_value_is_no_part_of_it() -> None:
    assert read("MAP: 280/4 = 70.") == [Step("MAP", "280/4", "70")]


def test_no_steps_score_nothing_and_items_without_typed_steps_have_no_such_scores() -> None:
    nothing = {"step_f1": 0, "arithmetic": None, "first_error": 0}
    assert check(item(map_steps()), "It is 93.3.") == nothing
    bare = Example(id="x", group="x", question="?", answer="1")
    assert check(bare, text_of(map_steps())) == dict.fromkeys(nothing)


@given(st.integers(0, 2), st.integers(-500, 500).filter(bool))
def test_every_planted_wrong_value_is_found_where_it_stands(place: int, off: int) -> None:
    steps = map_steps()
    steps[place] = replace(steps[place], value=rounded(float(steps[place].value) + off / 10, 1))
    assert not holds(steps[place])
    scores = check(item(map_steps()), text_of(steps))
    assert scores["first_error"] == pytest.approx(place / 3)
    assert scores["arithmetic"] == pytest.approx(2 / 3)
    assert scores["step_f1"] == pytest.approx(2 / 3)


@given(st.integers(0, 2))
def test_a_missing_an_extra_and_a_misnamed_step_are_found(place: int) -> None:
    gold = map_steps()
    fewer = check(item(gold), text_of(gold[:place] + gold[place + 1 :]))
    assert fewer["first_error"] == pytest.approx(place / 3)
    more = check(item(gold), text_of([*gold[:place], Step("extra", "1 + 1", "2"), *gold[place:]]))
    assert more["step_f1"] == pytest.approx(6 / 7)
    assert more["arithmetic"] == 1
    assert more["first_error"] == pytest.approx(place / 3)
    renamed = [*gold[:place], replace(gold[place], name="something"), *gold[place + 1 :]]
    assert check(item(gold), text_of(renamed))["first_error"] == pytest.approx(place / 3)


def test_a_right_value_from_wrong_arithmetic_is_an_error() -> None:
    steps = map_steps()
    steps[1] = replace(steps[1], expression="120 + 150")
    scores = check(item(map_steps()), text_of(steps))
    assert scores["arithmetic"] == pytest.approx(2 / 3)
    assert scores["first_error"] == pytest.approx(1 / 3)


def test_a_step_after_the_last_one_is_an_error_at_the_end() -> None:
    scores = check(item(map_steps()), text_of([*map_steps(), Step("more", "1 + 1", "2")]))
    assert scores["first_error"] == pytest.approx(3 / 4)


@given(st.text(max_size=500), st.lists(st.text(alphabet="ab:=123.+-*/ \n", max_size=40), max_size=6))
def test_no_text_breaks_the_check_of_steps(text: str, lines: list[str]) -> None:
    for written in (text, "\n".join(lines)):
        for score in check(item(map_steps()), written).values():
            assert score is None or 0 <= score <= 1


@pytest.mark.parametrize("text", [": = 1", "a: b = c", "a: 1 = 1 = 1", "x" * 5000 + ": 1 = 1", "a: 1 = 1.2.3"])
def test_lines_that_are_no_step_are_passed_over(text: str) -> None:
    assert read(text) == []


def test_closeness_is_a_hundredth_or_half_of_the_last_digit() -> None:
    assert close(101.0, "100")
    assert not close(101.1, "100")
    assert close(0.54, "0.5")
    assert not close(0.56, "0.5")
