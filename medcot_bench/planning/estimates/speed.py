"""How fast this machine's CPU is: so long as a run has measured nothing, its time is guessed from that."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

from medcot_bench.planning.plan import Plan
from medcot_bench.study.threads import count_threads

SIDE = 64
"""Of the square matrices whose product is timed: so small that one core does it alone, busy as others may be."""
SECONDS = 0.1
ATTAINED = 0.78
"""What a model that reads or is trained attains of the speed of that product on all cores."""
NVIDIA = Path("/proc/driver/nvidia/version")


@cache
def measure_flops() -> float:
    """Return the floating-point operations that a core does in a second: the best product of a tenth of one."""
    import numpy as np  # plan and run alone need it

    matrix = np.ones((SIDE, SIDE), np.float32)
    best, end = float("inf"), time.perf_counter() + SECONDS
    while (began := time.perf_counter()) < end:
        matrix @ matrix
        best = min(best, time.perf_counter() - began)
    return 2.0 * SIDE**3 / best


def seconds_a_token(plan: Plan) -> float:
    """Return what reading a token takes the study's model here, on the CPU: two operations a parameter."""
    flops = measure_flops() * count_threads(plan.study.threads)
    return 2.0 * plan.base.info.parameters / (ATTAINED * flops)


def is_on_cpu(device: str) -> bool:
    """Whether a study's device is the CPU, as far as that is known without torch."""
    return device == "cpu" or (device == "auto" and not NVIDIA.exists())
