"""Signs of life of a model: each pass through some of its layers, forwards and backwards, is one."""

from __future__ import annotations

from typing import Any

import torch

from medcot_bench.plugins.activity import ACTIVITY

EVERY = 4
"""Of so many layers one counts, since counting takes some microseconds."""


def count_passes(model: Any) -> None:
    """Have passes through every fourth layer of a model counted as signs of life. No number changes by it.

    Four layers are then the longest that a large model computes on a slow machine without a sign.
    """
    for module in model.modules():
        for layer in [*module][::EVERY] if isinstance(module, torch.nn.ModuleList) else ():
            layer.register_forward_hook(_passed)


def _passed(layer: torch.nn.Module, given: Any, output: Any) -> None:
    ACTIVITY.sign()
    first = output[0] if isinstance(output, tuple) and output else output
    if torch.is_tensor(first) and first.requires_grad:
        first.register_hook(ACTIVITY.sign)
