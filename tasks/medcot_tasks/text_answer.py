"""Short text answers: how they are written on one line, and scored by token F1 and equality."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from medcot_bench import Example, Target, words

SCORES = ("answer", "exact")
_ARTICLES = {"a", "an", "the"}
_MARK = re.compile(r"^answer:", re.IGNORECASE | re.MULTILINE)
_SHORT = 5
"""Words of a reference up to which its numbers are the answer; in longer ones they are a fact among others."""
# A hyphen is a sign only where no word or number stands before it: neither in 10-15 nor in E-05 or web-5.
_NUMBER = re.compile(r"(?:(?<![\w.%])-)?\d+(?:[.,:/]\d+)*", re.ASCII)
_UNIT = re.compile(r"(?<!\w)(\d+(?:\.\d+)?)(?=[^\W\d_])")
_THOUSANDS = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,])", re.ASCII)


def score_text(reference: str, completion: str) -> dict[str, float | None]:
    """Return token F1 as `answer` and equality as `exact`; None where nothing was written.

    >>> score_text("30 minutes", "30 Minutes."), score_text("30 minutes", "20 minutes")
    ({'answer': 1.0, 'exact': 1.0}, {'answer': 0.0, 'exact': 0.0})
    """
    if not completion.strip():
        return dict.fromkeys(SCORES)
    exact = _plain(reference) == _plain(completion)
    return {"answer": token_f1(reference, completion), "exact": float(exact)}


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


def token_f1(reference: str, answer: str) -> float:
    """Return the F1 of shared tokens (SQuAD, Rajpurkar et al. 2016, arXiv 1606.05250).

    Case, punctuation and English articles do not count; tokens are words of any script. Where a reference of at
    most five words holds numbers and the answer holds none of them, it is 0 (DROP, Dua et al. 2019, arXiv
    1903.00161): the unit alone is no part of an answer.

    >>> round(token_f1("It restarts the Pod.", "the pod restarts"), 3)
    0.8
    """
    gold, given = _tokens(reference), _tokens(answer)
    if not gold or not given:
        return float(gold == given)
    wanted = numbers(reference) if len(gold) <= _SHORT else set()
    if wanted and not wanted & numbers(answer):
        return 0.0
    shared = sum((Counter(gold) & Counter(given)).values())
    return 2 * shared / (len(gold) + len(given))


def numbers(text: str) -> set[float | str]:
    """Return the numbers of a text with their signs; versions, times and fractions such as 2/3 stay texts.

    >>> sorted(numbers("from -5 to 1,250.50 in E-05"))
    [-5.0, 5.0, 1250.5]
    """
    return {_number(found) for found in _NUMBER.findall(_normal(text))}


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _tokens(text: str) -> list[str]:
    return _without_articles(words(_UNIT.sub(r"\1 ", _normal(text))))


def _without_articles(tokens: list[str]) -> list[str]:
    """Leave articles out, unless nothing else is there; after a number, `a` is a unit."""
    kept = [
        t for before, t in zip(["", *tokens], tokens, strict=False) if t not in _ARTICLES or before[-1:].isdigit()
    ]
    return kept or tokens


def _plain(text: str) -> str:
    """Return what `exact` compares: signs and symbols count.

    Case, commas between thousands, articles, outer quotes, final punctuation and spacing (also between a number
    and its unit) do not.
    """
    text = re.sub(r"^[\"'` ]+|[\"'` .,;:!?]+$", "", " ".join(_normal(text).split()))
    return re.sub(r"(?<=\d) (?=\D)", "", " ".join(_without_articles(text.split())))


def _normal(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub("[\u2212\u2013](?=\\d)", "-", text)  # minus sign and en dash
    text = re.sub(r"(?<![\w.])\.(?=\d)", "0.", text)
    return _THOUSANDS.sub(lambda found: found[0].replace(",", ""), text)
