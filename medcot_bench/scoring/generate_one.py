"""One answer to one prompt, written by the engine and the settings that scoring has."""

from __future__ import annotations

from typing import Any

import torch

from medcot_bench.errors import ConfigError
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import write_within
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.scoring.as_lm_eval_task import generation_settings
from medcot_bench.scoring.item_scores import cut
from medcot_bench.scoring.lm import build_lm
from medcot_bench.scoring.lm_eval import Instance
from medcot_bench.study.schema import Scoring
from medcot_bench.text import counted
from medcot_bench.types import Example


def answer(
    model: Any,
    encoder: Encoder,
    task: ResolvedTask,
    example: Example,
    *,
    scoring: Scoring,
    max_positions: int,
    shots: list[tuple[str, str]],
    compute_dtype: torch.dtype | None = None,
) -> str:
    """Return a model's greedy answer to an item without one, stripped and cut at the task's stop strings.

    `max_positions` is the model's longest input. Raises ConfigError for a question that does not fit, PluginError.
    """
    spec = task.task.spec
    length = min(scoring.max_length, max_positions)
    new_tokens = scoring.max_new_tokens or spec.max_new_tokens
    shorten = scoring.overlong == "truncate-context"
    written = write_within(
        task, encoder, example, length, room=new_tokens, shots=shots, shorten=shorten, answered=False
    )
    if written is None:
        raise ConfigError(
            f"the question does not fit into {counted(length, 'token')} with {new_tokens} for its answer"
        )
    lm = build_lm(
        model,
        encoder,
        engine=scoring.engine,
        max_length=length,
        batch_size=1,
        compute_dtype=compute_dtype,
    )
    arguments = (written.prompt, generation_settings(spec, new_tokens))
    [raw] = lm.generate_until([Instance("generate_until", {}, arguments, 0)], disable_tqdm=True)
    return cut(raw, spec.stop)
