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
        self._cost = (0.0, 0)
        """Seconds and peak bytes of loading, until a loan has named them."""

    def load(self, quantisation: Literal["none", "nf4"], dtype: torch.dtype) -> None:
        """Load the base model if needed. Raises ModelError for one that can't be used."""
        if self._model is not None and self._key == (quantisation, dtype):
            return
        self._model = None
        with Meter(self._device) as meter:
            self._model = load_model(self._folder, quantisation=quantisation, dtype=dtype, device=self._device)
            self._checksum = checksum(self._model)
        count_passes(self._model)
        self._key = (quantisation, dtype)
        self._cost = meter.seconds, meter.peak_bytes

    @contextmanager
    def lend(
        self, quantisation: Literal["none", "nf4"], dtype: torch.dtype, *, trial: bool = False
    ) -> Iterator[Lent]:
        """Lend the base model, loaded if needed; it is dropped afterwards if any weight changed.

        A `trial` leaves it to the next loan to name the cost of loading.
        """
        self.load(quantisation, dtype)
        seconds, peak = self._cost
        if not trial:
            self._cost = (0.0, 0)
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
