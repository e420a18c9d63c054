"""Each training's divergence from its base, the base's side of it computed once a training task."""

from __future__ import annotations

from typing import Any

import torch

from medcot_bench.models.tokens import Encoder, write_within
from medcot_bench.plan import Cell, Plan
from medcot_bench.records import Divergence
from medcot_bench.training.batches import Item
from medcot_bench.training.divergence import ITEMS, divergence, next_token_logprobs

Key = tuple[str, str, torch.dtype]


class DivergenceMeter:
    """Looks at the base before a training, and at what became of it afterwards."""

    def __init__(self, plan: Plan, encoder: Encoder, compute_dtype: torch.dtype):
        self._plan = plan
        self._encoder = encoder
        self._dtype = compute_dtype
        self._bases: dict[Key, list[torch.Tensor]] = {}
        """Of the base that is loaded only."""

    def look_at_base(self, cell: Cell, base: Any) -> None:
        """Keep what the untouched base expects on a cell's training task."""
        key = self._key(cell, base)
        self._bases = {kept: rows for kept, rows in self._bases.items() if kept[1:] == key[1:]}
        if key not in self._bases:
            self._bases[key] = next_token_logprobs(base, self._items(cell), self._dtype)

    def measure(self, cell: Cell, base: Any, model: Any) -> Divergence | None:
        """Return how far `model`, trained on `base`, is from it; None where no item fits."""
        before = self._bases[self._key(cell, base)]
        return divergence(before, next_token_logprobs(model, self._items(cell), self._dtype)) if before else None

    def _key(self, cell: Cell, base: Any) -> Key:
        quantisation = self._plan.adapters[cell.adapter].adapter.spec.quantisation
        return str(cell.task), quantisation, next(base.parameters()).dtype

    def _items(self, cell: Cell) -> list[Item]:
        task = str(cell.task)
        limit = min(self._plan.scoring.max_length, self._plan.base.info.max_positions)
        written = (
            write_within(self._plan.tasks[task], self._encoder, example, limit, shorten=True)
            for example in self._plan.scored_items(task)[:ITEMS]
        )
        return [Item(*self._encoder.pair(one.prompt, one.target)) for one in written if one]
