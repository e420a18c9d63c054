"""`medcot-bench doctor`: what of this machine and installation a run will meet."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from medcot_bench.doctor.devices import check_devices
from medcot_bench.doctor.finding import Finding
from medcot_bench.doctor.folders import check_folders
from medcot_bench.doctor.hub import check_hub
from medcot_bench.doctor.packages import check_packages
from medcot_bench.doctor.plugins import check_plugins
from medcot_bench.errors import OK, SOME_FAILED
from medcot_bench.study.paths import read_path


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "doctor",
        help="check this machine, the installation and the output folder",
        description="Check versions, devices and what works on them, plugins, the output folder, caches and the "
        "hub. Exit status 1 where something will fail.",
        allow_abbrev=False,
    )
    command.add_argument(
        "-o", "--output-dir", type=read_path, default=Path("out"), metavar="DIR", help="default: out"
    )
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Print a line for every finding as it comes."""
    failed = 0
    for finding in _findings(options.output_dir):
        print("\n".join(_lines(finding)), flush=True)
        failed += finding.state == "fails"
    print(f"{failed} will fail." if failed else "Nothing will fail.")
    return SOME_FAILED if failed else OK


def _findings(output: Path) -> Iterator[Finding]:
    return chain(check_packages(), check_devices(), check_plugins(), check_folders(output), _hub())


def _hub() -> Iterator[Finding]:
    yield check_hub()


def _lines(finding: Finding) -> list[str]:
    width = max(40, shutil.get_terminal_size().columns)
    start = f"{finding.state:<6}{finding.subject:<13}"
    return textwrap.wrap(
        finding.text, width, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False
    )
