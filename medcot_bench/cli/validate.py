"""`medcot-bench validate`: check a study, with every error at once."""

from __future__ import annotations

import argparse
from typing import Any

from medcot_bench.cli.study_arguments import add_study_arguments, read_study
from medcot_bench.cli.supervision_arguments import add_timeout, read_timeout
from medcot_bench.planning.adapter_notes import find_adapter_notes
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.data_facts import describe_data
from medcot_bench.planning.seeds import note_lone_seed
from medcot_bench.report.terminal import wrap
from medcot_bench.runner.rehearsal import rehearse_plan
from medcot_bench.text import counted


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "validate",
        help="check a study, its data and its model",
        description="Check a study as `run` would with the same arguments: fields, plugins and options, data, and "
        "the model. Writes nothing.",
        usage="%(prog)s [STUDY.yaml] [--preset NAME] [flags]",
        allow_abbrev=False,
    )
    add_study_arguments(command)
    add_timeout(command)
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Print that the study is OK; return the exit status. Raises ConfigErrors with every error."""
    timeouts = read_timeout(options)
    study, errors = read_study(options)
    rehearse_plan(study, timeouts.plan)
    plan = make_plan(study, errors)
    facts = [*describe_data(plan)]  # its errors come before what is said to be OK
    for note in (*find_adapter_notes(plan), *note_lone_seed(plan)):
        print(wrap(f"note: {note}"))
    name = options.study or options.preset or "study"
    trained = sum(cell.task is not None for cell in plan.cells)
    runs = counted(trained, "training run")
    if plan.trials:
        most = "at most " if len(plan.search_seeds) > study.training.tune_seeds else ""
        print(f"{name}: OK: {most}{runs} for the learning-rate search, then the study's own")
    else:
        most = "at most " if study.analysis.precision else ""
        print(f"{name}: OK: {most}{runs}, {counted(len(plan.evaluations), 'evaluation')}")
    for fact in facts:
        print(wrap(f"data: {fact}"))
    return 0
