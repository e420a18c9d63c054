"""Short text answers: how they are written on one line, and scored by token F1 and equality."""

from __future__ import annotations

import re
from collections import Counter

from medcot_bench import Example, Target
from medcot_tasks.normal_form import comparable, is_sign, numbers, tokens

SCORES = ("answer", "exact")
_MARK = re.compile(r"^answer:", re.IGNORECASE | re.MULTILINE)
_SHORT = 5
"""Words of a reference up to which its numbers are the answer; in longer ones they are a fact among others."""


def score_text(reference: str, completion: str) -> dict[str, float | None]:
    """Return token F1 as `answer` and equality as `exact`; None where nothing was written.

    >>> score_text("30 minutes", "30 Minutes."), score_text("30 minutes", "20 minutes")
    ({'answer': 1.0, 'exact': 1.0}, {'answer': 0.0, 'exact': 0.0})
    """
    if not completion.strip():
        return dict.fromkeys(SCORES)
    return {"answer": token_f1(reference, completion), "exact": float(is_same(reference, completion))}


def score_after_mark(reference: str, completion: str) -> dict[str, float | None]:
    """Score, as `score_text` does, what follows the last `Answer:` at the start of a line; without one, nothing.

    >>> score_after_mark("30 minutes", "It says so.\\nAnswer: 30 Minutes.")["exact"]
    1.0
    """
    *_, answer = _MARK.split(completion) if _MARK.search(completion) else ("",)
    return score_text(reference, answer)


def reasoned(example: Example, *, asked: bool) -> Target:
    """Return the answer as it is, or where reasoning is `asked`, that with its paragraphs and a marked answer."""
    answer = example.answer.strip()
    if not asked:
        return Target(answer)
    return Target(f"Answer: {answer}", example.reasoning.strip() if example.reasoning else None)


def one_line(text: str) -> str:
    """Return the text with every run of whitespace as one space."""
    return " ".join(text.split())


def is_same(reference: str, answer: str) -> bool:
    """Return whether an answer is the reference, by the rules of docs/scores.md.

    >>> is_same("1,000 kg", "1000.0kg"), is_same(">=", "<"), is_same("-3", "3")
    (True, False, False)
    """
    return comparable(reference) == comparable(answer)


def has_same_tokens(reference: str, answer: str) -> bool:
    """Return whether an answer has the tokens of the reference in their order; punctuation does not count.

    >>> has_same_tokens("(4 weeks, 3 days)", "4 weeks 3 days"), has_same_tokens("-", "?")
    (True, False)
    """
    gold, given = tokens(reference), tokens(answer)
    return gold == given if gold and given else is_same(reference, answer)


def token_f1(reference: str, answer: str) -> float:
    """Return the F1 of shared tokens (SQuAD, Rajpurkar et al. 2016, arXiv 1606.05250).

    Signs alone are equal or not. Beside words, those of the answer count where the reference has some, and where
    nothing else differs. Where a reference of at most five tokens holds numbers and the answer none of them, it is
    0 (DROP, Dua et al. 2019, arXiv 1903.00161): the unit alone is no part of an answer.

    >>> round(token_f1("It restarts the Pod.", "the pod restarts"), 3)
    0.8
    """
    gold, given = tokens(reference), tokens(answer)
    if all(map(is_sign, gold + given)):
        return float(is_same(reference, answer))
    if not any(map(is_sign, gold)):
        plain = [token for token in given if not is_sign(token)]
        given = given if Counter(plain) == Counter(gold) else plain
    wanted = numbers(reference) if len(gold) <= _SHORT else set()
    if wanted and not wanted & numbers(answer):
        return 0.0
    shared = sum((Counter(gold) & Counter(given)).values())
    return 2 * shared / (len(gold) + len(given))
