"""A base model that stays loaded from one cell to the next as long as its weights are unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from medcot_bench.models.load import checksum, load_model
from medcot_bench.models.meter import Meter, tensor_bytes
from medcot_bench.models.passes import count_passes


@dataclass(frozen=True, slots=True)
class Lent:
    """A base model on loan: frozen, in evaluation mode."""

    model: Any
    bytes: int
    """Of its weights and buffers."""
    seconds: float
    peak_bytes: int
    """What loading cost; 0 where it was warm."""


class WarmBase:
    """Lends the base model of a run, quantised as an adapter needs it."""

    def __init__(self, folder: Path, device: torch.device):
        self._folder = folder
        self._device = device
        self._model: Any = None
        self._key: tuple[str, torch.dtype] | None = None
        self._checksum: dict[str, int] = {}

    @contextmanager
    def lend(self, quantisation: Literal["none", "nf4"], dtype: torch.dtype) -> Iterator[Lent]:
        """Lend the base model, loaded if needed; it is dropped afterwards if any weight changed."""
        seconds, peak = 0.0, 0
        if self._model is None or self._key != (quantisation, dtype):
            self._model = None
            with Meter(self._device) as meter:
                self._model = load_model(self._folder, quantisation=quantisation, dtype=dtype, device=self._device)
                self._checksum = checksum(self._model)
            count_passes(self._model)
            self._key = (quantisation, dtype)
            seconds, peak = meter.seconds, meter.peak_bytes
        size = tensor_bytes([*self._model.parameters(), *self._model.buffers()])
        intact = False
        try:
            yield Lent(self._model, size, seconds, peak)
            self._model.requires_grad_(False)
            self._model.eval()
            intact = checksum(self._model) == self._checksum
        finally:
            if not intact:
                self._model = None
