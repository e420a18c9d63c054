"""KL from the base model, on items of the training task."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, isfinite
from typing import Any

import torch

from medcot_bench.models.attention import flat
from medcot_bench.results.records import Divergence
from medcot_bench.training.batches import Item, flatten
from medcot_bench.training.loop import autocast, target_logits

TOKENS = 32
"""Target tokens per item, the first ones: distributions over 128,000 tokens then take 0.3 GB."""


@torch.no_grad()
def next_token_logprobs(model: Any, items: Sequence[Item], compute_dtype: torch.dtype) -> list[torch.Tensor]:
    """Return each item's log-probabilities before its first target tokens, given the right ones before them.

    One tensor (tokens, vocabulary) per item, fp32, in main memory.
    """
    first = next(model.parameters())
    model.eval()
    with flat(model), autocast(first.device, first.dtype, compute_dtype):
        cut = (Item(item.prompt, item.target[:TOKENS]) for item in items)
        return [target_logits(model, flatten([item], first.device)).log_softmax(-1).cpu() for item in cut]


def measure_divergence(
    before: Sequence[torch.Tensor], model: Any, items: Sequence[Item], compute_dtype: torch.dtype
) -> Divergence | None:
    """Return KL(base || model) in nats per target token; `before` is `next_token_logprobs` of the base model.

    None without items, if memory runs out, or if the result is not finite: no training run fails for this. In
    this direction and on the new task's prompts KL predicted forgetting in Shenfeld et al., RL's Razor (arXiv
    2509.04259); there over sampled answers, here along the right one.
    """
    tokens = sum(len(rows) for rows in before)
    try:
        after = next_token_logprobs(model, items, compute_dtype)
    except torch.OutOfMemoryError:
        return None
    pairs = zip(before, after, strict=True)
    kl = fsum(float((p.exp() * (p - q)).sum(dtype=torch.float64)) for p, q in pairs) / max(tokens, 1)
    return Divergence(kl=kl, items=len(before), tokens=tokens) if tokens and isfinite(kl) else None
