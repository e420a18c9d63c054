"""Facts about rows before training, told one line each."""

from __future__ import annotations

from typing import Any

from medcot_bench import Example
from medcot_bench.data.row_facts import describe_rows


def row(number: int, **fields: Any) -> Example:
    whole = {"id": str(number), "group": f"g{number}", "question": f"Which {number}?", "answer": f"a{number}"}
    return Example(**whole | fields)


def test_plain_rows_have_their_groups_only() -> None:
    assert [*describe_rows([row(n) for n in range(3)])] == ["3 rows in 3 groups of 1 row"]
    assert [*describe_rows([row(n, group="g" if n else "h") for n in range(3)])] == [
        "3 rows in 2 groups of 1 to 2 rows"
    ]
    assert [*describe_rows([])] == []


def test_constant_and_empty_answers_are_told() -> None:
    assert [*describe_rows([row(n, answer="yes") for n in range(3)])][1:] == [
        "every answer is 'yes', a constant answer"
    ]
    rows = [row(0, answer=" "), row(1), row(2, answer="<think>2 + 2"), row(3, answer="(a) <b>")]
    assert [*describe_rows(rows)][1:] == ["2 answers without text; thinking is not scored"]


def test_forms_that_scores_of_text_do_not_read_are_told() -> None:
    letters = [row(n, answer=answer) for n, answer in enumerate(("A", "(b)", "C. "))]
    [fact] = [*describe_rows(letters)][1:]
    assert fact.startswith("every answer is a letter, compared as text; ")
    assert [*describe_rows([*letters, row(3, answer="aspirin")])][1:] == []
    assert [*describe_rows([row(n, answer="AB"[n], options={"A": "x", "B": "y"}) for n in range(2)])][1:] == []
    assert [*describe_rows([row(0, answer="so \\boxed{4}"), row(1)])][1:] == [
        "1 answer with \\boxed{}, compared as written; take what is in it"
    ]
    assert [*describe_rows([row(0, answer="2 + 2\n#### 4"), row(1, answer="#### means a heading")])][1:] == [
        "1 answer with reasoning before ####, compared whole; make it a column of its own (--reasoning)"
    ]


def test_duplicates_and_questions_with_different_answers_are_counted() -> None:
    rows = [row(0), row(1, question="Which 0?", answer="a0"), row(2, question="Which 0?", answer="other"), row(3)]
    assert [*describe_rows(rows)][1:] == [
        "1 row repeating the question and the answer of another",
        "1 question with different answers, e.g. 'Which 0?'",
    ]


def test_one_question_about_two_contexts_or_of_two_sets_of_options_is_two_questions() -> None:
    rows = [row(n, question="Sum up.", context=f"Note {n}") for n in range(2)]
    rows += [row(n, question="Which is true?", options={"A": f"o{n}"}) for n in range(2, 4)]
    assert [*describe_rows(rows)] == ["4 rows in 4 groups of 1 row"]


def test_scripts_without_spaces_are_told() -> None:
    assert [*describe_rows([row(n, question=f"如何重启节点 {n}?") for n in range(2)])][1:] == [
        "a script without spaces between words: scores by words count its characters"
    ]
