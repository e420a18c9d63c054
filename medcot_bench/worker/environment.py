"""What libraries read from the environment of a worker, before they are imported."""

from __future__ import annotations

import os

from medcot_bench.hub.client import keep_libraries_offline
from medcot_bench.runner.protocol import Job
from medcot_bench.security.hub_code import hide_kernels


def set_environment(job: Job) -> int:
    """Set what the libraries are to find; return the number of threads to compute with."""
    threads = min(job.threads or cores(), cores())
    os.environ |= {
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads collapse a machine that others use too
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    if not job.trusting:  # metrics of the package evaluate are code that is fetched and run
        os.environ |= {"HF_EVALUATE_OFFLINE": "1", "HF_ALLOW_CODE_EVAL": "0"}
    keep_libraries_offline(allowed=not job.offline)
    hide_kernels()
    return threads


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
