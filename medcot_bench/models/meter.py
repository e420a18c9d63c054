"""The cost of a phase: seconds, peak memory, counted bytes."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

import psutil
import torch

_SAMPLE_SECONDS = 0.02


class Meter:
    """Measures the code inside `with`: `seconds` and `peak_bytes` above where it began.

    CUDA: the allocator's own peak, in all. CPU: resident memory, sampled; memory freed by earlier work is given
    back to the system first, so that it does not count for this phase.
    """

    def __init__(self, device: torch.device):
        self.device = device
        self.seconds = 0.0
        self.peak_bytes = 0
        self._counts = True

    def __enter__(self) -> Self:
        release_memory()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            torch.cuda.reset_peak_memory_stats(self.device)
        else:
            self._baseline = self._highest = _resident()
            self._stop = threading.Event()
            self._thread = threading.Thread(target=self._sample, daemon=True)
            self._thread.start()
        self._start = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        if self.device.type != "cuda":
            self._stop.set()
            self._thread.join()
        self.look()

    def look(self) -> None:
        """Set `seconds` and `peak_bytes` to what they are so far."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            self.peak_bytes = torch.cuda.max_memory_allocated(self.device)
        else:
            self.peak_bytes = max(self._highest, _resident()) - self._baseline
        self.seconds = time.perf_counter() - self._start

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out the code inside: its seconds and, on a CPU, its memory, even if that stays in use."""
        started = time.perf_counter()
        self._counts = False
        resident = _resident()
        try:
            yield
        finally:
            release_memory()
            if self.device.type != "cuda":
                self._baseline += max(0, _resident() - resident)
            self._counts = True
            self._start += time.perf_counter() - started

    def _sample(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            if self._counts:
                self._highest = max(self._highest, _resident())


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception says that memory ran out."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def release_memory() -> None:
    """Give freed memory back to the system, as far as Python, glibc and CUDA do that."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # musl has no malloc_trim
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def tensor_bytes(tensors: Iterable[Any]) -> int:
    """Return the bytes that distinct tensors hold; an NF4 weight counts with its quantisation state."""
    total = 0
    for tensor in {id(tensor): tensor for tensor in tensors}.values():
        total += tensor.numel() * tensor.element_size()
        state = getattr(tensor, "quant_state", None)
        if state is not None:
            nested = getattr(state, "state2", None)
            parts = [state.absmax, state.code, *([nested.absmax, nested.code] if nested else [])]
            total += sum(part.numel() * part.element_size() for part in parts)
    return total


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)
