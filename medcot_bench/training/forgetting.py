"""Forgetting: nats per byte of a general text that is about none of the tasks."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from medcot_bench.data.general_text import text_digest
from medcot_bench.results.records import Forgetting
from medcot_bench.training.loop import autocast

WINDOW = 512
"""Tokens that a model reads at once, if it takes so many."""


def split_windows(tokenizer: Any, text: str, max_positions: int) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the tokens that are read and, as many, those that they predict; every token of the text once.

    The first token of the text is predicted from BOS (or EOS if the tokenizer has no BOS), the first of a later
    window from the token before it. lm-eval's rolling likelihoods do the same, except for a longer last window.
    """
    size = min(WINDOW, max_positions)
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    tokens = [start, *tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)]
    for first in range(0, len(tokens) - 1, size):
        targets = tokens[first + 1 : first + 1 + size]
        yield tokens[first : first + len(targets)], targets


@torch.no_grad()
def general_nll(
    model: Any, tokenizer: Any, text: str, max_positions: int, compute_dtype: torch.dtype
) -> float | None:
    """Return the nats per UTF-8 byte of `text`; None if memory runs out or the result is not finite.

    Windows are read one at a time by the model's own attention, so that it works for every architecture.
    """
    first = next(model.parameters())
    model.eval()
    total = 0.0
    try:
        with autocast(first.device, first.dtype, compute_dtype):
            for read, targets in split_windows(tokenizer, text, max_positions):
                ids = torch.tensor([read], device=first.device)
                logits = model(input_ids=ids, use_cache=False).logits[0].float()
                labels = torch.tensor(targets, device=first.device)
                total += cross_entropy(logits, labels, reduction="sum").item()
    except torch.OutOfMemoryError:
        return None
    return total / len(text.encode()) if isfinite(total) else None


def record_forgetting(text: str, before: float | None, after: float | None) -> Forgetting | None:
    """Return the record of two results of `general_nll`; None if one of them is None."""
    if before is None or after is None:
        return None
    return Forgetting(nll=after, base=before, text=text_digest(text), bytes=len(text.encode()))
