"""`medcot-bench plan`: what a study consists of, what is done, why each training run runs, the disk it takes."""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcot_bench.analysis.precision import report_precision
from medcot_bench.cli.budget_arguments import add_budget, read_budget
from medcot_bench.cli.plan_power import Asked, Power
from medcot_bench.cli.plan_precision import PlannedPrecision
from medcot_bench.cli.study_arguments import add_study_arguments, read_study
from medcot_bench.cli.supervision_arguments import add_timeout, read_timeout
from medcot_bench.data.overlap import shared_ngrams
from medcot_bench.errors import ConfigError
from medcot_bench.planning.adapter_notes import find_adapter_notes
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.data_facts import describe_data
from medcot_bench.planning.estimates.duration import guess
from medcot_bench.planning.estimates.speed import is_on_cpu
from medcot_bench.planning.evaluations import checkpoints, left_out_baselines
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.plan_record import record
from medcot_bench.planning.seeds import note_lone_seed, seed_steps
from medcot_bench.planning.status import CellStatus, cell_statuses, keeps_weights, state_bytes, weight_bytes
from medcot_bench.planning.tuning import reach_trials, trial_statuses, trials_of, untried_cells, with_chosen_rates
from medcot_bench.plugins.resolve_adapter import find_unadaptable
from medcot_bench.report.blocks import Table
from medcot_bench.report.format import duration, size
from medcot_bench.report.notes import write_left_out_baseline
from medcot_bench.report.terminal import draw_table, wrap
from medcot_bench.results.folder import load
from medcot_bench.results.precision_looks import PrecisionLook
from medcot_bench.results.store import Store
from medcot_bench.runner.growth import follow_records
from medcot_bench.runner.rehearsal import rehearse_plan
from medcot_bench.runner.supervision import Supervision, is_tried, leave_untried
from medcot_bench.study.paths import read_path
from medcot_bench.study.schema import Study
from medcot_bench.text import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Disk:
    """Bytes that a run takes."""

    kept: int
    temporary: int
    """The most that one training run takes and gives back."""
    states: int
    """Of these, for the saved states of that training."""


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "plan",
        help="show training runs and evaluations, what is done, why each will run",
        description="Show what `run` would do with the same arguments, and designs within a time budget. "
        "Loads no model and writes only what --write-study asks for.",
        usage="%(prog)s [STUDY.yaml] [--preset NAME] [flags]",
        allow_abbrev=False,
    )
    add_study_arguments(command)
    add_timeout(command)
    command.add_argument(
        "--from",
        dest="pilot",
        type=read_path,
        metavar="DIR",
        help="use the variances and costs of this result folder",
    )
    command.add_argument(
        "--detect",
        type=float,
        metavar="X",
        help="the effect to count items and seeds for (default: the study's margin)",
    )
    add_budget(command)
    command.add_argument("--json", action="store_true", help="the plan as one JSON object")
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Show the plan; return the exit status."""
    pilot = load(options.pilot) if options.pilot else None
    if options.detect is not None and not options.detect > 0:
        raise ConfigError(f"--detect {options.detect:g}: an effect must be above 0")
    asked = Asked(pilot=pilot, wanted=options.detect, budget=read_budget(options))
    supervision = Supervision(timeouts=read_timeout(options))
    return show_plan(*read_study(options), supervision, as_json=options.json, asked=asked)


def show_plan(
    study: Study,
    errors: list[str],
    supervision: Supervision,
    *,
    as_json: bool,
    asked: Asked | None = None,
) -> int:
    """Print the plan of a study, its power analysis and the designs that were asked for."""
    rehearse_plan(study, supervision.timeouts.plan)
    plan = make_plan(study, errors)
    store = Store(Path(study.output_dir), indexed=True)
    retry = supervision.retry
    most = len(plan.cells)
    tries: Plan | None = None
    if plan.trials:
        plan = tries = reach_trials(plan, store)
    if plan.trials and not any(is_tried(todo, store, retry) for todo in untried_cells(plan, store)):
        plan = make_plan(with_chosen_rates(study, plan, store, supervision.same_command))
    untuned = study.training.model_copy(update={"tune_lr": None})
    whole = make_plan(study.model_copy(update={"training": untuned})) if plan.trials else plan
    begin, looks = next(seed_steps(whole)), list[PrecisionLook]()
    if not plan.trials:
        trials = trials_of(tries, store) if tries else []
        plan, looks = follow_records(plan, store, lambda step, seen: record(step, tries, trials, seen), retry)
    statuses = trial_statuses(plan, store) if plan.trials else cell_statuses(plan, store)
    todos = leave_untried(statuses, store, retry)
    to_run = [todo for todo in todos if todo.action not in {"done", "left"}]
    grows = study.analysis.precision is not None and not (looks and looks[-1].stop)
    later = _later(whole, begin if plan.trials else plan, store) if grows else []
    disk = _disk(plan, [*to_run, *([] if plan.trials else later)], saved=supervision.checkpoint_every is not None)
    power = Power(
        study=study.model_copy(update={"seeds": begin.study.seeds}),
        plan=begin,
        trials=tries,
        store=store,
        asked=asked or Asked(),
    )
    report = report_precision(study.analysis, looks)
    precision = PlannedPrecision(report=report, begin=begin, most=whole, power=power) if report else None
    saved = power.save_design()
    if as_json:
        facts = {"precision": precision.facts if precision else None, **power.facts()}
        print(json.dumps(_as_json(plan, todos, disk, facts), indent=1, ensure_ascii=False))
        return 0
    _show_tasks(plan, [*describe_data(plan)])  # its errors come before what is shown
    _show_runs(plan, todos, most)
    for sentence in precision.write() if precision else ():
        print(wrap(sentence))
    seconds = guess(plan, to_run) + (guess(begin, cell_statuses(begin, store)) if plan.trials else 0.0)
    if to_run:
        at_most = f", at most {duration(seconds + guess(whole, later))}" if later else ""
        anew = "anew as it goes" if is_on_cpu(study.device) else "for its GPU"
        print(wrap(f"time: about {duration(seconds)}{at_most} on this machine's CPU; a run estimates it {anew}"))
    states = f", {size(disk.states)} of it for its saved states" if disk.states else ""
    more = f"{size(disk.temporary)} more during a training run{states}"
    print(wrap(f"disk: {size(disk.kept)} kept ({study.keep_weights}), {more}"))
    for paragraph in (*power.write(), *([wrap(saved)] if saved else ())):
        print(f"\n{paragraph}")
    return 0


def _later(whole: Plan, reached: Plan, store: Store) -> list[CellStatus]:
    """Return what is not finished of the seeds that a precision rule may still add."""
    own = {cell.id for cell in reached.cells}
    return [todo for todo in cell_statuses(whole, store) if todo.cell.id not in own and todo.action != "done"]


def _show_tasks(plan: Plan, facts: Sequence[str]) -> None:
    """Print the base model, where the items of every task come from, and facts about users' rows."""
    info = plan.base.info
    print(f"base: {plan.base.name} ({plan.base.origin}), {info.parameters / 1e6:.1f} M parameters, ", end="")
    print(f"{counted(info.n_layers, 'block')}")
    for label, task in plan.tasks.items():
        data, spec = plan.data[label], task.task.spec
        trained = label in {cell.task for cell in plan.cells}
        counts = [f"{len(plan.items.train(label))} to train on"] if trained else []
        counts += [f"{len(plan.items.scored(label))} to choose rates by"] if plan.trials and trained else []
        counts.append(f"{len(plan.items.scored(label, choosing=False))} to score")
        left = "".join(f"; {count} left out ({why})" for why, count in data.left_out.items())
        print(wrap(f"task: {label}[{data.source}], {spec.domain}: {', '.join(counts)}{left}"))
        for note in data.notes:
            print(wrap(f"note: {label}: {note}"))
    for fact in facts:
        print(wrap(f"data: {fact}"))
    for label, own in plan.lm_eval_tasks.items():
        documents = f"the first {counted(own.limit, 'document')} per task" if own.limit else "all documents"
        print(wrap(f"task: {label}[{own.source}], {plan.domain(label)}: {documents}"))
    baselines = map(write_left_out_baseline, left_out_baselines(plan))
    for note in (*baselines, *find_adapter_notes(plan), *note_lone_seed(plan)):
        print(wrap(f"note: {note}"))
    if unadapted := _left_out(plan):
        print(wrap(unadapted))
    for trained_on, evaluated, count in _shared(plan):
        sharing = counted(count, "test item", (f"of {evaluated} shares", f"of {evaluated} share"))
        print(
            wrap(
                f"overlap: {sharing} a 13-word phrase with the training items of {trained_on}; kept, since only "
                "equal questions and groups are dropped"
            )
        )


def _left_out(plan: Plan) -> str | None:
    """Return what adapters of low rank can't be placed on, None where they can be on all that they should be."""
    adapters = [label for label, chosen in plan.adapters.items() if chosen.adapter.spec.update == "low_rank"]
    modules = find_unadaptable(plan.base.modules)
    if not modules or not adapters:
        return None
    own, inside = (
        sum(math.prod(shape) for module in some for shape in module.shapes)
        for some in (modules, [module for module in plan.base.modules if module.layer is not None])
    )
    first = ", ".join(module.path for module in modules if module.layer == modules[0].layer)
    return (
        f"note: {', '.join(adapters)}: {own / inside:.0%} of the parameters in blocks are in no linear layer, and "
        f"can't be adapted: {first}, and so in the other blocks"
    )


def _show_runs(plan: Plan, todos: list[CellStatus], most: int) -> None:
    """Print every training run: whether it will run, and why. `most` are those of a search with all its races."""
    headers = ["training run", *(["lr"] if plan.several_rates else []), "action", "evaluations", "why"]
    rows = [
        [todo.cell.name, *_rate(plan, todo), todo.action, str(len(todo.missing)), todo.reason] for todo in todos
    ]
    print(f"\n{draw_table(Table(headers, rows))}\n")
    actions = Counter(todo.action for todo in todos)
    print(
        f"{counted(len(plan.cells), 'training run')}, {counted(len(plan.evaluations), 'evaluation')}: "
        f"{actions['train']} to train, {actions['score']} to score only, {actions['done']} done"
        + (f", {actions['left']} left as they are" if actions["left"] else "")
    )
    if plan.trials:
        print("LR search first; then the study, at the chosen rates")
        if most > len(plan.cells):
            more = counted(most - len(plan.cells), "more training run")
            left = "those that are left are trained with every seed"
            print(wrap(f"race: rates within the noise of the best go on with more seeds, at most {more}; {left}"))


def _rate(plan: Plan, todo: CellStatus) -> list[str]:
    if not plan.several_rates:
        return []
    return [f"{plan.recipe(todo.cell).lr:g}" if todo.cell.task else ""]


def _as_json(plan: Plan, todos: list[CellStatus], disk: _Disk, facts: Mapping[str, Any]) -> dict[str, Any]:
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
        "disk": {"kept_bytes": disk.kept, "temporary_bytes": disk.temporary, "state_bytes": disk.states},
        **facts,
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


def _disk(plan: Plan, to_run: list[CellStatus], *, saved: bool) -> _Disk:
    """Return the bytes that runs take; `saved` says whether trainings are saved on their way."""
    kept = sum(weight_bytes(plan, todo.cell) for todo in to_run if keeps_weights(plan, todo.cell))
    for_a_while = [(0, 0)]
    for todo in to_run:
        cell = todo.cell
        weights = weight_bytes(plan, cell) * (len(checkpoints(plan, cell)) + (not keeps_weights(plan, cell)))
        states = state_bytes(plan, cell) if saved and todo.action == "train" else 0
        for_a_while.append((weights + states, states))
    temporary, states = max(for_a_while)
    return _Disk(kept=kept, temporary=temporary, states=states)
