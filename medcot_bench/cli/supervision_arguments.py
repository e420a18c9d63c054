"""The arguments of how a run is watched, and which failures it tries again."""

from __future__ import annotations

import argparse

from medcot_bench.runner.protocol import CHECKPOINT_EVERY
from medcot_bench.runner.supervision import (
    FAILURES,
    PHASES,
    Supervision,
    Timeouts,
    read_statuses,
    read_timeouts,
)
from medcot_bench.study.durations import read_seconds, spoken


def add_timeout(command: argparse._ActionsContainer) -> None:
    """Add `--timeout`, which every command has that calls plugins of a study."""
    defaults = ", ".join(f"{phase} {spoken(getattr(Timeouts(), phase))}" for phase in PHASES)
    command.add_argument(
        "--timeout",
        metavar="TIME",
        help="longest time without any progress, e.g. 45m, 2h, none, or score=2h,load=3h for single phases "
        f"(default: {defaults})",
    )


def add_supervision_arguments(command: argparse.ArgumentParser) -> None:
    """Add `--timeout`, `--retry`, `--fail-fast` and `--checkpoint-every`."""
    group = command.add_argument_group("time and failures")
    add_timeout(group)
    group.add_argument(
        "--retry",
        metavar="STATUS[,STATUS]",
        help=f"of what failed before, run again only {', '.join(FAILURES[:-1])} or {FAILURES[-1]} runs, or none "
        "(default: all)",
    )
    group.add_argument("--fail-fast", action="store_true", help="stop at the first failed training run")
    group.add_argument(
        "--checkpoint-every",
        metavar="TIME",
        help="how often a long training is saved: after a kill the same command goes on from there; none: never "
        f"(default: {spoken(CHECKPOINT_EVERY)})",
    )


def read_timeout(options: argparse.Namespace) -> Timeouts:
    """Return the timeouts that the flag gives. Raises ConfigError."""
    return Timeouts() if options.timeout is None else read_timeouts(options.timeout)


def read_supervision(options: argparse.Namespace) -> Supervision:
    """Return what the flags say of supervision. Raises ConfigError."""
    retry = frozenset(FAILURES) if options.retry is None else read_statuses(options.retry)
    every: float | None = CHECKPOINT_EVERY
    if options.checkpoint_every is not None:
        every = read_seconds(options.checkpoint_every, f"--checkpoint-every {options.checkpoint_every}")
    return Supervision(
        timeouts=read_timeout(options), retry=retry, fail_fast=options.fail_fast, checkpoint_every=every
    )
