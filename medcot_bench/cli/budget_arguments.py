"""The arguments of `plan` that ask for designs within a time budget."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from medcot_bench.errors import ConfigError
from medcot_bench.planning.estimates.designs import OFFERED
from medcot_bench.planning.pinned_study import dump_study
from medcot_bench.study.durations import read_seconds
from medcot_bench.study.paths import read_path
from medcot_bench.study.precision import Aim
from medcot_bench.study.schema import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a design is to fit, and to be good for."""

    seconds: float
    aim: Aim
    score: str | None
    """None: the study's primary one."""
    design: int
    """The one that is written, counted from 1."""
    file: Path | None


def add_budget(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    group = command.add_argument_group("designs within a time budget (docs/persistence.md)")
    group.add_argument("--budget", metavar="TIME", help="time of what is left to run, e.g. 8h or 10m")
    group.add_argument(
        "--effect",
        choices=[*Aim],
        help=f"the gap whose interval is to be narrow, or its change between domains (default {Aim.CHANGE})",
    )
    group.add_argument("--score", metavar="NAME", help="the metric of that gap (default: the study's primary)")
    group.add_argument("--write-study", type=read_path, metavar="FILE", help="write a design as a study file")
    group.add_argument(
        "--design", type=int, choices=range(1, OFFERED + 1), help="the design to write (default 1, the best)"
    )


def read_budget(options: argparse.Namespace) -> Budget | None:
    """Return what the arguments ask for, None without a budget. Raises ConfigError."""
    others = {
        "--effect": options.effect,
        "--score": options.score,
        "--write-study": options.write_study,
        "--design": options.design,
    }
    given = [flag for flag, value in others.items() if value is not None]
    if options.budget is None:
        if given:
            raise ConfigError(f"{', '.join(given)}: add --budget TIME, e.g. --budget 8h")
        return None
    seconds = read_seconds(options.budget, f"--budget {options.budget}")
    if seconds is None:
        raise ConfigError("--budget none: write a time as 10m or 8h")
    if options.design is not None and options.write_study is None:
        raise ConfigError(f"--design {options.design}: add --write-study FILE")
    return Budget(
        seconds=seconds,
        aim=Aim(options.effect or Aim.CHANGE),
        score=options.score,
        design=options.design or 1,
        file=options.write_study,
    )


def write_study(study: Study, file: Path) -> str:
    """Write a study file; return what to do with it. An existing file is never overwritten."""
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(dump_study(study))
    except FileExistsError:
        raise ConfigError(f"{file} already exists; choose another file") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise ConfigError(f"can't write {file}: {getattr(error, 'strerror', error)}") from None
    return f"{file} written; run it: medcot-bench run {file}"
