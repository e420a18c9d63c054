"""How a run is watched: how long it may be silent, which failures are tried again. Part of no study and no id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import get_args

from medcot_bench.errors import ConfigError
from medcot_bench.planning.status import CellStatus
from medcot_bench.results.records import Attempt, Status
from medcot_bench.results.store import Store
from medcot_bench.runner.protocol import CHECKPOINT_EVERY
from medcot_bench.study.durations import MINUTE, read_seconds

FAILURES: tuple[Status, ...] = tuple(status for status in get_args(Status) if status != "skipped")
"""Statuses of attempts that failed; a plugin that skips a cell is asked again each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds without a sign of life after which something counts as hung; None: it may be silent for ever.

    Any hook that begins or returns, any item, step or pass through a layer is such a sign: slow work gives many.
    """

    plan: float | None = 30 * MINUTE
    """Of plugins of other packages outside of workers, and of run-wide ones in each call."""
    load: float | None = 60 * MINUTE
    """Of a worker that starts, loads the base model, or loads a trained one."""
    train: float | None = 30 * MINUTE
    score: float | None = 30 * MINUTE


RAISE_TIMEOUT = "; raise --timeout if it is only slow"
"""What to do about a hang, the end of its line."""
PHASES = tuple(field.name for field in fields(Timeouts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """What `run` is told about supervision."""

    timeouts: Timeouts = Timeouts()
    retry: frozenset[Status] = frozenset(FAILURES)
    """What failed with another status is left as it is."""
    fail_fast: bool = False
    """Whether the first failure ends the run."""
    checkpoint_every: float | None = CHECKPOINT_EVERY
    """Seconds after which a training that still runs is saved, to go on from there after a kill; None: never."""

    @property
    def same_command(self) -> str:
        """What to run so that all that failed is tried again."""
        return "the same command" if self.retry >= {*FAILURES} else "the same command without --retry"


def read_timeouts(text: str) -> Timeouts:
    """Read what `--timeout` takes. Raises ConfigError.

    >>> read_timeouts("90s").score, read_timeouts("score=2h,load=none")
    (90.0, Timeouts(plan=1800.0, load=None, train=1800.0, score=7200.0))
    """
    if "=" not in text:
        return Timeouts(**dict.fromkeys(PHASES, read_seconds(text, f"--timeout {text}")))
    found = Timeouts()
    for part in text.split(","):
        phase, _, time = part.partition("=")
        if phase.strip() not in PHASES:
            raise ConfigError(f"--timeout {text}: no phase '{phase.strip()}'; phases are {', '.join(PHASES)}")
        found = replace(found, **{phase.strip(): read_seconds(time, f"--timeout {part.strip()}")})
    return found


def read_statuses(text: str) -> frozenset[Status]:
    """Read what `--retry` takes. Raises ConfigError.

    >>> sorted(read_statuses("oom,killed")), read_statuses("none")
    (['killed', 'oom'], frozenset())
    """
    if text.strip() == "none":
        return frozenset()
    given = {part.strip() for part in text.split(",")}
    if wrong := sorted(given - {*FAILURES}):
        raise ConfigError(f"--retry {text}: no status '{wrong[0]}'; write none, or some of {','.join(FAILURES)}")
    return frozenset(status for status in FAILURES if status in given)


def is_tried(todo: CellStatus, store: Store, retry: frozenset[Status]) -> bool:
    """Return whether a cell is run again: anything of it is new, or failed last with a status to retry.

    What failed before a training that is in the folder, or was, counts for nothing.
    """
    if todo.lost:
        return True
    record, attempts = store.cell(todo.cell), store.attempts(todo.cell)
    if record is not None and not todo.missing:
        return True  # its weights are damaged, which is no failure
    if record is not None:
        since = record.provenance.started
        attempts = [attempt for attempt in attempts if attempt.score or attempt.started >= since]
    asked = [None] if record is None else [evaluation.title for evaluation in todo.missing]
    return any(_last(attempts, title) in {None, "skipped", *retry} for title in asked)


def leave_untried(todos: Iterable[CellStatus], store: Store, retry: frozenset[Status]) -> list[CellStatus]:
    """Return the statuses, those of cells that are not run again (`is_tried`) as `left`."""
    return [
        todo
        if todo.action in {"done", "left"} or is_tried(todo, store, retry)
        else replace(todo, action="left", reason=f"{todo.reason}; not tried again (--retry)")
        for todo in todos
    ]


def _last(attempts: Sequence[Attempt], title: str | None) -> Status | None:
    """Return how the latest attempt at an evaluation, or at its cell as a whole, ended; None where none did."""
    return next((one.status for one in reversed(attempts) if one.score in {None, title}), None)
