"""What libraries read from the environment of a worker, before they are imported."""

from __future__ import annotations

import os

from medcot_bench.hub.client import keep_libraries_offline
from medcot_bench.runner.protocol import Job
from medcot_bench.security.hub_code import hide_kernels
from medcot_bench.study.threads import count_threads


def set_environment(job: Job) -> int:
    """Set what the libraries are to find; return the number of threads to compute with."""
    threads = count_threads(job.threads)
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
