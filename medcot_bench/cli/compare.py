"""`medcot-bench compare DIR [DIR2] --baseline ADAPTER`: paired differences in the terminal."""

from __future__ import annotations

import argparse
from itertools import permutations
from pathlib import Path
from typing import Any

from tabulate import tabulate

from medcot_bench.analysis.build import build
from medcot_bench.analysis.comparison import Compared, compare, conflicts, left_out, resolve_row
from medcot_bench.analysis.learning_rates import about_rates
from medcot_bench.analysis.per_item import rows_of
from medcot_bench.errors import CONFLICT, MedcotError
from medcot_bench.report.gap_tables import interval
from medcot_bench.report.recommendation import MEMORY, recommend
from medcot_bench.results.folder import Results, load


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "compare",
        help="compare adapters with a baseline, paired, also across two result folders",
        description="Compare every row with a baseline, item by item and seed by seed, with 95 % intervals; then "
        "say what to take. A second folder is compared with the first one's baseline, and refused where its "
        "items, prompts, engine or training data are others.",
        allow_abbrev=False,
    )
    command.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="one result folder, or two")
    command.add_argument("--baseline", default="full", metavar="ADAPTER", help="a row of the first (default full)")
    command.add_argument("--score", metavar="NAME", help="default: the study's primary score")
    command.add_argument("--memory", type=float, default=MEMORY, metavar="GB", help=f"default {MEMORY:g}")
    command.add_argument("--force", action="store_true", help="compare folders that differ, and mark it")
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Print the comparison; return the exit status."""
    if len(options.folders) > 2:
        raise MedcotError(f"compare takes one result folder or two, not {len(options.folders)}")
    folders = [load(folder) for folder in options.folders]
    found = [*conflicts(*folders)] if len(folders) == 2 else []
    if found and not options.force:
        raise MedcotError(
            f"{options.folders[0]} and {options.folders[1]} are not comparable: {'; '.join(found)}; --force "
            "compares them and marks it",
            exit_code=CONFLICT,
        )
    score = options.score or folders[0].analysis.primary
    baseline = resolve_row(folders[0], options.baseline)
    rows = compare(folders, baseline, score)
    if not rows:
        raise MedcotError(f"no row shares a seed, an item and the score {score} with {baseline}")
    for beside in dict.fromkeys(row.beside for row in rows):
        print(f"trained on {beside}:" if beside else "untrained:")
        print(_table([row for row in rows if row.beside == beside], folders, options.folders, baseline) + "\n")
    marks = f"; compared although: {'; '.join(found)}" if found else ""
    print(f"{score}; ahead: better than {baseline} (95 %), paired by item and seed; p by Holm{marks}")
    trained = {task for adapter, task in rows_of(folders[0]) if adapter == baseline and task}
    if any(row.ahead.seeds == 1 and (row.trained or row.beside in trained) for row in rows):
        print("one seed describes these models, not their methods")
    for said, of in _rates(folders).items():
        print(said if len(of) == len(folders) else f"{of[0]}: {said}")
    for results, left in zip(folders, left_out(folders, baseline), strict=True):
        if left:
            print(f"left out of {results.root}, trained on what {baseline} was not: {', '.join(left)}")
    for alone, other in permutations(folders, 2):
        if tasks := [task for task in _scored(alone) if task not in _scored(other)]:
            print(f"tasks of {alone.root} that {other.root} lacks: {', '.join(tasks)}")
    for results in folders:
        for line in recommend(build(results), options.memory):
            print(f"{'take' if len(folders) == 1 else f'take of {results.root}'}, {line}")
    return 0


def _rates(folders: list[Results]) -> dict[str, list[Path]]:
    """Return how learning rates came about -> the folders of which that is true."""
    found: dict[str, list[Path]] = {}
    for results in folders:
        if said := about_rates(rows_of(results), results.trials):
            found.setdefault(said, []).append(results.root)
    return found


def _scored(results: Results) -> dict[str, None]:
    return dict.fromkeys(task for cell in results.cells for task in cell.evaluations)


def _table(rows: list[Compared], folders: list[Results], paths: list[Path], baseline: str) -> str:
    several = len(folders) > 1
    headers = [*(["folder"] if several else []), "scored on", "adapter", "mean"]
    headers += [baseline, "ahead", "p", "better", "worse", "n", "seeds"]
    lines = [
        [
            *([str(paths[row.folder])] if several else []),
            folders[row.folder].title(row.task),
            row.adapter,
            *(f"{found.value:.3f}" for found in (row.mean, row.baseline)),
            interval(row.ahead, signed=True),
            "" if row.p_value is None else f"{row.p_value:.2g}",
            str(row.better),
            str(row.worse),
            str(row.ahead.items),
            str(row.ahead.seeds),
        ]
        for row in rows
    ]
    return tabulate(lines, headers, disable_numparse=True)
