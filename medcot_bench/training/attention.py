"""Attention over a flat batch: sequences one after another, no padding, none sees another.

Registered with transformers' attention interface, so that every architecture that uses it runs unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

from medcot_bench.errors import ModelError

FLAT = "medcot_flat"


def flat_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    flat_lengths: list[int] | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attend causally inside each of the sequences of `flat_lengths`.

    query is (1, heads, T, d), key and value (1, kv_heads, T, d) with T the sum of the lengths; returns
    (1, T, heads, d). Raises ModelError for an architecture whose attention this does not compute.
    """
    if flat_lengths is None or softcap is not None or s_aux is not None:
        raise ModelError(
            f"{type(module).__name__}: this architecture's attention can't be trained on flat batches"
        )
    groups = query.shape[1] // key.shape[1]
    parts = []
    for q, k, v in zip(
        query.split(flat_lengths, dim=2),
        key.split(flat_lengths, dim=2),
        value.split(flat_lengths, dim=2),
        strict=True,
    ):
        length = q.shape[2]
        mask = None
        if sliding_window is not None and length > sliding_window:
            distance = torch.arange(length, device=q.device)
            distance = distance[:, None] - distance[None, :]
            mask = (distance >= 0) & (distance < sliding_window)
        parts.append(
            scaled_dot_product_attention(
                q,
                k,
                v,
                attn_mask=mask,
                dropout_p=dropout,
                is_causal=mask is None,
                scale=scaling,
                enable_gqa=groups > 1,
            )
        )
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


def _no_mask(*args: Any, **kwargs: Any) -> None:
    """Stand in for the mask: `flat_attention` knows the lengths."""


AttentionInterface.register(FLAT, flat_attention)
AttentionMaskInterface.register(FLAT, _no_mask)


@contextmanager
def flat(model: Any) -> Iterator[None]:
    """Let `model` (or the model inside a PEFT wrapper) attend to flat batches, and set it back afterwards."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    before = inner.config._attn_implementation
    inner.set_attn_implementation(FLAT)
    try:
        yield
    finally:
        inner.set_attn_implementation(before)
