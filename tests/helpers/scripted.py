"""An executor whose workers say what a test wrote for them: runs without models, in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from medcot_bench.runner.protocol import Job, WorkerEvent, encode, read_events

Part = WorkerEvent | str | Callable[[], None]
"""An event, a piece of what comes through the pipe as it is, or something that happens in between."""


@dataclass
class Script:
    """What a worker says, how it ends, and what it wrote beside events."""

    parts: Sequence[Part]
    status: int = 0
    log: Sequence[str] = ()


@dataclass
class ScriptedExecutor:
    """Plays one script after another; a job more than there are scripts fails the test."""

    scripts: list[Script]
    jobs: list[Job] = field(default_factory=list)
    workers: list[ScriptedWorker] = field(default_factory=list)

    def start(self, job: Job, on_log: Callable[[str], None]) -> ScriptedWorker:
        self.jobs.append(job)
        assert len(self.jobs) <= len(self.scripts), "one worker too many was started"
        self.workers.append(ScriptedWorker(self.scripts[len(self.jobs) - 1], on_log))
        return self.workers[-1]


class ScriptedWorker:
    def __init__(self, script: Script, on_log: Callable[[str], None]):
        self.script = script
        self.ended = False
        for line in script.log:
            on_log(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.ended = True

    def events(self) -> Iterator[WorkerEvent]:
        return read_events(self._lines())

    def wait(self) -> int:
        return self.script.status

    @property
    def tail(self) -> str:
        return "".join(f"{line}\n" for line in self.script.log)

    def _lines(self) -> Iterator[str]:
        for part in self.script.parts:
            if isinstance(part, str):
                yield part
            elif callable(part):
                part()
            else:
                yield encode(part)
