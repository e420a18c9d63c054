"""The scores that the core gives to every task that allows them: what each needs, and which way is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CoreScore:
    """What there is to know about one score."""

    generated: bool
    """Whether it needs generated text, or likelihoods only."""
    higher_is_better: bool = True


CORE_SCORES: Mapping[str, CoreScore] = {
    "answer": CoreScore(generated=True),
    "parsed": CoreScore(generated=True),
    "choice": CoreScore(generated=False),
    "gold_nll": CoreScore(generated=False, higher_is_better=False),
    "rouge_l": CoreScore(generated=True),
    "rouge_l_reasoning": CoreScore(generated=True),
    "truncated": CoreScore(generated=True, higher_is_better=False),
    "repetition": CoreScore(generated=True, higher_is_better=False),
}
"""In the order of tables. A task's own scores need generated text, and higher is better."""

SCORING_VERSION = 1
"""Part of every score's id: grows when the meaning of a score, a gate or a completion's cut changes."""
TRAINING_VERSION = 1
"""Part of every trained cell's id: grows when the same recipe would train other weights."""


def score_name(key: str) -> str | None:
    """Return the score that one of lm-eval's result keys is of, None for a standard error.

    >>> score_name("acc,none"), score_name("exact_match,strict-match"), score_name("acc_stderr,none")
    ('acc', 'exact_match,strict-match', None)
    """
    metric, _, filtered = key.partition(",")
    if metric.endswith("_stderr"):
        return None
    return metric if filtered == "none" else key


def stderr_key(key: str) -> str:
    """Return the key of a result's standard error.

    >>> stderr_key("acc,none")
    'acc_stderr,none'
    """
    metric, _, filtered = key.partition(",")
    return f"{metric}_stderr,{filtered}"


def higher_is_better(name: str) -> bool:
    """Return which way a score is better, a task's own among them."""
    return name not in CORE_SCORES or CORE_SCORES[name].higher_is_better


def needs_generation(name: str) -> bool:
    """Return whether a score needs generated text."""
    return name not in CORE_SCORES or CORE_SCORES[name].generated
