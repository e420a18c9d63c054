"""The cells of a plan: their requests, and the ids that are hashes of these."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cache
from typing import Any

from medcot_bench.data.sources import digest
from medcot_bench.errors import ConfigErrors, MedcotError
from medcot_bench.planning.evaluations import prompt_request
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.ranks import check_ranks
from medcot_bench.planning.recipes import make_recipes
from medcot_bench.plugins.resolve_adapter import ResolvedAdapter
from medcot_bench.results.cells import Cell, request_id
from medcot_bench.results.metrics import TRAINING_VERSION
from medcot_bench.types import Recipe


def make_cells(plan: Plan, trained: list[str]) -> tuple[Cell, ...]:
    """Return the cells of a plan, each once, in the order typed. Raises ConfigErrors."""
    cells: dict[str, Cell] = {}
    problems: list[str] = []
    train_digest = cache(lambda task, count: digest(plan.items.train(task, count)))
    seeds = plan.search_seeds if plan.trials else plan.study.every_seed
    for adapter in plan.adapters.values():
        spec = adapter.adapter.spec
        if spec.update == "none":
            if plan.trials:
                continue
            cell = _cell(plan, adapter)
            cells.setdefault(cell.id, cell)
            continue
        try:
            for seed in seeds:
                check_ranks(adapter, adapter.place(plan.base.info, plan.base.modules, seed), plan.base.modules)
                for task in trained:
                    items = train_digest(task, adapter.train_items)
                    for recipe in make_recipes(plan, adapter, task):
                        cell = _cell(plan, adapter, task, seed, recipe, items)
                        cells.setdefault(cell.id, cell)
        except MedcotError as error:
            problems.append(str(error))
    if plan.trials:
        problems += _alike(plan)
    if problems:
        raise ConfigErrors(problems)
    return tuple(cells.values())


def _alike(plan: Plan) -> Iterator[str]:
    """Yield an error for adapters that differ in nothing but their learning rate: both would be tuned to one."""
    seen: dict[str, str] = {}
    for adapter in plan.adapters.values():
        others = {k: v for k, v in adapter.recipe_options.items() if k != "lr"}
        key = request_id({"adapter": adapter.request(), "recipe": others, "items": adapter.train_items})
        if (first := seen.setdefault(key, adapter.label)) != adapter.label:
            yield f"training.tune_lr: {first} and {adapter.label} differ in the learning rate only; use one"


def _cell(
    plan: Plan,
    adapter: ResolvedAdapter,
    task: str | None = None,
    seed: int | None = None,
    recipe: Recipe | None = None,
    items: str = "",
) -> Cell:
    spec = adapter.adapter.spec
    request: dict[str, Any] = {
        "base": {
            "digest": plan.base.digest,
            "quantisation": spec.quantisation,
            "dtype": plan.study.dtype,
        },
        "adapter": adapter.request(),
    }
    if task is not None and recipe is not None:
        request |= {
            "training": TRAINING_VERSION,
            "task": plan.tasks[task].request(),
            "train": items,
            "recipe": dataclasses.asdict(recipe),
            "prompt": prompt_request(plan),
            "seed": seed,
        }
        if plan.base.as_built:
            request["modules"] = "as built"
        if recipe.select_by == "val_nll":
            if not plan.items.validation(task):
                raise ConfigErrors([f"training.select_by=val_nll: task {task} has no validation items"])
            request["validation"] = digest(plan.items.validation(task))
    return Cell(id=request_id(request), task=task, adapter=adapter.label, seed=seed, request=request)
