"""`medcot-bench run`: train and score what is missing, export the leaderboard."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from medcot_bench.api import Finished, run_and_export
from medcot_bench.cli import plan
from medcot_bench.cli.progress import choose_listener
from medcot_bench.cli.study_arguments import add_study_arguments, read_study
from medcot_bench.cli.supervision_arguments import add_supervision_arguments, read_supervision
from medcot_bench.cli.termination import terminable
from medcot_bench.report.terminal import draw_answer, wrap
from medcot_bench.runner.outcome import Outcome
from medcot_bench.text import counted


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "run",
        help="train every combination, score it, export the leaderboard",
        description="Train every adapter on every task and seed, score each model on every task of the study, and "
        "export the leaderboard. The same command again runs only what is missing.",
        usage="%(prog)s [STUDY.yaml] [--preset NAME] [flags]",
        allow_abbrev=False,
    )
    add_study_arguments(command)
    add_supervision_arguments(command)
    command.add_argument("--dry-run", action="store_true", help="show the plan, run nothing")
    command.add_argument("--json", action="store_true", help="events as JSON lines on standard output")
    command.add_argument("-v", "--verbose", action="store_true", help="also print what the libraries print")
    command.add_argument("-q", "--quiet", action="store_true", help="print failures only")
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Run the study; return the exit status."""
    supervision = read_supervision(options)
    study, errors = read_study(options)
    if options.dry_run:
        return plan.show_plan(study, errors, supervision, as_json=options.json)
    with terminable(), choose_listener(options) as listener:
        finished = run_and_export(study, errors, listener, supervision)
    outcome = finished.outcome
    if options.json or options.quiet:
        return outcome.exit_code
    print(_count(outcome))
    if outcome.failed:
        print(f"failed runs are listed in the leaderboard; logs: {study.output_dir}/cells/*/attempts/*/log")
    if outcome.lost:
        runs = counted(outcome.lost, "training run")
        print(f"of {runs} some results are not in {study.output_dir}; the same command makes them")
    _conclude(finished)
    return outcome.exit_code


def _count(outcome: Outcome) -> str:
    total = len(outcome.plan.cells)
    if not outcome.ran and not outcome.skipped and not outcome.left_out:
        return (
            f"nothing to run: {counted(total, 'training run')} and "
            f"{counted(len(outcome.plan.evaluations), 'evaluation')} planned, all done"
        )
    parts = [f"{counted(outcome.ran - outcome.failed, 'training run')} finished"]
    parts += [f"{outcome.failed} failed"] if outcome.failed else []
    parts += [f"{outcome.skipped} skipped"] if outcome.skipped else []
    parts += [f"{outcome.left_out} not tried again (--retry)"] if outcome.left_out else []
    return f"{', '.join(parts)} of {total}"


def _conclude(finished: Finished) -> None:
    """Print the answer and where the files are."""
    print(f"\n{draw_answer(finished.leaderboard)}")
    first = Path(finished.outcome.plan.study.output_dir, finished.files[0].name)
    print(wrap(f"Files: {first}, also .csv and .json"))
