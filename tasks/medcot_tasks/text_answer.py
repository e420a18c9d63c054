"""Short text answers: how they are written on one line, and scored by token F1 and equality."""

from __future__ import annotations

from collections import Counter

from medcot_bench.data.text import normalise, words

SCORES = ("answer", "exact")
_ARTICLES = {"a", "an", "the"}


def score_text(reference: str, completion: str) -> dict[str, float | None]:
    """Return token F1 as `answer` and equality as `exact`; None where nothing was written.

    >>> score_text("30 minutes", "30 Minutes.")
    {'answer': 1.0, 'exact': 1.0}
    """
    if not completion.strip():
        return dict.fromkeys(SCORES)
    exact = normalise(reference) == normalise(completion)
    return {"answer": token_f1(reference, completion), "exact": float(exact)}


def one_line(text: str) -> str:
    """Return the text with every run of whitespace as one space."""
    return " ".join(text.split())


def token_f1(reference: str, answer: str) -> float:
    """Return the F1 of shared tokens, as SQuAD counts it (Rajpurkar et al. 2016, arXiv 1606.05250).

    Case, punctuation and English articles do not count; tokens are words of any script.

    >>> round(token_f1("It restarts the Pod.", "the pod restarts"), 3)
    0.8
    """
    gold, given = _tokens(reference), _tokens(answer)
    if not gold or not given:
        return float(gold == given)
    shared = sum((Counter(gold) & Counter(given)).values())
    return 2 * shared / (len(gold) + len(given))


def _tokens(text: str) -> list[str]:
    tokens = words(text)
    return [token for token in tokens if token not in _ARTICLES] or tokens
