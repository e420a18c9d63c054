"""`medcot-bench plan`: what a study consists of, what is done, why each cell runs, the disk it takes."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tabulate import tabulate

from medcot_bench.analysis.notes import baseline_note
from medcot_bench.analysis.pilot import spreads
from medcot_bench.cli.study_arguments import add_study_arguments, read_study
from medcot_bench.data.overlap import shared_ngrams
from medcot_bench.errors import ConfigError
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.estimates.duration import MEASURED_ON, guess
from medcot_bench.planning.estimates.power import (
    Expectation,
    expectations,
    judged,
    with_gaps,
    without_variances,
)
from medcot_bench.planning.evaluations import checkpoints, left_out_baselines
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.status import CellStatus, cell_statuses, keeps_weights, weight_bytes
from medcot_bench.planning.tuning import untried_cells, with_chosen_rates
from medcot_bench.report.format import duration, size
from medcot_bench.report.power_table import power
from medcot_bench.results.folder import Results, load
from medcot_bench.results.store import Store
from medcot_bench.study.schema import Study


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "plan",
        help="show cells and scores, what is done, why each will run",
        description="Show what `run` would do with the same arguments. Loads no model and writes nothing.",
        allow_abbrev=False,
    )
    add_study_arguments(command)
    command.add_argument(
        "--from", dest="pilot", type=Path, metavar="DIR", help="take variances from this result folder"
    )
    command.add_argument(
        "--detect", type=float, metavar="X", help="the effect to count groups for (default: the study's margin)"
    )
    command.add_argument("--json", action="store_true", help="the plan as one JSON object")
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Show the plan; return the exit status."""
    pilot = load(options.pilot) if options.pilot else None
    if options.detect is not None and not options.detect > 0:
        raise ConfigError(f"--detect {options.detect:g}: an effect is above 0")
    return show_plan(*read_study(options), as_json=options.json, pilot=pilot, wanted=options.detect)


def show_plan(
    study: Study,
    errors: list[str],
    *,
    as_json: bool,
    pilot: Results | None = None,
    wanted: float | None = None,
) -> int:
    """Print the plan of a study, and what it can tell by the variances of a pilot or by assumed ones."""
    plan = make_plan(study, errors)
    store = Store(Path(study.output_dir))
    if plan.trials and not untried_cells(plan, store):
        plan = make_plan(with_chosen_rates(study, plan, store))
    todos = cell_statuses(plan, store)
    untuned = study.training.model_copy(update={"tune_lr": None})
    whole = make_plan(study.model_copy(update={"training": untuned})) if plan.trials else plan
    known = spreads(pilot) if pilot else None
    expected, unknown = [*expectations(whole, known, wanted)], without_variances(whole, known)
    if as_json:
        print(json.dumps(_as_json(plan, todos, expected, unknown), indent=1, ensure_ascii=False))
        return 0
    info = plan.base.info
    print(f"base: {plan.base.name} ({plan.base.origin}), {info.parameters / 1e6:.1f} M parameters, ", end="")
    print(f"{info.n_layers} blocks")
    for label, task in plan.tasks.items():
        data, spec = plan.data[label], task.task.spec
        trained = label in {cell.task for cell in plan.cells}
        counts = [f"{len(plan.items.train(label))} to train on"] if trained else []
        counts += [f"{len(plan.items.scored(label))} to choose rates by"] if plan.trials and trained else []
        counts.append(f"{len(plan.items.scored(label, choosing=False))} to score")
        left = "".join(f"; {count} left out ({why})" for why, count in data.left_out.items())
        print(f"task: {label}[{data.source}], {spec.domain}: {', '.join(counts)}{left}")
        for note in data.notes:
            print(f"note: {label}: {note}")
    for label, own in plan.lm_eval_tasks.items():
        documents = f"the first {own.limit} documents a task" if own.limit else "all documents"
        print(f"task: {label}[{own.source}], {plan.domain(label)}: {documents}")
    for note in map(baseline_note, left_out_baselines(plan)):
        print(f"note: {note}")
    for trained_on, evaluated, count in _shared(plan):
        print(
            f"overlap: {count} scored items of {evaluated} share 13 words in a row with training of {trained_on}; "
            "kept, since phrases that a domain repeats do that too"
        )
    rows = [[todo.cell.name, *_rate(plan, todo), todo.action, len(todo.missing), todo.reason] for todo in todos]
    headers = ["cell", *(["lr"] if plan.trials else []), "action", "scores", "why"]
    print(tabulate(rows, headers, disable_numparse=True))
    actions = Counter(todo.action for todo in todos)
    print(
        f"{len(plan.cells)} cells, {len(plan.evaluations)} scores: {actions['train']} to train, "
        f"{actions['score']} to score only, {actions['done']} done"
    )
    if plan.trials:
        print("these try learning rates; the study's own cells follow at the rates that are chosen")
    seconds = guess(plan, todos) + (guess(whole, cell_statuses(whole, store)) if plan.trials else 0.0)
    if any(todo.action != "done" for todo in todos):
        print(f"time: about {duration(seconds)} on two cores of {MEASURED_ON}; a run tells this machine's own")
    kept, largest = _disk(plan, todos)
    print(f"disk: {size(kept)} kept ({study.keep_weights}), {size(largest)} more while a cell runs")
    if not with_gaps(whole):
        print("\nno gap to plan for: that takes full fine-tuning and another adapter on the same items")
    elif not judged(whole):
        print("\nno gap to plan for: none of the scores that verdicts are given by is made")
    elif pilot and not expected:
        why = "too few seeds or groups, models that hardly differ, or others than this study's"
        print(f"\n{pilot.root}: no variances to take: {why}")
    elif expected or unknown:
        print(f"\n{power(expected, unknown, len(study.seeds), pilot.root if pilot else None, wanted)}")
    return 0


def _rate(plan: Plan, todo: CellStatus) -> list[str]:
    return [f"{plan.recipe(todo.cell).lr:g}"] if plan.trials else []


def _as_json(
    plan: Plan, todos: list[CellStatus], expected: list[Expectation], unknown: list[str]
) -> dict[str, Any]:
    kept, largest = _disk(plan, todos)
    return {
        "base": {"name": plan.base.name, "origin": plan.base.origin, "digest": plan.base.digest},
        "stage": "trials" if plan.trials else "study",
        "cells": [
            {
                "id": todo.cell.id,
                "name": todo.cell.name,
                "adapter": todo.cell.adapter,
                "task": todo.cell.task,
                "seed": todo.cell.seed,
                "recipe": todo.cell.request.get("recipe"),
                "action": todo.action,
                "reason": todo.reason,
                "scores": {score.title: score.relation for score in plan.evaluations_of(todo.cell)},
                "missing": [score.title for score in todo.missing],
            }
            for todo in todos
        ],
        "disk": {"kept_bytes": kept, "temporary_bytes": largest},
        "power": [asdict(expectation) for expectation in expected],
        "without_variances": unknown,
    }


def _shared(plan: Plan) -> list[tuple[str, str, int]]:
    found = []
    for trained_on in dict.fromkeys(cell.task for cell in plan.cells if cell.task):
        for evaluated in plan.tasks:
            scored = plan.items.scored(evaluated, choosing=False)
            count = shared_ngrams(plan.items.train(trained_on), scored)
            if count:
                found.append((trained_on, evaluated, count))
    return found


def _disk(plan: Plan, todos: list[CellStatus]) -> tuple[int, int]:
    """Return bytes kept by the cells to run, and the most that one cell takes and gives back."""
    to_run = [todo.cell for todo in todos if todo.action != "done"]
    kept = sum(weight_bytes(plan, cell) for cell in to_run if keeps_weights(plan, cell))
    for_a_while = (
        weight_bytes(plan, cell) * (len(checkpoints(plan, cell)) + (not keeps_weights(plan, cell)))
        for cell in to_run
    )
    return kept, max(for_a_while, default=0)
