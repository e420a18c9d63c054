"""`medcot-bench export DIR`: write the leaderboard of a result folder in any format."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from medcot_bench.cli.supervision_arguments import add_timeout, read_timeout
from medcot_bench.cli.trained_arguments import find_trained
from medcot_bench.errors import ConfigError
from medcot_bench.plugins.manager import installed
from medcot_bench.report.export import export
from medcot_bench.report.run_card import write_run_card
from medcot_bench.results.store import Store
from medcot_bench.runner.rehearsal import is_other, rehearse
from medcot_bench.study.paths import read_path


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "export",
        help="write the leaderboard of a result folder",
        description="Write the leaderboard of a result folder from its records.",
        allow_abbrev=False,
    )
    command.add_argument("folder", type=read_path, metavar="DIR", help="result folder (the -o of a run)")
    command.add_argument(
        "--format",
        default="md,csv,json",
        metavar="NAME[,NAME]",
        help="default md,csv,json; `medcot-bench list exporters` lists all formats",
    )
    command.add_argument(
        "-o",
        "--output-dir",
        type=read_path,
        metavar="PATH",
        help="folder to write into (default: the result folder)",
    )
    command.add_argument(
        "--cell",
        metavar="RUN",
        help="with --format model-card: the card of one training run, a folder in DIR/cells or enough of its name",
    )
    add_timeout(command)
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Write the files and print their paths."""
    timeout = read_timeout(options).plan
    formats = [name for name in options.format.split(",") if name]
    if options.cell is not None:
        if formats != ["model-card"]:
            raise ConfigError("--cell is for one format alone: --format model-card")
        print(_export_card(options, timeout))
        return 0
    if others := [entry.name for entry in installed().of("exporter") if is_other(entry) and entry.name in formats]:
        rehearse(timeout, "exporting", export_again, str(options.folder), others)
    for path in export(options.folder, formats, into=options.output_dir):
        print(path)
    return 0


def _export_card(options: argparse.Namespace, timeout: float | None) -> Path:
    """Write the card of one training run; return its path."""
    trained = find_trained(options.folder, options.cell, timeout, weights=False)
    card = write_run_card(trained.results, trained.result, trained.licence())
    into = options.output_dir or options.folder
    path: Path = into / f"{trained.name}.card.md"
    Store(into).replace(path, card.encode(errors="backslashreplace"))
    return path


def export_again(folder: str, formats: list[str]) -> None:
    """Write formats in a child process, into a folder that nobody looks at."""
    with TemporaryDirectory() as into:
        export(Path(folder), formats, into=Path(into))
