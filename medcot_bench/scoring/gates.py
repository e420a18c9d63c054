"""Checks of predictions without which a score means nothing. One that fires fails the evaluation, or marks it.

Prompts that give their targets away are refused when a study is planned (`planning.leak_gate`).

arXiv 2510.05003 shows what happens without them: with the reference inside the prompt and the prompt left in the
prediction, ROUGE-L was 0.3052 before and after training, as it would be for any model.
"""

from __future__ import annotations

from collections.abc import Sequence

from medcot_bench.errors import GateError
from medcot_bench.results.answer import LEAST_READ
from medcot_bench.scoring.rouge import Rouge
from medcot_bench.security.foreign_text import quote, shorten
from medcot_bench.text import normalise

EXAMPLE = 100
"""Characters of an example."""
SYSTEMATIC = 0.5
"""A model may repeat a question: above this share of the items it is a fault of the set-up."""


def check_predictions(predictions: Sequence[tuple[str, str, str]], rouge: Sequence[Rouge]) -> list[str]:
    """Look for prompts in predictions; items are (id, prompt, completion). Return what has to be marked.

    Suspicious is a ROUGE-L recall of 1 throughout though the texts differ: predictions then hold their references
    whole. Raises GateError where most completions begin with their prompt: the prompt was left in.
    """
    repeating = [
        name
        for name, prompt, completion in predictions
        if (start := normalise(prompt)[:200]) and normalise(completion).startswith(start)
    ]
    if len(repeating) > SYSTEMATIC * len(predictions):
        raise GateError(
            f"{len(repeating)} of {len(predictions)} predictions begin with their prompt, the first is "
            f"'{repeating[0]}': only new text may be scored"
        )
    marks = [f"{len(repeating)} of {len(predictions)} predictions repeat their prompt"] if repeating else []
    whole = bool(rouge) and all(item.recall > 0.9999 for item in rouge)
    if whole and sum(item.f1 for item in rouge) / len(rouge) < 0.9:
        marks.append("every prediction holds its whole reference")
    return marks


def mark_unread(answers: Sequence[tuple[str, bool]]) -> list[str]:
    """Return a mark with an example where hardly any prediction holds an answer; items are (text, if read)."""
    unread = [text for text, read in answers if not read]
    if len(answers) - len(unread) >= LEAST_READ * len(answers):
        return []
    first = next((text for text in unread if text.strip()), "")
    read = len(answers) - len(unread)
    empty = "the others are empty" if read else "all are empty"
    example = f"the first that could not: {quote(shorten(first, EXAMPLE))}" if first else empty
    return [f"an answer could be read from {read} of {len(answers)} predictions; {example}"]
