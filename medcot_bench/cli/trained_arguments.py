"""The arguments that name a finished training run, and its model found by them."""

from __future__ import annotations

import argparse
from pathlib import Path

from medcot_bench.cli.supervision_arguments import add_timeout
from medcot_bench.runner.rehearsal import others_installed, rehearse
from medcot_bench.study.paths import read_path
from medcot_bench.trained.find import Trained, find


def add_trained_arguments(command: argparse.ArgumentParser) -> None:
    """Add what names a training run of a result folder, and where and how long to load its model."""
    command.add_argument("folder", type=read_path, metavar="DIR", help="the -o of a study")
    command.add_argument("cell", metavar="RUN", help="a folder in DIR/cells, or enough of its name, e.g. lora__s0")
    command.add_argument(
        "--model", metavar="MODEL", help="where the base model lies now (default: as in the study)"
    )
    command.add_argument("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:1, mps (default: the study's)")
    add_timeout(command)


def find_trained(
    folder: Path, cell: str, timeout: float | None, *, task: str | None = None, weights: bool = True
) -> Trained:
    """Find a training run, its plugins of other packages called in a child process first. Raises as `find` does.

    `task` is the one that will be asked for, None for the one that it was trained on.
    """
    if others_installed():
        rehearse(timeout, "looking for the model", find_again, str(folder), cell, task)
    return find(folder, cell, weights=weights)


def find_again(folder: str, cell: str, task: str | None) -> None:
    """Find a training run and its task in the child."""
    find(Path(folder), cell, weights=False).task(task)
