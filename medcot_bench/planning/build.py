"""Study -> plan, with every error at once. Reads data and the base's headers, loads no model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from medcot_bench.base_model.resolve import resolve
from medcot_bench.data.general_text import read_general_text
from medcot_bench.data.item_sets import VALIDATION_ITEMS
from medcot_bench.data.overlap import separate
from medcot_bench.data.sources import TaskData, load
from medcot_bench.errors import ConfigErrors, MedcotError
from medcot_bench.lm_eval_tasks.task import LmEvalTask, is_lm_eval, resolve_lm_eval_task
from medcot_bench.planning.checks import (
    find_empty_splits,
    find_missing_names,
    find_unusable_base,
    find_wrong_names,
)
from medcot_bench.planning.custom_tasks import resolve_study_task
from medcot_bench.planning.evaluations import make_evaluations
from medcot_bench.planning.grid import make_cells
from medcot_bench.planning.leak_gate import find_leaks
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.precision_checks import find_without_effect, find_wrong_precision
from medcot_bench.planning.recipes import selects_by_validation
from medcot_bench.planning.stop_strings import fit_stops
from medcot_bench.plugins.manager import Plugins, installed
from medcot_bench.plugins.resolve_adapter import ResolvedAdapter, resolve_adapter
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.study.baselines import COT
from medcot_bench.study.schema import Study
from medcot_bench.study.spec_strings import ALL, ITEMS, Spec
from medcot_bench.types import Split

T = TypeVar("T")


def make_plan(study: Study, errors: list[str] | None = None, plugins: Plugins | None = None) -> Plan:
    """Plan a study. Raises ConfigErrors with `errors` (of reading the study) and every error found here."""
    plugins = plugins or installed()
    problems = list(errors or [])

    def attempt(action: Callable[[], T]) -> T | None:
        try:
            return action()
        except MedcotError as error:
            problems.extend(line for line in str(error).split("\n") if line not in problems)
            return None

    tasks: dict[str, ResolvedTask] = {}
    data: dict[str, TaskData] = {}
    lm_eval_tasks: dict[str, LmEvalTask] = {}
    same: dict[str, str] = {}  # label typed -> label of the task that it is, e.g. with a default spelt out
    for typed in {str(spec): spec for spec in [*study.tasks, *study.eval_tasks]}.values():
        if is_lm_eval(typed):
            foreign = attempt(partial(resolve_lm_eval_task, typed, study))
            if foreign and foreign.request() not in [known.request() for known in lm_eval_tasks.values()]:
                lm_eval_tasks[foreign.label] = foreign
            continue
        if task := attempt(partial(resolve_study_task, typed, study, plugins)):
            known = [label for label, other in tasks.items() if other.request() == task.request()]
            same[task.label] = known[0] if known else task.label
            if known:
                continue
            # Another prompt asks the same items; a shift of the items themselves has its own.
            sources = study.sources(task.stem if task.shift == task.template else typed.name)
            found = next((data[label] for label in data if _asks_alike(task, tasks[label])), None)
            tasks[task.label] = task
            if found := found or attempt(partial(load, task, sources, study.data_seed, _counts(study))):
                data[task.label] = found
    for label in data:
        named = study.own[tasks[label].stem].stop if tasks[label].stem in study.own else None
        if fitted := attempt(partial(fit_stops, tasks[label], data[label], named, reasons=COT in study.baselines)):
            tasks[label], data[label] = fitted
    adapters: dict[str, ResolvedAdapter] = {}
    for typed in study.compared:
        if adapter := attempt(partial(resolve_adapter, typed, plugins)):
            for sized in _by_size(study, adapter):
                if made := attempt(partial(resolve_adapter, sized, plugins)):
                    adapters[made.label] = made
    problems += find_missing_names(study) if not errors else []
    base = attempt(partial(resolve, study.model))
    text = attempt(partial(read_general_text, study.general_text))
    problems += [*find_wrong_names(study, tasks, adapters, plugins)]
    problems += [*find_wrong_precision(study, adapters)]
    problems += [*find_unusable_base(study, base, adapters)] if base else []
    if problems or base is None or text is None:
        raise ConfigErrors(problems)

    trained = list(dict.fromkeys(same[str(typed)] for typed in study.tasks))
    plan = Plan(
        study=study,
        base=base,
        tasks=tasks,
        adapters=adapters,
        data=data,
        lm_eval_tasks=lm_eval_tasks,
        general_text=text,
        cells=(),
        evaluations=(),
    )
    if not selects_by_validation(plan, trained):
        data = {label: one.with_all_trained(study.data_seed) for label, one in data.items()}
    separated = attempt(partial(separate, data, trained, tasks, study.on_overlap, study.scoring.split))
    if separated is None:
        raise ConfigErrors(problems)
    plan = dataclasses.replace(plan, data=separated)
    problems += [*find_empty_splits(plan, trained), *find_leaks(plan)]
    cells = attempt(partial(make_cells, plan, trained))
    if problems or cells is None:
        raise ConfigErrors(problems)
    plan = dataclasses.replace(plan, cells=cells, evaluations=make_evaluations(plan, cells))
    if without := [*find_without_effect(plan)]:
        raise ConfigErrors(without)
    return plan


def _asks_alike(task: ResolvedTask, other: ResolvedTask) -> bool:
    """Return whether two tasks ask the same items: they differ in their prompts alone."""
    same = (task.stem, task.options) == (other.stem, other.options)
    return same and not {task.shift, other.shift} & {*task.task.spec.shifts}


def _by_size(study: Study, adapter: ResolvedAdapter) -> list[Spec]:
    """Return an adapter as typed, or once for each of several numbers of training items."""
    sizes = study.training.sizes
    typed = adapter.typed
    if len(sizes) == 1 or adapter.adapter.spec.update == "none" or ITEMS in typed.options:
        return [typed]
    return [Spec(typed.name, {**typed.options, ITEMS: str(size or ALL)}) for size in sizes]


def _counts(study: Study) -> dict[Split, int | None]:
    """Return how many items of each split a study asks for, None where it leaves that to the task."""
    counts: dict[Split, int | None] = {"train": study.training.most_items, "validation": None, "eval": None}
    if study.scoring.split == "eval":
        counts["eval"] = study.limit
    elif study.scoring.split == "validation" and study.limit is not None:
        counts["validation"] = max(study.limit, VALIDATION_ITEMS)
    return counts
