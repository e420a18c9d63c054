"""Tokenise a task's training items: written as a prompt and a target, cut or left out where too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from medcot_bench.errors import ConfigError
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import write_within
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.training.batches import Item
from medcot_bench.types import Example, Recipe


@dataclass(frozen=True, slots=True)
class TokenizedItems:
    """The items of a training as tokens, and how many were too long."""

    items: list[Item] = field(default_factory=list)
    dropped: int = 0
    shortened: int = 0


def tokenize_items(
    task: ResolvedTask, encoder: Encoder, examples: Sequence[Example], recipe: Recipe
) -> TokenizedItems:
    """Write and tokenise examples, each target followed by EOS. Raises ConfigError under `overlong: error`."""
    items = []
    dropped = shortened = 0
    for example in examples:
        shorten = recipe.overlong == "truncate-context"
        written = write_within(task, encoder, example, recipe.max_length, shorten=shorten)
        if written is None:
            if recipe.overlong == "error":
                raise ConfigError(
                    f"task {task.label}: training item '{example.id}' is longer than "
                    f"max_length={recipe.max_length}; raise it or set training.overlong=drop"
                )
            dropped += 1
            continue
        shortened += written.shortened
        prompt, target = encoder.pair(written.prompt, written.target)
        items.append(Item(prompt, [*target, encoder.tokenizer.eos_token_id]))
    return TokenizedItems(items, dropped, shortened)
