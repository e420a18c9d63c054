"""Study -> plan, with every error at once. Reads data and the base's headers, loads no model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from medcot_bench.base_model.resolve import resolve
from medcot_bench.data.general_text import general_text
from medcot_bench.data.overlap import separate
from medcot_bench.data.sources import TaskData, load
from medcot_bench.errors import ConfigErrors, MedcotError
from medcot_bench.lm_eval_tasks.task import HarnessTask, choose_harness, is_harness
from medcot_bench.planning.custom_tasks import choose
from medcot_bench.planning.grid import make_cells, make_scores
from medcot_bench.planning.plan import VALIDATION_ITEMS, Plan
from medcot_bench.plugins.manager import Plugins, installed
from medcot_bench.plugins.resolve_adapter import ChosenAdapter, choose_adapter
from medcot_bench.plugins.resolve_task import ChosenTask
from medcot_bench.results.metrics import CORE_SCORES, TRIED_BY
from medcot_bench.study.schema import Study
from medcot_bench.study.spec_strings import ALL, ITEMS, NamedOptions
from medcot_bench.types import Split

T = TypeVar("T")


def make_plan(study: Study, errors: list[str] | None = None, plugins: Plugins | None = None) -> Plan:
    """Plan a study. Raises ConfigErrors with `errors` (of reading the study) and every error found here."""
    plugins = plugins or installed()
    problems = list(errors or []) or _nothing_named(study)

    def attempt(action: Callable[[], T]) -> T | None:
        try:
            return action()
        except MedcotError as error:
            problems.extend(line for line in str(error).split("\n") if line not in problems)
            return None

    tasks: dict[str, ChosenTask] = {}
    data: dict[str, TaskData] = {}
    harness: dict[str, HarnessTask] = {}
    same: dict[str, str] = {}  # label typed -> label of the task that it is, e.g. with a default spelt out
    for typed in {str(spec): spec for spec in [*study.specs("tasks"), *study.specs("eval_tasks")]}.values():
        if is_harness(typed):
            foreign = attempt(partial(choose_harness, typed, study))
            if foreign and foreign.request() not in [known.request() for known in harness.values()]:
                harness[foreign.label] = foreign
            continue
        if task := attempt(partial(choose, typed, study, plugins)):
            known = [label for label, other in tasks.items() if other.request() == task.request()]
            same[task.label] = known[0] if known else task.label
            if known:
                continue
            tasks[task.label] = task
            # Another prompt asks the same items; a shift of the items themselves has its own.
            sources = study.sources(task.stem if task.shift == task.template else typed.name)
            if found := attempt(partial(load, task, sources, study.data_seed, _counts(study))):
                data[task.label] = found
    adapters: dict[str, ChosenAdapter] = {}
    for typed in study.specs("adapters"):
        if adapter := attempt(partial(choose_adapter, typed, plugins)):
            for sized in _by_size(study, adapter):
                if made := attempt(partial(choose_adapter, sized, plugins)):
                    adapters[made.label] = made
    base = attempt(partial(resolve, study.model))
    text = attempt(partial(general_text, study.general_text))
    problems += _missing(study, tasks, adapters, plugins)
    if problems or base is None or text is None:
        raise ConfigErrors(problems)

    trained = list(dict.fromkeys(same[str(typed)] for typed in study.specs("tasks")))
    separated = attempt(partial(separate, data, trained, tasks, study.on_overlap, study.scoring.split))
    if separated is None:
        raise ConfigErrors(problems)
    plan = Plan(
        study=study,
        base=base,
        tasks=tasks,
        adapters=adapters,
        data=separated,
        harness=harness,
        general_text=text,
        cells=(),
        scores=(),
    )
    problems += _empty(plan, trained)
    cells = attempt(partial(make_cells, plan, trained))
    if problems or cells is None:
        raise ConfigErrors(problems)
    return dataclasses.replace(plan, cells=cells, scores=make_scores(plan, cells))


def _by_size(study: Study, adapter: ChosenAdapter) -> list[NamedOptions]:
    """Return an adapter as typed, or once for each of several numbers of training items."""
    sizes = study.training.sizes
    typed = adapter.typed
    if len(sizes) == 1 or adapter.adapter.spec.update == "none" or ITEMS in typed.options:
        return [typed]
    return [NamedOptions(typed.name, {**typed.options, ITEMS: str(size or ALL)}) for size in sizes]


def _counts(study: Study) -> dict[Split, int | None]:
    """Return how many items of each split a study asks for, None where it leaves that to the task."""
    counts: dict[Split, int | None] = {"train": study.training.most_items, "validation": None, "eval": None}
    if study.scoring.split == "eval":
        counts["eval"] = study.limit
    elif study.scoring.split == "validation" and study.limit is not None:
        counts["validation"] = max(study.limit, VALIDATION_ITEMS)
    return counts


def _nothing_named(study: Study) -> list[str]:
    """Not said of a study with errors: what it named may have been left out for them."""
    problems = []
    if not study.adapters:
        problems.append("no adapter: name some with --adapters (see medcot-bench list)")
    if not study.tasks and not study.eval_tasks:
        problems.append(
            "no task: name some with --tasks (see medcot-bench list), or a file of your own rows with --train"
        )
    return problems


def _missing(
    study: Study,
    tasks: Mapping[str, ChosenTask],
    adapters: Mapping[str, ChosenAdapter],
    plugins: Plugins,
) -> list[str]:
    problems = []
    training = [label for label, adapter in adapters.items() if adapter.adapter.spec.update != "none"]
    if study.eval_tasks and not study.tasks and training:
        problems.append(f"no task to train {training[0]} on: name some with --tasks")
    specs = [adapter.adapter.spec for adapter in adapters.values()]
    if study.baselines and adapters and not any(spec.update == "none" and not spec.weights for spec in specs):
        problems.append("baselines: they are prompts of the untouched base; add it to --adapters (none)")
    names = {entry.name for entry in plugins.of("task")}
    problems += [
        f"data.{name}: "
        + ("its files are named in its own" if name in study.own else "there is no task of this name")
        for name in study.data
        if name not in names
    ]
    problems += [
        f"task {typed}: a graded shift is scored, not trained on; add it to --eval-tasks"
        for typed in study.specs("tasks")
        if "@" in typed.name
    ]
    known = dict.fromkeys([*CORE_SCORES, *(score for task in tasks.values() for score in task.task.spec.scores)])
    problems += [
        f"task {typed}: tasks of lm-eval are scored, not trained on; add it to --eval-tasks"
        for typed in study.specs("tasks")
        if is_harness(typed)
    ]
    analysis = study.analysis
    for field, named in (
        ("scoring.scores", study.scoring.scores),
        ("analysis.primary", (analysis.primary,)),
        ("analysis.margins", tuple(analysis.margins)),
    ):
        if tasks and (unknown := sorted(set(named) - set(known))):
            problems.append(f"{field}: no score '{unknown[0]}'; scores: {', '.join(known)}")
    if study.training.checkpoints and study.scoring.scores and TRIED_BY not in study.scoring.scores:
        problems.append(f"training.checkpoints: they are scored by {TRIED_BY}, which scoring.scores leaves out")
    if study.training.checkpoints and study.training.select_by == "val_nll":
        problems.append("training.checkpoints: with select_by=val_nll the end may be before a checkpoint; use one")
    evaluated = (*study.tasks, *study.eval_tasks)
    trained = [*study.adapters, *(name for one in adapters.values() for name in (one.typed.unsized, one.label))]
    for field, chosen, there in (
        ("analysis.adapters", analysis.adapters, tuple(dict.fromkeys(trained))),
        ("analysis.shifts", analysis.shifts, evaluated),
    ):
        if absent := [name for name in chosen if name not in there]:
            problems.append(
                f"{field}: {absent[0]} is not in the study; there is: {', '.join(there)}; --set {field}= makes "
                "all of it exploration"
            )
    for label, task in tasks.items():
        if set(study.scoring.scores) == {"choice"} and task.task.spec.form.answer != "letter":
            problems.append(f"scoring.scores: task {label} has no options to choose from, so no 'choice'")
    return problems


def _empty(plan: Plan, trained: list[str]) -> list[str]:
    problems = []
    for label in plan.tasks:
        data = plan.data[label]
        splits: dict[Split, str] = {plan.study.scoring.split: "to score in"}
        if plan.trials and label in trained:
            splits["validation"] = "to try learning rates on in"
        left_out = (
            "; left out: " + ", ".join(f"{n} {why}" for why, n in data.left_out.items()) if data.left_out else ""
        )
        trains = any(adapter.adapter.spec.update != "none" for adapter in plan.adapters.values())
        if label in trained and trains and not data.splits["train"]:
            problems.append(f"task {label}: {data.source} holds no training item{left_out}")
        if len(plan.shots(label)) < plan.study.scoring.num_fewshot:
            problems.append(
                f"task {label}: scoring.num_fewshot={plan.study.scoring.num_fewshot}, but only "
                f"{len(plan.shots(label))} training items share no group or question with what is scored"
            )
        problems += [
            f"task {label}: {data.source} holds no item {purpose} '{split}'{left_out}"
            for split, purpose in splits.items()
            if not data.splits[split]
        ]
    return problems
