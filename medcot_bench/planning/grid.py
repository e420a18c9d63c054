"""What cells and scores ask for, and the ids that are hashes of it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from medcot_bench.base_model.layout import RECIPE_FILE
from medcot_bench.data.sources import digest
from medcot_bench.errors import ConfigErrors, MedcotError
from medcot_bench.interfaces import TunedAdapter
from medcot_bench.planning.baseline_evaluations import baseline_requests, left_out
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.manager import blame
from medcot_bench.plugins.resolve_adapter import ChosenAdapter
from medcot_bench.results.cells import FINAL, Cell, Score, request_id
from medcot_bench.results.metrics import SCORING_VERSION, TRAINING_VERSION, TRIED_BY, needs_generation
from medcot_bench.study.schema import Study, Training
from medcot_bench.types import Recipe, Relation


def make_cells(plan: Plan, trained: list[str]) -> tuple[Cell, ...]:
    """Return the cells of a plan, each once, in the order typed. Raises ConfigErrors."""
    cells: dict[str, Cell] = {}
    problems: list[str] = []
    training = plan.study.training
    seeds = plan.study.seeds[: training.tune_seeds] if plan.trials else plan.study.seeds
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
                adapter.place(plan.base.info, plan.base.modules, seed)
                for task in trained:
                    for recipe in _recipes(plan, adapter, task):
                        cell = _cell(plan, adapter, task, seed, recipe)
                        cells.setdefault(cell.id, cell)
        except MedcotError as error:
            problems.append(str(error))
    if plan.trials:
        problems += _alike(plan)
    if problems:
        raise ConfigErrors(problems)
    return tuple(cells.values())


def _alike(plan: Plan) -> Iterator[str]:
    """Yield what could not be tuned: adapters that are told apart by their recipe alone, or not at all."""
    seen: dict[str, str] = {}
    for adapter in plan.adapters.values():
        others = {k: v for k, v in adapter.recipe_options.items() if k != "lr"}
        key = request_id({"adapter": adapter.request(), "recipe": others, "items": adapter.train_items})
        if (first := seen.setdefault(key, adapter.label)) != adapter.label:
            yield f"training.tune_lr: {first} and {adapter.label} are one adapter at other rates; name one of them"


def _cell(
    plan: Plan,
    adapter: ChosenAdapter,
    task: str | None = None,
    seed: int | None = None,
    recipe: Recipe | None = None,
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
            "train": digest(plan.train_items(task, adapter.label)),
            "recipe": dataclasses.asdict(recipe),
            "prompt": _prompt_request(plan.study),
            "seed": seed,
        }
        if recipe.select_by == "val_nll":
            if not plan.validation_items(task):
                raise ConfigErrors([f"training.select_by=val_nll: task {task} has no validation items"])
            request["validation"] = digest(plan.validation_items(task))
    return Cell(id=request_id(request), task=task, adapter=adapter.label, seed=seed, request=request)


def _recipes(plan: Plan, adapter: ChosenAdapter, task: str) -> list[Recipe]:
    """Return the recipe of a cell, or one for every learning rate to be tried."""
    recipe = _recipe(plan, adapter)
    training = plan.study.training
    if plan.trials and training.tune_lr is not None:
        rates = grid(_centre(plan, adapter, recipe), training.tune_lr)
    else:
        rates = ((training.rates or {}).get(adapter.label, {}).get(task, recipe.lr),)
    return [dataclasses.replace(recipe, lr=rate) for rate in rates]


def grid(centre: float, tried: int | tuple[float, ...]) -> tuple[float, ...]:
    """Return the learning rates to try: those given, or so many around a centre, half a decade apart.

    An even number has one more above the centre than below it.

    >>> grid(1e-5, 5), grid(1e-3, 2), grid(1e-3, (1e-4, 3e-4))
    ((1e-06, 3.2e-06, 1e-05, 3.2e-05, 0.0001), (0.001, 0.0032), (0.0001, 0.0003))
    """
    if isinstance(tried, tuple):
        return tried
    lowest = -((tried - 1) // 2)
    steps = range(lowest, lowest + tried)
    return tuple(float(f"{centre * 10 ** (step / 2):.2g}") if step else centre for step in steps)


def _centre(plan: Plan, adapter: ChosenAdapter, recipe: Recipe) -> float:
    """Return the rate that others are tried around: one that was named, else the adapter's own for it."""
    if "lr" in _given(plan, adapter) or not isinstance(adapter.adapter, TunedAdapter):
        return recipe.lr
    with blame(adapter.entry, "tune_around"):
        centre = float(adapter.adapter.tune_around(plan.base.info))
        if not 0 < centre < math.inf:
            raise ValueError(f"it gives {centre}; learning rates are above 0")
    return centre


def _recipe(plan: Plan, adapter: ChosenAdapter) -> Recipe:
    with blame(adapter.entry, "recipe"):
        recipe = adapter.adapter.recipe(plan.base.info)
        if not isinstance(recipe, Recipe):
            raise TypeError(f"it gives a {type(recipe).__name__}, not a Recipe")
    changes = _given(plan, adapter)
    length = min(changes.get("max_length", recipe.max_length), plan.base.info.max_positions)
    try:
        recipe = dataclasses.replace(recipe, **{**changes, "max_length": length})
    except ValueError as error:
        raise ConfigErrors([f"adapter {adapter.label}: {error}"]) from None
    return recipe


def _given(plan: Plan, adapter: ChosenAdapter) -> dict[str, Any]:
    """Return the recipe fields that the model's folder, the study or the adapter's options name."""
    name = adapter.adapter.spec.name
    return {
        **_checked(f"{RECIPE_FILE}: {name}", plan.base.recipe.get(name, {})),
        **plan.study.training.recipe(),
        **_checked(f"adapter {adapter.label}", adapter.recipe_options),
    }


def _checked(where: str, fields: Any) -> dict[str, Any]:
    """Return recipe fields checked as those of a study are. Raises ConfigErrors, a line a field."""
    try:
        return Training.model_validate(fields).recipe()
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            field = "".join(f" {part}:" for part in problem["loc"])
            lines.append(f"{where}:{field} {problem['msg']} (given: {problem['input']!r})")
        raise ConfigErrors(lines) from None


def make_scores(plan: Plan, cells: tuple[Cell, ...]) -> tuple[Score, ...]:
    """Return the evaluations of every cell on every task of the study, those of lm-eval among them.

    Graded shifts of a training task are scored for the cells trained on that task, and for the base: to others
    they are not graded. Learning rates are tried on validation items of the cell's own task; where there are
    checkpoints, the models tried are points of the same curves, scored as checkpoints are, and not chosen by it.
    """
    scores = []
    for label in plan.tasks:
        owners = {cell.task for cell in cells if cell.task and _is_shift_of(plan, label, cell.task)}
        for cell in cells:
            if owners and cell.task is not None and cell.task not in owners:
                continue
            relation = _relation(plan, cell, label)
            for checkpoint, chooses, request in _asked(plan, cell, label, relation):
                request = {"scoring": SCORING_VERSION, "cell": cell.id, "checkpoint": checkpoint, **request}
                scores.append(
                    Score(
                        id=request_id(request),
                        cell=cell.id,
                        task=label,
                        relation=relation,
                        request=request,
                        checkpoint=checkpoint,
                        chooses=chooses,
                    )
                )
            if cell.task is None and relation == "base":
                scores += _by_other_prompts(plan, cell, label)
    for label, task in plan.harness.items():
        for cell in () if plan.trials else cells:
            limits = {"max_length": min(plan.scoring.max_length, plan.base.info.max_positions)}
            asked = {**task.request(), "prompt": _prompt_request(plan.study), **limits}
            request = {"scoring": SCORING_VERSION, "cell": cell.id, "checkpoint": FINAL, **asked}
            relation = _relation(plan, cell, label)
            scores.append(
                Score(id=request_id(request), cell=cell.id, task=label, relation=relation, request=request)
            )
    return tuple(sorted(scores, key=lambda score: score.checkpoint != FINAL))


def _by_other_prompts(plan: Plan, cell: Cell, label: str) -> Iterator[Score]:
    """Yield the evaluations of the untouched base by the study's prompting baselines."""
    for baseline, asked in baseline_requests(plan, label, _evaluation(plan, label, choosing=False)):
        request = {"scoring": SCORING_VERSION, "cell": cell.id, "checkpoint": FINAL, **asked}
        made = request_id(request)
        yield Score(id=made, cell=cell.id, task=label, relation="base", request=request, baseline=baseline)


def baseline_notes(plan: Plan) -> Iterator[str]:
    """Yield which prompting baselines are left out, and why."""
    for label in plan.tasks if plan.study.baselines else ():
        yield from left_out(plan, label, _evaluation(plan, label, choosing=False))
    for label in plan.harness if plan.study.baselines else ():
        yield f"{label}: no baselines: it has prompts of its own"


def _asked(plan: Plan, cell: Cell, label: str, relation: Relation) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Yield checkpoint, whether it chooses a learning rate, and request of a cell's evaluations on a task."""
    if not plan.trials:
        yield FINAL, False, _evaluation(plan, label, choosing=False)
        for checkpoint in checkpoints(plan, cell):
            yield checkpoint, False, _likelihoods(plan, label)
        return
    if cell.task == label:
        yield FINAL, True, _evaluation(plan, label, choosing=True)
    if plan.study.training.checkpoints and relation in ("same_task", "shift"):
        yield FINAL, False, _likelihoods(plan, label)


def _likelihoods(plan: Plan, label: str) -> dict[str, Any]:
    """Return the request of an evaluation by likelihoods alone, on the items and prompts of the final one."""
    scoring = plan.study.scoring
    generates = not scoring.scores or any(needs_generation(name) for name in scoring.scores)
    request = _evaluation(plan, label, choosing=False)
    # The same room for an answer as in the final evaluation: the same prompts, however long.
    room = request["max_new_tokens"] if generates else 0
    return request | {"scores": [TRIED_BY], "generate_items": None, "room": room}


def _evaluation(plan: Plan, label: str, *, choosing: bool) -> dict[str, Any]:
    scoring, chosen = plan.scoring, plan.tasks[label]
    return {
        "task": chosen.request(),
        "items": digest(plan.scored_items(label, choosing=choosing)),
        "shots": digest(plan.shots(label, choosing=choosing)) if scoring.num_fewshot else None,
        "prompt": _prompt_request(plan.study),
        "scores": sorted(scoring.scores),
        "generate_items": scoring.generate_items,
        "max_new_tokens": scoring.max_new_tokens or chosen.task.spec.max_new_tokens,
        "max_length": min(scoring.max_length, plan.base.info.max_positions),
        "overlong": scoring.overlong,
    }


def checkpoints(plan: Plan, cell: Cell) -> list[str]:
    """Return the names of a cell's checkpoints: the share of its training that is done."""
    count = 0 if cell.task is None or plan.trials else plan.study.training.checkpoints
    if count and plan.recipe(cell).max_steps == 0:
        return []
    return [f"{number}/{count + 1}" for number in range(1, count + 1)]


def _relation(plan: Plan, cell: Cell, evaluated: str) -> Relation:
    if cell.task is None:
        return "elsewhere" if plan.adapters[cell.adapter].adapter.spec.weights else "base"
    if evaluated in plan.harness:
        return "lm_eval"
    if cell.task == evaluated:
        return "same_task"
    if _is_shift_of(plan, evaluated, cell.task):
        return "shift"
    own, other = plan.tasks[cell.task], plan.tasks[evaluated]
    return "same_domain" if own.task.spec.domain == other.task.spec.domain else "shift"


def _is_shift_of(plan: Plan, evaluated: str, trained: str) -> bool:
    own, other = plan.tasks[trained], plan.tasks[evaluated]
    # With other options (a seed, a level) other things may be held out.
    return bool(other.shift) and own.stem == other.stem and own.options == other.options


def _prompt_request(study: Study) -> dict[str, Any]:
    return {"chat_template": study.chat_template, "system_prompt": study.system_prompt}
