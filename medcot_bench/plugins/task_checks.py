"""What a task gives, checked where it comes in: items are Examples, prompts strings, targets Targets.

Raises TypeError or ValueError: `plugins.blame` names the plugin.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from medcot_bench.types import Example, Target

_TEXTS = ("id", "group", "question", "answer")
_OPTIONAL = ("context", "reasoning", "answer_letter")


def checked_items(examples: Iterable[Any]) -> tuple[Example, ...]:
    """Return the items of a split. Raises TypeError for a wrong type, ValueError for a repeated id."""
    items: list[Example] = []
    seen: set[str] = set()
    for number, example in enumerate(examples, start=1):
        if not isinstance(example, Example):
            raise TypeError(f"item {number} is of type {type(example).__name__}, not Example")
        _check(example)
        if example.id in seen:
            raise ValueError(f"id '{example.id}' appears twice in a split")
        seen.add(example.id)
        items.append(example)
    return tuple(items)


def _check(example: Example) -> None:
    for name in (*_TEXTS, *_OPTIONAL):
        value = getattr(example, name)
        if not isinstance(value, str) and not (value is None and name in _OPTIONAL):
            raise TypeError(f"item '{example.id}': {name} is of type {type(value).__name__}, not a string")
    if not all(isinstance(text, str) for pair in example.options.items() for text in pair):
        raise TypeError(f"item '{example.id}': options are not a mapping from letters to strings")
    if example.meta:
        try:
            json.dumps(example.meta)
        except (TypeError, ValueError) as error:
            raise TypeError(f"item '{example.id}': meta can't be written as JSON: {error}") from None


def checked_prompt(prompt: Any) -> str:
    """Return a prompt. Raises TypeError for what is not a string."""
    if not isinstance(prompt, str):
        raise TypeError(f"prompt() returned type {type(prompt).__name__}, not a string")
    return prompt


def checked_target(target: Any) -> Target:
    """Return a target. Raises TypeError for what is not a Target of strings."""
    if not isinstance(target, Target):
        raise TypeError(f"target() returned type {type(target).__name__}, not Target")
    for name in ("answer", "reasoning"):
        value = getattr(target, name)
        if not isinstance(value, str) and not (value is None and name == "reasoning"):
            raise TypeError(
                f"target() returned a Target whose {name} is of type {type(value).__name__}, not a string"
            )
    return target
