"""Errors of a precision rule: a metric, an effect or a pair of methods that the study does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from medcot_bench.errors import suggest_or_list
from medcot_bench.planning.estimates.power import aim_of, hypotheses_by
from medcot_bench.planning.evaluations import make_evaluations
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.resolve_adapter import ResolvedAdapter
from medcot_bench.study.precision import Aim
from medcot_bench.study.schema import Study

FIELD = "analysis.precision"


def find_wrong_precision(study: Study, adapters: Mapping[str, ResolvedAdapter]) -> Iterator[str]:
    """Yield an error for what a study's precision rule names and the study does not have."""
    rule, score = study.analysis.precision, study.analysis.narrowed
    if rule is None:
        return
    if score not in study.analysis.judged:
        known = study.analysis.judged
        yield f"{FIELD}.score: no verdict is given by '{score}'{suggest_or_list(score, known)}"
    elif study.scoring.scores and score not in study.scoring.scores:
        yield f"{FIELD}.score: {score} is not made; add it to scoring.scores"
    if rule.effect is not Aim.IN_DOMAIN and len({*map(str, (*study.tasks, *study.eval_tasks))}) < 2:
        yield f"{FIELD}.effect: {rule.effect} takes an out-of-domain task: add one to --eval-tasks"
    resolved = {str(one.typed.unsized) for one in adapters.values()}
    updates = [one.adapter.spec.update for one in adapters.values() if one.adapter.spec.update != "none"]
    if {str(spec.unsized) for spec in study.adapters} <= resolved and ("full" not in updates or len(updates) < 2):
        yield f"{FIELD}: gaps are between full fine-tuning and another adapter; name both with --adapters"


def find_without_effect(plan: Plan) -> Iterator[str]:
    """Yield an error where no hypothesis of a plan has the effect that its precision rule is about."""
    rule = plan.study.analysis.precision
    if rule is None:
        return
    if plan.trials:
        training = plan.study.training.model_copy(update={"tune_lr": None})
        untuned = replace(plan, study=plan.study.model_copy(update={"training": training}))
        plan = replace(untuned, evaluations=make_evaluations(untuned, plan.cells))
    analysis = plan.study.analysis
    kinds = map(aim_of, hypotheses_by(plan, analysis.narrowed))
    trained = {cell.adapter for cell in plan.cells if cell.task and not plan.updates_all(cell.adapter)}
    if rule.effect not in kinds or not any(map(analysis.names, trained)):
        yield f"{FIELD}.effect: the hypotheses have no effect {rule.effect} by {analysis.narrowed}"
