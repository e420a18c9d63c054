"""The language model that lm-eval talks to."""

from __future__ import annotations

from typing import Any

import torch

from medcot_bench.scoring.engines.fast import FastLM
from medcot_bench.scoring.engines.hf import HfLM
from medcot_bench.study.schema import Engine

ENGINES: dict[Engine, type[HfLM]] = {"fast": FastLM, "hf": HfLM}
BATCH_SIZES: dict[Engine, int] = {"fast": 32, "hf": 8}
"""HFLM holds the logits of a whole batch, (rows, tokens, vocabulary), twice."""


def build_lm(
    model: Any,
    tokenizer: Any,
    *,
    engine: Engine,
    max_length: int,
    batch_size: int | None,
    compute_dtype: torch.dtype | None = None,
) -> HfLM:
    """Wrap a model in memory for lm-eval.

    `compute_dtype` switches autocast on, for fp32 master weights on a GPU. Log-probabilities are taken in fp32.
    The constructor of HFLM would tie the head to the embeddings again, also where training untied them.
    """
    model.tie_weights = lambda *args, **kwargs: None
    try:
        return ENGINES[engine](
            pretrained=model,
            tokenizer=tokenizer,
            max_length=max_length,
            batch_size=batch_size or BATCH_SIZES[engine],
            softmax_dtype="float32",
            mixed_precision_dtype=str(compute_dtype).removeprefix("torch.") if compute_dtype else None,
        )
    finally:
        del model.tie_weights
