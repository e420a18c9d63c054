"""How fast this machine's CPU is: so long as a run has measured nothing, its time is guessed from that."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

from medcot_bench.planning.plan import Plan

SHAPE = 256, 576, 1536
"""Rows, inputs and outputs of the matrix product that is timed: a small model's layer on a few sentences."""
SECONDS = 0.1
ATTAINED = 0.7
"""What a model that reads and is trained attains of the speed of that product, on two cores of an AMD EPYC."""
NVIDIA = Path("/proc/driver/nvidia/version")


@cache
def measure_flops() -> float:
    """Return the floating-point operations that all cores do in a second: a product's best of a tenth of one."""
    import numpy as np  # plan and run alone need it

    rows, inputs, outputs = SHAPE
    left, right = np.ones((rows, inputs), np.float32), np.ones((inputs, outputs), np.float32)
    left @ right  # the first one starts the threads
    best, end = float("inf"), time.perf_counter() + SECONDS
    while (began := time.perf_counter()) < end:
        left @ right
        best = min(best, time.perf_counter() - began)
    return 2.0 * rows * inputs * outputs / best


def seconds_a_token(plan: Plan) -> float:
    """Return what reading a token takes the study's model here, on the CPU: two operations a parameter."""
    return 2.0 * plan.base.info.parameters / (ATTAINED * measure_flops())


def is_on_cpu(device: str) -> bool:
    """Whether a study's device is the CPU, as far as that is known without torch."""
    return device == "cpu" or (device == "auto" and not NVIDIA.exists())
