"""What right answers to other items score: the bar for answers in text, as 1 / options is for letters."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from medcot_bench.scoring.item_scores import ItemScorer, Question

SHIFTS = 5
"""Answers that are put to each question: those of the items that follow it, the first after the last."""


def score_shuffled(scorer: ItemScorer, questions: Sequence[Question]) -> float | None:
    """Return the mean `answer` over questions and answers, None where no item has another group's beside it.

    A model that learnt how answers look, and nothing of what is asked, scores about that. Raises PluginError.
    """
    found = []
    for place, question in enumerate(questions):
        following = (questions[(place + shift) % len(questions)] for shift in range(1, len(questions)))
        others = [one for one in following if one.written.example.group != question.written.example.group]
        found += [scorer.own(question, other.target.text)["answer"] or 0.0 for other in others[:SHIFTS]]
    return fmean(found) if found else None
