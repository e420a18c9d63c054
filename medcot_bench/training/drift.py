"""How far training took a model from its base; what that takes of the base is measured once for all cells."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from medcot_bench.models.encoder import Encoder
from medcot_bench.models.write_item import write_within
from medcot_bench.planning.plan import Plan
from medcot_bench.results.records import Divergence, Forgetting
from medcot_bench.training.batches import Item
from medcot_bench.training.forgetting import forgetting, general_nll
from medcot_bench.training.kl import divergence, next_token_logprobs

Form = tuple[str, torch.dtype]
"""In which a base was loaded: its quantisation, and the type of its other weights."""


@dataclass(frozen=True, slots=True)
class Untouched:
    """What is measured of the base."""

    general: float | None
    """Nats per byte of the general text; None where it could not be measured."""
    items: Sequence[Item] = ()
    """Evaluation items of the training task; none where nothing is trained."""
    logprobs: Sequence[torch.Tensor] = ()


class Distances:
    """Measures trained models against the untouched base of a run."""

    def __init__(self, plan: Plan, encoder: Encoder, compute_dtype: torch.dtype):
        self._plan = plan
        self._encoder = encoder
        self._dtype = compute_dtype
        self._general: dict[Form, float | None] = {}
        self._on_task: dict[tuple[Form, str], tuple[list[Item], list[torch.Tensor]]] = {}
        self.seconds = 0.0
        """What all measuring took so far, the base's with it."""

    def untouched(self, base: Any, quantisation: str, task: str | None) -> Untouched:
        """Return what is measured of a base that no adapter has touched yet, for a training on `task` if any."""
        form = (quantisation, next(base.parameters()).dtype)
        with self._timed():
            if form not in self._general:
                self._general[form] = self._nll(base)
            if task is None:
                return Untouched(self._general[form])
            if (form, task) not in self._on_task:
                items = self._looked_at(task)
                self._on_task[form, task] = items, next_token_logprobs(base, items, self._dtype)
        return Untouched(self._general[form], *self._on_task[form, task])

    def measure(self, untouched: Untouched, model: Any) -> tuple[Divergence | None, Forgetting | None]:
        """Return a model's divergence and forgetting; None where nothing was trained, or it can't be measured."""
        with self._timed():
            found = divergence(untouched.logprobs, model, untouched.items, self._dtype)
            return found, forgetting(self._plan.general_text, untouched.general, self._nll(model))

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began = time.perf_counter()
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
