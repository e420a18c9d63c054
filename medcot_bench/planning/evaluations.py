"""The evaluations of every cell, with their ids and what each task is to the cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from medcot_bench.data.sources import digest
from medcot_bench.planning.baseline_evaluations import find_left_out, make_baseline_requests
from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import FINAL, Cell, Evaluation, request_id
from medcot_bench.results.metrics import SCORING_VERSION, TRIED_BY, needs_generation
from medcot_bench.results.plan_file import LeftOutBaseline
from medcot_bench.types import Relation


def make_evaluations(plan: Plan, cells: tuple[Cell, ...]) -> tuple[Evaluation, ...]:
    """Return the evaluations of every cell on every task of the study, those of lm-eval among them.

    Graded shifts of a training task are scored for the cells trained on that task, and for the base model: to
    others they are not graded. Learning rates are tried on validation items of the cell's own task. With
    checkpoints, the models tried are points of the same curves and scored as checkpoints are; nothing is chosen
    by that. Cells at rates kept beside the chosen ones are for verdicts: without checkpoints and tasks of lm-eval.
    """
    scores = []
    for label in plan.tasks:
        owners = {cell.task for cell in cells if cell.task and _is_shift_of(plan, label, cell.task)}
        requests = _Requests(plan, label)
        for cell in cells:
            if owners and cell.task is not None and cell.task not in owners:
                continue
            relation = _relation(plan, cell, label)
            for checkpoint, chooses, request in _asked(requests, cell, relation):
                request = {"scoring": SCORING_VERSION, "cell": cell.id, "checkpoint": checkpoint, **request}
                scores.append(
                    Evaluation(
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
                scores += _by_other_prompts(requests, cell)
    for label, task in plan.lm_eval_tasks.items():
        for cell in () if plan.trials else cells:
            if plan.is_kept_beside(cell):
                continue
            limits = {"max_length": min(plan.scoring.max_length, plan.base.info.max_positions)}
            asked = {**task.request(), "prompt": prompt_request(plan), **limits, **plan.end_tokens}
            request = {"scoring": SCORING_VERSION, "cell": cell.id, "checkpoint": FINAL, **asked}
            relation = _relation(plan, cell, label)
            scores.append(
                Evaluation(id=request_id(request), cell=cell.id, task=label, relation=relation, request=request)
            )
    return tuple(sorted(scores, key=lambda score: score.checkpoint != FINAL))


@dataclass(frozen=True)
class _Requests:
    """What is asked on a task, of whichever cell: its items are read once."""

    plan: Plan
    label: str

    @cached_property
    def final(self) -> dict[str, Any]:
        """The evaluation of a trained model, or of the base model."""
        return _evaluation(self.plan, self.label, choosing=False)

    @cached_property
    def choosing(self) -> dict[str, Any]:
        """The evaluation that learning rates are chosen by."""
        return _evaluation(self.plan, self.label, choosing=True)

    @cached_property
    def likelihoods(self) -> dict[str, Any]:
        """An evaluation by likelihoods alone, on the items and prompts of the final one."""
        scoring = self.plan.study.scoring
        generates = not scoring.scores or any(needs_generation(name) for name in scoring.scores)
        # The same room for an answer as in the final evaluation: the same prompts, however long.
        room = self.final["max_new_tokens"] if generates else 0
        return self.final | {"scores": [TRIED_BY], "generate_items": None, "room": room}


def _by_other_prompts(requests: _Requests, cell: Cell) -> Iterator[Evaluation]:
    """Yield the evaluations of the base model by the study's prompting baselines."""
    for baseline, asked in make_baseline_requests(requests.plan, requests.label, requests.final):
        request = {"scoring": SCORING_VERSION, "cell": cell.id, "checkpoint": FINAL, **asked}
        yield Evaluation(
            id=request_id(request),
            cell=cell.id,
            task=requests.label,
            relation="base",
            request=request,
            baseline=baseline,
        )


def left_out_baselines(plan: Plan) -> Iterator[LeftOutBaseline]:
    """Yield which prompting baselines are left out, and why."""
    for label in plan.tasks if plan.study.baselines else ():
        yield from find_left_out(plan, label, _evaluation(plan, label, choosing=False))
    for label in plan.lm_eval_tasks if plan.study.baselines else ():
        yield LeftOutBaseline(task=label, baseline="", reason="it has prompts of its own")


def _asked(requests: _Requests, cell: Cell, relation: Relation) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Yield checkpoint, whether it chooses a learning rate, and request of a cell's evaluations on a task."""
    plan = requests.plan
    if not plan.trials:
        yield FINAL, False, requests.final
        for checkpoint in checkpoints(plan, cell):
            yield checkpoint, False, requests.likelihoods
        return
    if cell.task == requests.label:
        yield FINAL, True, requests.choosing
    if plan.study.training.checkpoints and relation in ("same_task", "shift"):
        yield FINAL, False, requests.likelihoods


def _evaluation(plan: Plan, label: str, *, choosing: bool) -> dict[str, Any]:
    scoring, chosen = plan.scoring, plan.tasks[label]
    return {
        "task": chosen.request(),
        "items": digest(plan.items.scored(label, choosing=choosing)),
        "shots": digest(plan.items.shots(label, choosing=choosing)) if scoring.num_fewshot else None,
        "prompt": prompt_request(plan),
        "scores": sorted(scoring.scores),
        "generate_items": scoring.generate_items,
        "max_new_tokens": scoring.max_new_tokens or chosen.task.spec.max_new_tokens,
        "max_length": min(scoring.max_length, plan.base.info.max_positions),
        "overlong": scoring.overlong,
        **({} if chosen.stop is None else {"stop": list(chosen.stop)}),
        **plan.end_tokens,
    }


def checkpoints(plan: Plan, cell: Cell) -> list[str]:
    """Return the names of a cell's checkpoints: the share of its training that is done."""
    none = cell.task is None or plan.trials or plan.is_kept_beside(cell)
    names = () if none else plan.study.training.checkpoint_names
    return [*names] if names and plan.recipe(cell).max_steps != 0 else []


def _relation(plan: Plan, cell: Cell, evaluated: str) -> Relation:
    if cell.task is None:
        return "elsewhere" if plan.adapters[cell.adapter].adapter.spec.weights else "base"
    if evaluated in plan.lm_eval_tasks:
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


def prompt_request(plan: Plan) -> dict[str, Any]:
    """Return the part of a request that says how prompts are wrapped, with the date if a template writes one."""
    study = plan.study
    return {"chat_template": study.chat_template, "system_prompt": study.system_prompt} | plan.chat_date
