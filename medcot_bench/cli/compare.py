"""`medcot-bench compare DIR [DIR2] --baseline ADAPTER`: paired differences, or whether requirements hold."""

from __future__ import annotations

import argparse
from itertools import permutations
from pathlib import Path
from typing import Any

from medcot_bench.analysis.build import build
from medcot_bench.analysis.comparison import (
    Compared,
    compare,
    default_baseline,
    find_conflicts,
    resolve_row,
    rows_without_baseline,
)
from medcot_bench.analysis.per_item import rows_of
from medcot_bench.analysis.recommendation import MEMORY
from medcot_bench.analysis.recommendation_rates import recommend_over_rates
from medcot_bench.cli.compare_items import show_items
from medcot_bench.cli.requirements import require
from medcot_bench.errors import CONFLICT, MedcotError
from medcot_bench.report.comparison_table import comparison_table, write_comparison, write_conflict
from medcot_bench.report.notes import write_rates
from medcot_bench.report.recommendation import write_recommendation
from medcot_bench.report.terminal import draw_table, wrap
from medcot_bench.results.folder import Results, load
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.study.paths import read_path


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "compare",
        help="compare adapters with a baseline, paired, also across two result folders",
        description="Compare every row with a baseline, paired by item and seed, with 95% CI, and recommend an "
        "adapter. A second folder is compared with the first one's baseline, and refused if its items, prompts, "
        "engine or training data differ.",
        allow_abbrev=False,
    )
    command.add_argument("folders", type=read_path, nargs="+", metavar="DIR", help="one result folder, or two")
    command.add_argument("--baseline", metavar="ADAPTER", help="a row of the first (default full fine-tuning)")
    command.add_argument("--score", metavar="NAME", help="default: the study's primary score")
    command.add_argument(
        "--items",
        type=int,
        metavar="N",
        help="show instead the N items of each evaluation task on which methods differ most, with their answers",
    )
    command.add_argument("--memory", type=float, default=MEMORY, metavar="GB", help=f"default {MEMORY:g}")
    command.add_argument(
        "--require",
        action="append",
        metavar="REQUIREMENT",
        help='e.g. "manuals_qa.answer >= none": print whether it holds, and exit with 1 where not; repeatable',
    )
    command.add_argument(
        "--against", type=read_path, metavar="FOLDER", help="where requirements take the right side's rows from"
    )
    command.add_argument("--force", action="store_true", help="compare folders that differ, and say so")
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Print the comparison, or whether requirements hold; return the exit status."""
    if options.require:
        if options.items is not None:
            raise MedcotError("--items and --require are two questions; ask one at a time")
        return require(options)
    if options.against:
        raise MedcotError("--against is for --require; two folders are compared by: compare DIR DIR2")
    if len(options.folders) > 2:
        raise MedcotError(f"compare takes one result folder or two, not {len(options.folders)}")
    folders = [load(folder) for folder in options.folders]
    conflicts = [*map(write_conflict, find_conflicts(*folders))] if len(folders) == 2 else []
    if conflicts and not options.force:
        raise MedcotError(
            f"{options.folders[0]} and {options.folders[1]} are not comparable: {'; '.join(conflicts)}; --force "
            "compares them all the same",
            exit_code=CONFLICT,
        )
    score = options.score or folders[0].analysis.primary
    if options.items is not None:
        for conflict in conflicts:
            print(wrap(f"Compared although this differs: {conflict}."))
        return show_items(options, folders, score)
    baseline = resolve_row(folders[0], options.baseline or default_baseline(folders[0]))
    rows = compare(folders, baseline, score)
    if not rows:
        raise MedcotError(f"no row shares a seed, an item and the score {score} with {baseline}")
    _show_rows(rows, options.folders, baseline, score)
    print(
        wrap(
            "Difference: how much better than the baseline (< 0: worse), 95% CI, paired by item and seed; p after "
            "Holm correction."
        )
    )
    if conflicts:
        print(wrap(f"Compared although these differ: {'; '.join(conflicts)}."))
    trained = {task for adapter, task in rows_of(folders[0]) if adapter == baseline and task}
    if any(row.ahead.seeds == 1 and (row.trained or row.beside in trained) for row in rows):
        print("One seed compares trained models, not methods.")
    boards = [build(results) for results in folders]
    for said, of in _rates(folders, boards).items():
        print(wrap(f"{said}." if len(of) == len(folders) else f"{of[0]}: {said}."))
    _show_rest(folders, baseline)
    for results, board in zip(folders, boards, strict=True):
        for found in recommend_over_rates(results, board, options.memory):
            where = "" if len(folders) == 1 else f"{results.root}: "
            print(wrap(f"{where}{' '.join(write_recommendation(found))}"))
    return 0


def _show_rows(rows: list[Compared], folders: list[Path], baseline: str, score: str) -> None:
    """Print a table for every training task and evaluation task, each with its baseline above it."""
    for place in dict.fromkeys((row.beside, row.task) for row in rows):
        found = [row for row in rows if (row.beside, row.task) == place]
        print(wrap(write_comparison(found, baseline, score)))
        print(f"{draw_table(comparison_table(found, folders))}\n")


def _show_rest(folders: list[Results], baseline: str) -> None:
    """Print what is not compared."""
    for results, left in zip(folders, rows_without_baseline(folders, baseline), strict=True):
        if left:
            named = ", ".join(f"{adapter} on {trained}" for adapter, trained in left)
            print(wrap(f"Not compared, from {results.root}, where {baseline} was not trained: {named}."))
    for alone, other in permutations(folders, 2):
        if tasks := [task for task in _scored(alone) if task not in _scored(other)]:
            print(wrap(f"Tasks of {alone.root} that {other.root} does not have: {', '.join(tasks)}."))


def _rates(folders: list[Results], boards: list[Leaderboard]) -> dict[str, list[Path]]:
    """Return how learning rates came about -> the folders of which that is true."""
    found: dict[str, list[Path]] = {}
    for results, board in zip(folders, boards, strict=True):
        if said := write_rates(board.rows, board.trials):
            found.setdefault(said, []).append(results.root)
    return found


def _scored(results: Results) -> dict[str, None]:
    return dict.fromkeys(task for cell in results.cells for task in cell.evaluations)
