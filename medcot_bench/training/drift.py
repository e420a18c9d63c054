"""KL from the base model, and forgetting. The base model is measured once for all cells."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import write_within
from medcot_bench.planning.plan import Plan
from medcot_bench.results.records import Divergence, Forgetting
from medcot_bench.training.batches import Item
from medcot_bench.training.forgetting import general_nll, record_forgetting
from medcot_bench.training.kl import measure_divergence, next_token_logprobs

Form = tuple[str, torch.dtype]
"""How a base model was loaded: its quantisation, and the type of its other weights."""


@dataclass(frozen=True, slots=True)
class BaseMeasures:
    """Measurements of the base model."""

    general: float | None
    """Nats per byte of the general text; None if not measurable, or not asked for."""
    items: Sequence[Item] = ()
    """Evaluation items of the training task; empty if nothing is trained."""
    logprobs: Sequence[torch.Tensor] = ()


class Distances:
    """Measures trained models against the base model of a run."""

    def __init__(
        self,
        plan: Plan,
        encoder: Encoder,
        compute_dtype: torch.dtype,
        on_measuring: Callable[[], None] = lambda: None,
    ):
        self._plan = plan
        self._on_measuring = on_measuring
        self._encoder = encoder
        self._dtype = compute_dtype
        self._general: dict[Form, float | None] = {}
        self._on_task: dict[tuple[Form, str], tuple[list[Item], list[torch.Tensor]]] = {}
        self.seconds = 0.0
        """Seconds of all measurements so far, including the base model's."""

    def measure_base(self, base: Any, quantisation: str, task: str | None) -> BaseMeasures:
        """Measure a base model before any adapter is on it, for a training run on `task` if any."""
        if not self._plan.study.drift:
            return BaseMeasures(None)
        form = (quantisation, next(base.parameters()).dtype)
        with self._timed():
            if form not in self._general:
                self._general[form] = self._nll(base)
            if task is None:
                return BaseMeasures(self._general[form])
            if (form, task) not in self._on_task:
                items = self._looked_at(task)
                self._on_task[form, task] = items, next_token_logprobs(base, items, self._dtype)
        return BaseMeasures(self._general[form], *self._on_task[form, task])

    def measure(self, before: BaseMeasures, model: Any) -> tuple[Divergence | None, Forgetting | None]:
        """Return a model's KL from the base model and its forgetting; None if not measurable, or not asked for."""
        if not self._plan.study.drift:
            return None, None
        with self._timed():
            found = measure_divergence(before.logprobs, model, before.items, self._dtype)
            return found, record_forgetting(self._plan.general_text, before.general, self._nll(model))

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began = time.perf_counter()
        self._on_measuring()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began

    def _nll(self, model: Any) -> float | None:
        positions = self._plan.base.info.max_positions
        return general_nll(model, self._encoder.tokenizer, self._plan.general_text, positions, self._dtype)

    def _looked_at(self, task: str) -> list[Item]:
        """Return the first evaluation items, those that fit the model."""
        plan = self._plan
        limit = min(plan.study.scoring.max_length, plan.base.info.max_positions)
        examples = plan.items.measured(task)
        written = (write_within(plan.tasks[task], self._encoder, each, limit, shorten=True) for each in examples)
        return [Item(*self._encoder.pair(one.prompt, one.target)) for one in written if one]
