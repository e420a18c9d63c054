"""`medcot-bench validate FILE`: check a study file, with every error at once."""

from __future__ import annotations

import argparse
import os
from typing import Any

from medcot_bench.cli.supervision_arguments import add_timeout, read_timeout
from medcot_bench.planning.adapter_notes import find_adapter_notes
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.data_facts import describe_data
from medcot_bench.planning.seeds import note_lone_seed
from medcot_bench.report.terminal import wrap
from medcot_bench.runner.rehearsal import rehearse_plan
from medcot_bench.study.loading import load_study
from medcot_bench.study.paths import read_path
from medcot_bench.text import counted


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "validate",
        help="check a study file, its data and its model",
        description="Check a study file: fields, plugins and options, data, and the model. Writes nothing.",
        allow_abbrev=False,
    )
    command.add_argument("study", type=read_path, metavar="FILE", help="study file (YAML)")
    add_timeout(command)
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Print that the study is OK; return the exit status. Raises ConfigErrors with every error."""
    timeouts = read_timeout(options)
    study, errors = load_study(options.study, (), os.environ)
    rehearse_plan(study, timeouts.plan)
    plan = make_plan(study, errors)
    for note in (*find_adapter_notes(plan), *note_lone_seed(plan)):
        print(wrap(f"note: {note}"))
    trained = sum(cell.task is not None for cell in plan.cells)
    runs = counted(trained, "training run")
    if plan.trials:
        most = "at most " if len(plan.search_seeds) > study.training.tune_seeds else ""
        print(f"{options.study}: OK: {most}{runs} for the learning-rate search, then the study's own")
    else:
        most = "at most " if study.analysis.precision else ""
        print(f"{options.study}: OK: {most}{runs}, {counted(len(plan.evaluations), 'evaluation')}")
    for fact in describe_data(plan):
        print(wrap(f"data: {fact}"))
    return 0
