"""A cell's model again, from its base and what its adapter saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from medcot_bench.base_model.resolve import Base
from medcot_bench.models.checks import refuse_missing_tensors
from medcot_bench.models.load import load_model, load_tokenizer, resolve_device, resolve_dtype, weights_folder
from medcot_bench.models.tokenization import Encoder
from medcot_bench.plugins.entries import blame
from medcot_bench.trained.find import Trained
from medcot_bench.worker.check_models import weights_dtype
from medcot_bench.worker.heartbeat import Heartbeat


@dataclass(frozen=True, slots=True)
class Restorer:
    """Loads the model of one cell, as often as it is asked to."""

    trained: Trained
    base: Base
    folder: Path
    """The base's."""
    device: torch.device
    dtype: torch.dtype
    """What is computed in."""
    encoder: Encoder

    @property
    def autocast(self) -> torch.dtype | None:
        """What scoring computes in where the weights are master weights of a wider type."""
        full = self.trained.adapter.adapter.spec.update == "full"
        return self.dtype if full and self.dtype != torch.float32 else None

    def base_model(self) -> Any:
        """Return the base."""
        return load_model(self.folder, quantisation="none", dtype=self.dtype, device=self.device)

    def tuned(self, *, dequantised: bool = False) -> Any:
        """Return the trained model, on a quantised base or on the same weights written out. Raises PluginError."""
        adapter, entry = self.trained.adapter.adapter, self.trained.adapter.entry
        dtype = weights_dtype(self.trained.adapter, self.dtype)
        base = load_model(self.folder, quantisation=adapter.spec.quantisation, dtype=dtype, device=self.device)
        if dequantised:
            base = base.dequantize(dtype)
        if self.trained.weights is None:
            with blame(entry, "prepare"), refuse_missing_tensors(self.trained.name):
                return adapter.prepare(base, {}).eval()
        with blame(entry, "load"), refuse_missing_tensors(str(self.trained.weights)):
            return adapter.load(base, self.trained.weights).eval()


def restorer(trained: Trained, model: str | None, device: str | None, heartbeat: Heartbeat) -> Restorer:
    """Find the base; `model` says where it lies now, `device` what to compute on. Raises ModelError."""
    base = trained.base(model)
    found = resolve_device(device or trained.study.device)
    with heartbeat.assumed():  # a download: how long that may take is left to the hub's library
        folder = weights_folder(base)
    encoder = Encoder(load_tokenizer(folder), **trained.prompts)
    return Restorer(trained, base, folder, found, resolve_dtype(trained.study.dtype, found), encoder)
