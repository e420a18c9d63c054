"""What can be computed on? A worker tries it, since only it has torch."""

from __future__ import annotations

from collections.abc import Iterator

from medcot_bench.doctor.finding import Finding
from medcot_bench.errors import MedcotError
from medcot_bench.runner.answer import answer_of
from medcot_bench.runner.events import Examined
from medcot_bench.runner.executors.base import Executor
from medcot_bench.runner.protocol import Examine, Job
from medcot_bench.runner.supervision import RAISE_TIMEOUT, Timeouts

SECONDS = 300.0
"""How long the operations may take: a driver that hangs is one of the things to find."""


def check_devices(executor: Executor | None = None) -> Iterator[Finding]:
    """Yield the devices of this machine, and which operations of a run fail on each."""
    job = Job(work=Examine(), threads=None, offline=True)
    try:
        found = answer_of(job, Examined, Timeouts(load=SECONDS), executor)
    except (MedcotError, RuntimeError) as error:
        last = str(error).strip().split("\n")[-1].removesuffix(RAISE_TIMEOUT)
        yield Finding("fails", "device", f"a worker can't start: {last}")
        return
    for device in found.devices:
        works = ", ".join(device.works)
        yield Finding("ok" if device.works else "fails", "device", f"{device.name}: {works or 'nothing works'}")
        for operation, reason in device.fails.items():
            yield Finding("note", "device", f"{device.name}: {operation} fails: {reason}")
