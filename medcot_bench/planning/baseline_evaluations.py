"""Prompting baselines: other prompts of the base model, and where one is left out.

Each is the task in another form, so that engines, gates and metrics treat it as any task.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from medcot_bench.data.sources import digest
from medcot_bench.lm_eval_tasks.task import FORM
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.prompted_task import AFTER, BEFORE, apply_baseline
from medcot_bench.results.cells import Evaluation
from medcot_bench.results.metrics import needs_generation
from medcot_bench.results.plan_file import LeftOutBaseline
from medcot_bench.study.baselines import COT, NO_CONTEXT, shots_of
from medcot_bench.text import counted

ROOM = 256
"""Tokens for the reasoning, on top of the task's own for its answer."""
_OF_REASONING = {"parsed", "truncated", "repetition"}
"""The core's metrics that make sense with reasoning before an answer; a task's own always do."""


def form_of(plan: Plan, score: Evaluation) -> dict[str, str]:
    """Return the form that an evaluation's prompts have, as records name it."""
    if score.task in plan.lm_eval_tasks:
        return dict(FORM)
    form = apply_baseline(plan.tasks[score.task], score.baseline).task.spec.form
    return {"context": form.context, "answer": form.answer}


def make_baseline_requests(
    plan: Plan, label: str, plain: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each baseline of a task with its request: the plain evaluation's, but for what differs."""
    for baseline in plan.study.baselines:
        request = _request(plan, label, baseline, plain)
        if not isinstance(request, str):
            yield baseline, request


def find_left_out(plan: Plan, label: str, plain: Mapping[str, Any]) -> Iterator[LeftOutBaseline]:
    """Yield which baselines are left out on a task, and why."""
    for baseline in plan.study.baselines:
        reason = _request(plan, label, baseline, plain)
        if isinstance(reason, str):
            yield LeftOutBaseline(task=label, baseline=baseline, reason=reason)


def _request(plan: Plan, label: str, baseline: str, plain: Mapping[str, Any]) -> dict[str, Any] | str:
    """Return the request, or why there is none."""
    spec = plan.tasks[label].task.spec
    count = shots_of(baseline, plan.scoring.num_fewshot)
    shots = plan.items.shots(label, count=count)
    if len(shots) < count:
        sharing = counted(len(shots), "training item", ("shares", "share"))
        return f"only {sharing} no group or question with what is scored"
    request = {**plain, "shots": digest(shots) if count else None}
    if baseline == NO_CONTEXT:
        if spec.form.context == "none":
            return "its prompts have no context"
        request["context"] = "removed"
    if baseline == COT:
        possible = {*spec.scores, *_OF_REASONING}
        wanted = possible & set(plain["scores"] or possible)
        if not any(needs_generation(name) for name in wanted):
            return "no metric of a generated answer is asked for"
        room = plain["max_new_tokens"] + ROOM
        request |= {"scores": sorted(wanted), "max_new_tokens": room, "trigger": [BEFORE, AFTER]}
    return "its prompt is that of the base's own row" if request == plain else request
