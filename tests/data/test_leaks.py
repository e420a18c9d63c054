"""Leaks, distinct from closed sets of answers and from texts that are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from medcot_bench import Example, Target
from medcot_bench.data.leaks import Asked, Leak, count_extractive, find_leak
from medcot_bench.stats.p_values import binomial

WORDS = ["pump", "valve", "fan", "belt", "lamp", "cedar", "stone", "river", "copper", "velvet"]
COUNT = 20


def made(number: int, **fields: Any) -> Example:
    answer = f"{WORDS[number % 10]} {number}"
    whole = {"id": str(number), "group": str(number), "question": f"Which code has {number}?", "answer": answer}
    return Example(**whole | fields)


def free(prompt: Callable[[Example], str], count: int = COUNT, **fields: Callable[[int], Any]) -> list[Asked]:
    examples = [made(n, **{name: value(n) for name, value in fields.items()}) for n in range(count)]
    return [Asked(one, Target(one.answer), prompt(one)) for one in examples]


def found(items: Sequence[Asked], *, context_given: bool = False) -> Leak:
    return find_leak(items, context_given=context_given)


def plain(one: Example) -> str:
    return f"{one.context or ''}\nQuestion: {one.question}\nAnswer:"


def labelled(labels: Sequence[str], prompt: Callable[[Example], str]) -> list[Asked]:
    return free(prompt, 60, answer=lambda n: labels[n % len(labels)], question=lambda n: f"The lamp {n} was so.")


def test_a_target_that_the_prompt_adds_is_a_leak() -> None:
    leak = found(free(lambda one: f"{one.question} {one.answer}\nAgain:"))
    assert (leak.hits, leak.items, leak.expected) == (20, 20, pytest.approx(1.0))
    assert leak.p == pytest.approx(0.05**20)
    assert leak.serious
    assert leak.shown == "item '0', target 'pump 0', prompt '... Which code has 0? pump 0'"


def test_a_reasoning_that_the_prompt_adds_is_a_leak() -> None:
    items = [
        Asked(one, Target("Answer: B", f"Because of {one.answer}."), f"{one.question} because OF {one.answer}:")
        for one in map(made, range(COUNT))
    ]
    assert found(items).hits == COUNT


def test_a_leak_beside_fixed_examples_or_listed_labels_is_found() -> None:
    fixed = "Q: Which?\nA: pump 0\nQ: Which?\nA: valve 1\n"
    assert found(free(lambda one: f"{fixed}{one.question} {one.answer}\nA:")).serious
    labels = ["positive", "negative", "neutral"]
    leaky = labelled(labels, lambda one: f"{one.question} positive, negative or neutral? {one.answer}\nLabel:")
    assert found(leaky).hits == 60


@pytest.mark.parametrize(
    ("labels", "prompt"),
    [
        (["positive", "negative", "neutral"], "{q}\nIs it positive, negative or neutral?\nLabel:"),
        (["positive", "negative"], "For example: so good -> positive.\n{q}\nLabel:"),
        (["yes", "no"], "{q}\nAnswer yes or no.\nAnswer:"),
        (["red", "dark red"], "red or dark red? {q}\nAnswer:"),
        (["yes"], "{q} yes?\nAnswer:"),
        (["👍", "👎"], "{q} 👍 or 👎?"),
        (["好", "不好"], "{q} 好还是不好？"),
    ],
)
def test_closed_sets_of_answers_in_the_prompt_are_no_leak(labels: list[str], prompt: str) -> None:
    items = labelled(labels, lambda one: prompt.format(q=one.question))
    leak = found(items)
    assert not leak.significant
    assert leak.hits <= leak.expected + 0.5


def test_sets_that_differ_between_questions_are_no_leak() -> None:
    sets = ["yes or no", "red, green or blue"]
    answers = [["yes", "no"], ["red", "green", "blue"]]
    items = free(
        lambda one: f"{one.question} Say {sets[int(one.id) % 2]}:",
        90,
        answer=lambda n: answers[n % 2][n // 2 % len(answers[n % 2])],
    )
    assert found(items).hits == 0


def test_choices_named_in_the_question_are_no_leak() -> None:
    items = free(
        plain,
        answer=lambda n: WORDS[(n + n % 2) % 10],
        question=lambda n: f"Is it a {WORDS[n % 10]} or a {WORDS[(n + 1) % 10]}?",
    )
    assert found(items).hits == 0


def test_spans_of_the_question_and_of_a_given_context_are_no_leak_and_counted() -> None:
    alpaca = free(plain, question=lambda n: f"Name the unit.\n\nWe saw {WORDS[n % 10]} {n} in the hall.")
    assert found(alpaca).hits == 0
    read = free(plain, context=lambda n: f"Start it. Then {WORDS[n % 10]} {n}. Answer: {WORDS[n % 10]} {n}")
    assert found(read, context_given=True).hits == 0
    assert count_extractive(item.example for item in read) == COUNT


def test_a_context_that_the_form_does_not_give_excuses_nothing() -> None:
    assert found(free(plain, context=lambda n: f"Hint: {WORDS[n % 10]} {n}")).serious


def test_a_text_that_the_prompt_writes_otherwise_is_still_the_items_own() -> None:
    def one_line(one: Example) -> str:
        return f"{' '.join((one.context or '').upper().split())}\nQ: {one.question}"

    items = free(one_line, context=lambda n: f"Start\n  {WORDS[n % 10]}   {n} now.")
    assert found(items, context_given=True).hits == 0


@pytest.mark.parametrize(
    "question",
    [
        "Which code has {n}?\nAnswer: {a}",
        "### Instruction:\nWhich code has {n}?\n\n### Response:\n{a}",
        "<|im_start|>user\nWhich {n}?<|im_end|>\n<|im_start|>assistant\n{a}<|im_end|>",
        "[INST] Which code has {n}? [/INST] {a} </s>",
        "Which code has {n}? Answer: {a}",
        "Which code has {n}?\nLabel: {a}",
        "Q: Which code has {n}? A: {a}",
        "Какой код?\nОтвет: {a}",
        "どのコード？\n答え：{a}",
        "코드는?\n정답: {a}",
        "Qual?\nResposta: {a}",
        "Quale?\nRisposta: {a}",
        "哪个 {n}？\n答案：{a}",
        "どのコード？\n正解：{a}",
        "Welke {n}?\nAntwoord: {a}",
        "Který {n}?\nOdpověď: {a}",
        "Hangisi {n}?\nCevap: {a}",
        "Cái nào {n}?\nTrả lời: {a}",
        "कौन सा {n}?\nउत्तर: {a}",
        "أي {n}؟\nالإجابة: {a}",
        "ข้อใด {n}\nคำตอบคือ {a}",
        "Which code has {n}? The correct answer is {a}.",
    ],
)
def test_a_target_after_an_answer_cue_of_the_question_is_a_leak(question: str) -> None:
    items = free(plain, question=lambda n: question.format(n=n, a=f"{WORDS[n % 10]} {n}"))
    assert found(items).hits == COUNT
    assert found(items).serious


@pytest.mark.parametrize(
    "question",
    [
        "user: The lamp {n}?\nassistant: {a}\nuser: And now?",
        "Q: Which code has {n}?\nAnswer: {a}\n\nNow you. Which code has {n}?",
        "Solution:\n{a}\nWhich code is it?",
        "The answer is {a} in the old book. Why?",
        "Is this right?\n\nThe codes are many. Answer: {a} and {n}.",
    ],
)
def test_an_answer_that_more_text_follows_is_asked_about(question: str) -> None:
    items = free(plain, question=lambda n: question.format(n=n, a=f"{WORDS[n % 10]} {n}"))
    assert found(items).hits == 0


def test_earlier_turns_of_a_chat_are_read() -> None:
    def chat(n: int, last: str) -> tuple[tuple[str, str], ...]:
        return ("user", "Which?"), ("assistant", f"{WORDS[n % 10]} {n}"), ("user", last)

    def items(last: str) -> list[Asked]:
        return free(
            plain,
            turns=lambda n: chat(n, last.format(a=f"{WORDS[n % 10]} {n}")),
            question=lambda n: "\n".join(f"{r}: {t}" for r, t in chat(n, last.format(a=f"{WORDS[n % 10]} {n}"))),
        )

    assert found(items("Again.\nYour answer:")).hits == 0
    assert found(items("Again. Answer: {a}")).serious


@pytest.mark.parametrize(("right", "serious"), [(30, False), (80, False), (95, True)])
def test_answers_to_grade_are_a_leak_where_nearly_all_are_right(right: int, serious: bool) -> None:
    def question(n: int) -> str:
        return f"Correct it.\n\nStudent's answer: {WORDS[n % 10]} {n if n < right else n + 1}"

    assert found(free(plain, 100, question=question)).serious is serious


def test_a_letter_after_an_answer_cue_is_a_leak() -> None:
    options = {"A": "pump", "B": "valve"}
    examples = [
        made(n, options=options, answer_letter="AB"[n % 2], question=f"Which {n}? Answer: {'AB'[n % 2]}")
        for n in range(COUNT)
    ]
    assert found([Asked(one, Target(f"It is {one.answer_letter}"), plain(one)) for one in examples]).serious


def test_solved_examples_of_other_items_are_no_leak() -> None:
    shots = "Q: Which code has {0}?\nAnswer: {1}\n\n"
    items = free(
        plain,
        question=lambda n: (
            shots.format((n + 1) % COUNT, f"{WORDS[(n + 1) % 10]} {(n + 1) % COUNT}") + f"Which {n}?"
        ),
    )
    assert found(items).hits == 0


def test_a_question_that_is_the_answer_is_a_leak_in_nearly_all_items_only() -> None:
    same = free(plain, question=lambda n: f"{WORDS[n % 10]} {n}")
    assert found(same).serious
    mended = free(plain, question=lambda n: f"{WORDS[n % 10]} {n}" if n % 2 else f"{WORDS[n % 10]} {n}x")
    assert found(mended).hits == 0


def test_an_option_may_stand_among_the_options_only() -> None:
    def items(end: str) -> list[Asked]:
        options = {"A": "the blue pump", "B": "the valve"}
        letters = ["AB"[n % 2] for n in range(COUNT)]
        examples = [
            made(n, options=options, answer=options[letters[n]], answer_letter=letters[n]) for n in range(COUNT)
        ]
        return [
            Asked(
                one, Target(one.answer), f"Which?\nA. the blue pump\nB. the valve\n{end.format(one.answer)}Answer:"
            )
            for one in examples
        ]

    assert found(items("")).hits == 0
    assert found(items("Hint: {}\n")).hits == COUNT


def test_a_few_items_are_too_few_and_a_small_share_is_no_reason_to_refuse() -> None:
    def leaky(one: Example) -> str:
        return f"{one.question} {one.answer if int(one.id) < 8 else ''}"

    assert not found(free(leaky, 3)).significant
    assert found(free(leaky, 8)).serious
    assert (found(free(leaky, 100)).significant, found(free(leaky, 100)).serious) == (True, False)
    assert found([]).p == 1.0


@pytest.mark.parametrize(("hits", "trials", "chance"), [(3, 10, 0.1), (10, 10, 0.3), (0, 5, 0.2), (180, 200, 0.4)])
def test_the_binomial_test_is_that_of_scipy(hits: int, trials: int, chance: float) -> None:
    from scipy.stats import binomtest

    expected = binomtest(hits, trials, chance, alternative="greater").pvalue
    assert binomial(hits, trials, chance) == pytest.approx(expected, rel=1e-6)
