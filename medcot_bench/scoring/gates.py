"""Checks without which a score means nothing. A gate that fires fails the evaluation, or marks it.

arXiv 2510.05003 shows what happens without them: with the reference inside the prompt and the prompt left in the
prediction, ROUGE-L was 0.3052 before and after training, as it would be for any model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medcot_bench.data.text import normalise
from medcot_bench.errors import GateError
from medcot_bench.scoring.rouge import Rouge
from medcot_bench.types import Example, Target

LEAK_SHARE = 0.5
"""A short answer may stand in its question by chance; in more than this share of items it is systematic."""


@dataclass(frozen=True, slots=True)
class Leak:
    """What the prompts give away."""

    leaked: int
    """Items whose target stands in the prompt, outside context and options."""
    extractive: int
    """Items whose answer stands in the context: allowed, and worth knowing."""


def check_prompts(items: Sequence[tuple[Example, Target, str]]) -> Leak:
    """Look for targets in prompts; items are (example, target, the task's prompt without solved examples).

    Raises GateError where most prompts hold their target.
    """
    leaked = [example.id for example, target, prompt in items if _leaks(example, target, prompt)]
    if len(leaked) > LEAK_SHARE * len(items):
        raise GateError(
            f"the prompt holds the target in {len(leaked)} of {len(items)} items, the first is '{leaked[0]}': "
            "scores would measure copying; mend the task's prompt"
        )
    extractive = sum(_count(example.context or "", example.answer) > 0 for example, _, _ in items)
    return Leak(len(leaked), extractive)


def check_predictions(predictions: Sequence[tuple[str, str, str]], rouge: Sequence[Rouge]) -> bool:
    """Look for prompts in predictions; items are (id, prompt, completion). Return whether recall is suspicious.

    Suspicious is a ROUGE-L recall of 1 throughout though the texts differ: predictions then hold their references
    whole. Raises GateError where a completion begins with its prompt.
    """
    for name, prompt, completion in predictions:
        start = normalise(prompt)[:200]
        if start and normalise(completion).startswith(start):
            raise GateError(f"the prediction of item '{name}' begins with its prompt: only new text may be scored")
    if not rouge:
        return False
    whole = all(item.recall > 0.9999 for item in rouge)
    return whole and sum(item.f1 for item in rouge) / len(rouge) < 0.9


def _leaks(example: Example, target: Target, prompt: str) -> bool:
    """Whether the prompt says the reasoning (or else the answer) more often than context and options do."""
    part = target.reasoning or target.answer
    allowed = sum(_count(text, part) for text in (example.context or "", *example.options.values()))
    return _count(prompt, part) > allowed


def _count(text: str, part: str) -> int:
    """Count how often `part` stands in `text`, word by word; case, punctuation and spacing do not count."""
    if not normalise(part):
        return 0
    spaced = [f" {normalise(side).replace(' ', '  ')} " for side in (text, part)]
    return spaced[0].count(spaced[1])
