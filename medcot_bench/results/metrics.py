"""The scores that the core gives to every task that allows them: what each needs, and which way is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """What there is to know about one score."""

    about: str
    generated: bool
    """Whether it needs generated text, or likelihoods only."""
    higher_is_better: bool = True


CORE_METRICS: Mapping[str, Metric] = {
    "answer": Metric("the task's own score of the written answer, 0 to 1", generated=True),
    "parsed": Metric("share of items from which an answer could be read", generated=True),
    "choice": Metric("share of items whose right option is the likeliest", generated=False),
    "gold_nll": Metric(
        "negative log-likelihood of the right target, nats per UTF-8 byte", generated=False, higher_is_better=False
    ),
    "rouge_l": Metric("ROUGE-L F1 of the written text against the whole target", generated=True),
    "rouge_l_reasoning": Metric("the same against the reasoning", generated=True),
    "truncated": Metric("share of answers cut off at the token limit", generated=True, higher_is_better=False),
    "repetition": Metric(
        "share of 4-word sequences that repeat an earlier one", generated=True, higher_is_better=False
    ),
}
"""In the order of tables. A task's own scores need generated text, and higher is better."""

SCORING_VERSION = 1
"""Part of every score's id: grows when the meaning of a score, a gate or a completion's cut changes.

What changes for some models or tasks alone is part of their requests (`Plan.end_tokens`), or their own version."""
TRAINING_VERSION = 1
"""Part of every trained cell's id: grows when the same recipe would train other weights."""


def metric_name(key: str) -> str | None:
    """Return the score that one of lm-eval's result keys is of, None for a standard error.

    >>> metric_name("acc,none"), metric_name("exact_match,strict-match"), metric_name("acc_stderr,none")
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
    return name not in CORE_METRICS or CORE_METRICS[name].higher_is_better


def needs_generation(name: str) -> bool:
    """Return whether a score needs generated text."""
    return name not in CORE_METRICS or CORE_METRICS[name].generated


TRIED_BY = "gold_nll"
"""The score that chooses among learning rates: it needs no answer to be written, and every task has it."""


ON_ANY_FORM = "gold_nll"
"""The score that means the same whatever a task's form is."""
