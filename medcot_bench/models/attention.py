"""Attention over flat batches: segments one after another, no padding; each sees itself and what it follows.

Registered with transformers' attention interface, so that every architecture that uses it runs unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

from medcot_bench.errors import ModelError

FLAT = "medcot_flat"
Memory = tuple[torch.Tensor, torch.Tensor]


class Past:
    """Keys and values of one sequence that is read piece by piece, of at most `capacity` tokens."""

    def __init__(self, capacity: int):
        self.length = 0
        """Tokens that were read by whole forward passes."""
        self._capacity = capacity
        self._layers: dict[torch.nn.Module, Memory] = {}

    def extend(self, module: torch.nn.Module, key: torch.Tensor, value: torch.Tensor) -> Memory:
        """Add one layer's new keys and values, (1, kv_heads, T, d); return all of that layer."""
        if module not in self._layers:
            size = (1, key.shape[1], self._capacity)
            self._layers[module] = key.new_empty(*size, key.shape[3]), value.new_empty(*size, value.shape[3])
        end = self.length + key.shape[2]
        keys, values = self._layers[module]
        keys[:, :, self.length : end] = key
        values[:, :, self.length : end] = value
        return keys[:, :, :end], values[:, :, :end]

    def with_room(self, more: int) -> Past:
        """Return a copy that has room for more tokens."""
        copy = Past(self._capacity + more)
        copy.length = self.length
        for module, (keys, values) in self._layers.items():
            copy.extend(module, keys[:, :, :0], values[:, :, :0])
            for kept, grown in zip((keys, values), copy._layers[module], strict=True):
                grown[:, :, : self.length] = kept[:, :, : self.length]
        return copy


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive tokens of a flat batch."""

    length: int
    after: int | None = None
    """Number of an earlier segment of the batch that this one follows; several may follow one."""
    past: Past | None = None
    """What was read before this batch; its owner adds to its `length` after the batch."""


def flat_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    segments: Sequence[Segment] | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attend causally inside each of the segments, and to what they follow.

    query is (1, heads, T, d), key and value (1, kv_heads, T, d) with T the sum of the lengths; returns
    (1, T, heads, d). Raises ModelError for an architecture whose attention this does not compute.
    """
    if segments is None or softcap is not None or s_aux is not None:
        raise ModelError(f"{type(module).__name__}: this architecture's attention can't read flat batches")
    lengths = [segment.length for segment in segments]
    own = list(zip(key.split(lengths, dim=2), value.split(lengths, dim=2), strict=True))
    parts = []
    for segment, q, (k, v) in zip(segments, query.split(lengths, dim=2), own, strict=True):
        if segment.after is not None:
            k, v = (torch.cat(pair, dim=2) for pair in zip(own[segment.after], (k, v), strict=True))
        elif segment.past is not None:
            k, v = segment.past.extend(module, k, v)
        new, heads, kv_heads = q.shape[2], q.shape[1], k.shape[1]
        mask = _mask(new, k.shape[2], sliding_window, q.device)
        if new == 1:
            q = q.view(1, kv_heads, -1, q.shape[3])  # heads that share keys as rows of one: much faster on CPUs
        attended = scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            dropout_p=dropout,
            is_causal=mask is None and new > 1,
            scale=scaling,
            enable_gqa=new > 1 and heads > kv_heads,
        )
        parts.append(attended.reshape(1, heads, new, -1))
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


def _mask(new: int, seen: int, window: int | None, device: torch.device) -> torch.Tensor | None:
    """Return (new, seen) truth values of what the last `new` of `seen` tokens see, None where causal says it."""
    within = window is None or seen <= window
    if within and (new == seen or new == 1):
        return None
    distance = torch.arange(seen - new, seen, device=device)[:, None] - torch.arange(seen, device=device)[None, :]
    return (distance >= 0) if window is None else (distance >= 0) & (distance < window)


def _no_mask(*args: Any, **kwargs: Any) -> None:
    """Stand in for the mask: `flat_attention` knows the segments."""


AttentionInterface.register(FLAT, flat_attention)
AttentionMaskInterface.register(FLAT, _no_mask)


def can_be_flat(model: Any) -> bool:
    """Return whether a model can read flat batches: its attention can be replaced, and alone mixes tokens."""
    kinds = set(getattr(model.config, "layer_types", None) or ())
    replaceable = bool(getattr(model, "_supports_attention_backend", False))
    return replaceable and kinds <= {"full_attention", "sliding_attention"}


@contextmanager
def flat(model: Any) -> Iterator[None]:
    """Let `model` (or the model inside a PEFT wrapper) attend to flat batches, and set it back afterwards.

    Raises ModelError for an architecture that would let sequences see each other: one whose attention can't be
    replaced, or that mixes tokens by other layers.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    if not can_be_flat(inner):
        raise ModelError(
            f"{type(inner).__name__}: this architecture can't read flat batches, so it can't be trained here; "
            "score the base model with --set scoring.engine=hf"
        )
    before = inner.config._attn_implementation
    inner.set_attn_implementation(FLAT)
    try:
        yield
    finally:
        inner.set_attn_implementation(before)
