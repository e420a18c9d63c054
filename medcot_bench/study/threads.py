"""How many threads a study computes with."""

from __future__ import annotations

import os


def count_threads(asked: int | None) -> int:
    """Return the CPU threads for the study's `threads`: by default, and at most, one for each core."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux: the cores that this process may use
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(asked or cores, cores)
