"""Where and with what a result is made."""

from __future__ import annotations

import platform
import socket
from collections.abc import Iterable
from pathlib import Path

import torch

from medcot_bench.planning.status import package_versions
from medcot_bench.plugins.entries import PluginEntry
from medcot_bench.plugins.manager import installed
from medcot_bench.results.records import Provenance
from medcot_bench.version import __version__


def provenance(
    started: str,
    plugins: Iterable[PluginEntry],
    engine: str,
    device: torch.device,
    dtype: torch.dtype,
    threads: int,
) -> Provenance:
    """Describe this process for a record that began at `started` and in which `plugins` took part."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()
    took_part = {f"{entry.kind} {entry.name}": f"{entry.distribution} {entry.version}" for entry in plugins}
    return Provenance(
        medcot_bench=__version__,
        plugins=took_part | {f"plugin {name}": "active" for name in installed().run_wide()},
        packages=package_versions(),
        engine=engine,
        python=platform.python_version(),
        platform=platform.platform(),
        device=f"{device.type}: {name}",
        dtype=dtype_name(dtype),
        threads=threads,
        hostname=socket.gethostname(),
        started=started,
    )


def dtype_name(dtype: torch.dtype) -> str:
    """Return `float32` for torch.float32."""
    return str(dtype).removeprefix("torch.")


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")
