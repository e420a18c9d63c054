"""`medcot-bench run`: train and score what is missing, export the leaderboard."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from typing import Any

from medcot_bench.api import Finished, run_and_export
from medcot_bench.cli import plan
from medcot_bench.cli.progress import choose_listener
from medcot_bench.cli.study_arguments import add_study_arguments, read_study
from medcot_bench.cli.termination import terminable
from medcot_bench.report.headline import summarise
from medcot_bench.report.terminal import overview
from medcot_bench.study import presets
from medcot_bench.study.loading import load_study
from medcot_bench.study.schema import Study


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "run",
        help="train every combination, score it, export the leaderboard",
        description="Train every adapter on every task and seed, score each model on every task of the study, and "
        "export the leaderboard. The same command again runs only what is missing.",
        allow_abbrev=False,
    )
    add_study_arguments(command)
    command.add_argument("--dry-run", action="store_true", help="show the plan, run nothing")
    command.add_argument("--json", action="store_true", help="events as JSON lines on standard output")
    command.add_argument("-v", "--verbose", action="store_true", help="also what the libraries print")
    command.add_argument("-q", "--quiet", action="store_true", help="only what failed")
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Run the study; return the exit status."""
    study, errors = read_study(options)
    if options.dry_run:
        return plan.show_plan(study, errors, as_json=options.json)
    with terminable(), choose_listener(options) as listener:
        finished = run_and_export(study, errors, listener)
    outcome = finished.outcome
    if options.json or options.quiet:
        return outcome.exit_code
    total = len(outcome.plan.cells)
    if not outcome.ran and not outcome.skipped:
        print(f"nothing to run: all {total} cells and {len(outcome.plan.evaluations)} scores are done")
    else:
        parts = [f"{outcome.ran - outcome.failed} cells finished"]
        parts += [f"{outcome.failed} failed"] if outcome.failed else []
        parts += [f"{outcome.skipped} skipped"] if outcome.skipped else []
        print(f"{', '.join(parts)} of {total}")
    _conclude(study, finished)
    if outcome.failed:
        print(f"what failed stands in the leaderboard; logs: {study.output_dir}/cells/*/attempts/*/log")
    return outcome.exit_code


def _conclude(study: Study, finished: Finished) -> None:
    """Print the table, what it shows, where the files are, and what to try next."""
    print(f"\n{overview(finished.leaderboard)}\n")
    summary = summarise(finished.results, finished.leaderboard.persistence)
    width = max(60, min(100, shutil.get_terminal_size().columns))
    print(textwrap.fill(summary, width, break_on_hyphens=False, break_long_words=False) + "\n")
    print(f"files: {finished.files[0]} (also .csv and .json), items and records in {study.output_dir}/cells")
    print(f"next:  {_next(study)}")


def _next(study: Study) -> str:
    if _is_preset(study, "smoke"):
        return "medcot-bench run (three seeds)"
    if len(study.seeds) == 1:
        return "the same command with --seeds 0,1,2: one seed describes models, several their methods"
    if _is_preset(study, "quick"):
        return "medcot-bench run --preset study (the large one); medcot-bench init writes a study to edit"
    return f"medcot-bench export {study.output_dir} --format md,csv,json"


def _is_preset(study: Study, name: str) -> bool:
    preset, _ = load_study(presets.path_of(name))
    return study == preset.model_copy(update={"output_dir": study.output_dir})
