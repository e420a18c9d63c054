"""Padded batches through lm-eval's own HFLM and transformers: the reference that `fast` is checked against."""

from __future__ import annotations

from medcot_bench.interfaces import Engine
from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.types import LoadedModel


@hookimpl
def medcot_make_engine(name: str, loaded: LoadedModel, batch_size: int | None) -> Engine:
    """Build the engine `hf`."""
    from medcot_bench.scoring.engines.padded import PaddedEngine

    return PaddedEngine(loaded, batch_size)
