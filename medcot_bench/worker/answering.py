"""A worker that is asked for one thing tells signs of life, and says where memory runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from medcot_bench.errors import SOME_FAILED, MedcotError, describe_error
from medcot_bench.models.meter import is_out_of_memory
from medcot_bench.worker.heartbeat import Heartbeat
from medcot_bench.worker.io import Emit


@contextmanager
def answering(emit: Emit) -> Iterator[Heartbeat]:
    """Tell of every hook and sign of life within. Raises MedcotError where memory runs out."""
    with Heartbeat(emit) as heartbeat:
        try:
            yield heartbeat
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise MedcotError(f"out of memory: {describe_error(error)}", exit_code=SOME_FAILED) from error
