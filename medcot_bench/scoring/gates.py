"""Checks without which a score means nothing. A gate that fires fails the evaluation, or marks it.

arXiv 2510.05003 shows what happens without them: with the reference inside the prompt and the prompt left in the
prediction, ROUGE-L was 0.3052 before and after training, as it would be for any model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from medcot_bench.errors import GateError
from medcot_bench.scoring.rouge import Rouge
from medcot_bench.text import counted, normalise
from medcot_bench.types import Example, Target

SYSTEMATIC = 0.5
"""A short answer may stand in its question by chance, and a model may repeat a question: above this share of the
items it is a fault of the set-up."""


@dataclass(frozen=True, slots=True)
class Leak:
    """What the prompts give away."""

    leaked: int
    """Items whose target stands in the prompt, outside context and options."""
    extractive: int
    """Items whose answer stands in the context that they are given: allowed, and worth knowing."""


def check_prompts(items: Sequence[tuple[Example, Target, str]], *, context_given: bool) -> Leak:
    """Look for targets in prompts; items are (example, target, the task's prompt without solved examples).

    `context_given` says whether the task's form gives the context. Raises GateError where most prompts hold their
    target.
    """
    leaked = [
        example.id
        for example, target, prompt in items
        if any(
            _says_more(prompt, part, (example.context if context_given else None, *example.options.values()))
            for part in (target.reasoning, target.answer)
        )
    ]
    if len(leaked) > SYSTEMATIC * len(items):
        raise GateError(
            f"the prompt holds the target in {len(leaked)} of {counted(len(items), 'item')}, the first is "
            f"'{leaked[0]}': scores would measure copying; mend the task's prompt"
        )
    extractive = sum(_count(example.context, example.answer) > 0 for example, _, _ in items)
    return Leak(len(leaked), extractive if context_given else 0)


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


def _says_more(prompt: str, part: str | None, allowed: Iterable[str | None]) -> bool:
    """Whether a prompt says `part` more often than the texts do that it may hold."""
    return _count(prompt, part) > sum(_count(text, part) for text in allowed)


def _count(text: str | None, part: str | None) -> int:
    """Count how often `part` stands in `text`, word by word; case, punctuation and spacing do not count."""
    if not text or not part or not normalise(part):
        return 0
    spaced = [f" {normalise(side).replace(' ', '  ')} " for side in (text, part)]
    return spaced[0].count(spaced[1])
