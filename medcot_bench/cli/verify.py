"""`medcot-bench verify DIR`: check every file of a result folder, and set aside what is damaged."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from medcot_bench.errors import CONFLICT, OK
from medcot_bench.results.quarantine import QUARANTINE
from medcot_bench.results.store import Store
from medcot_bench.results.verify import Verification, set_aside, verify
from medcot_bench.study.paths import read_path
from medcot_bench.text import counted


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "verify",
        help="check the files of a result folder",
        description="Read every record, sample and saved weight of a result folder and compare it with the digest "
        "that was written with it. Exit status 3 where something is damaged; what is planned and missing is said.",
        allow_abbrev=False,
    )
    command.add_argument("folder", type=read_path, metavar="DIR", help="result folder (the -o of a run)")
    command.add_argument(
        "--repair",
        action="store_true",
        help=f"move what is damaged to DIR/{QUARANTINE}; the next run makes it again",
    )
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Print a line for every damage, then what was checked."""
    root: Path = options.folder
    if options.repair and (root / "cells").exists():
        with Store(root).lock():
            found = verify(root)
            set_aside(root, found.damages)
    else:
        found = verify(root)
    for damage in found.damages:
        print(f"{damage.path}: {damage.reason}")
    print("\n".join(_summary(root, found, repaired=options.repair)))
    return CONFLICT if found.damages and not options.repair else OK


def _summary(root: Path, found: Verification, *, repaired: bool) -> list[str]:
    study = root / "study.yaml"
    again = f"`medcot-bench run {study} -o {root}`" if study.exists() else "the command that made it"
    checked = f"{counted(found.cells, 'training run')} and {counted(found.evaluations, 'evaluation')} are intact"
    lines = [f"{checked}." if not found.damages else f"{checked}, {len(found.damages)} damaged."]
    if found.without_digest:
        lines.append(
            f"{counted(found.without_digest, 'record')} of an older version without a digest: "
            "only ids, requests and results were checked."
        )
    if found.damages and repaired:
        lines.append(f"Moved to {root / QUARANTINE}; {again} makes it again.")
    elif found.damages:
        lines.append(f"`medcot-bench verify {root} --repair` moves it to {root / QUARANTINE}.")
    missing = {"training run": found.missing_cells, "evaluation": found.missing_evaluations}
    if parts := [counted(count, noun) for noun, count in missing.items() if count]:
        lines.append(f"Missing of what is planned: {' and '.join(parts)}; {again} makes them.")
    return lines
