"""Flat batches without padding: a prompt is read once for all its requests, and no answer waits for another."""

from __future__ import annotations

from medcot_bench.interfaces import Engine
from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.types import LoadedModel


@hookimpl
def medcot_make_engine(name: str, loaded: LoadedModel, batch_size: int | None) -> Engine:
    """Build the engine `fast`."""
    from medcot_bench.scoring.engines.flat import FlatEngine

    return FlatEngine(loaded, batch_size)
