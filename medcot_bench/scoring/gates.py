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
    extractive = sum(
        bool(example.context) and _contains(example.context or "", example.answer) for example, _, _ in items
    )
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
    text = f" {normalise(prompt)} "
    for allowed in (example.context, *example.options.values()):
        if allowed and normalise(allowed):
            text = text.replace(f" {normalise(allowed)} ", "  ")
    parts = [target.reasoning] if target.reasoning else [target.answer]
    return any(f" {normalise(part)} " in text for part in parts if part and normalise(part))


def _contains(text: str, part: str) -> bool:
    return bool(normalise(part)) and f" {normalise(part)} " in f" {normalise(text)} "
