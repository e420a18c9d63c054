"""What is wrong with a study as a whole, each by itself: one line that says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from medcot_bench.errors import ConfigErrors
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.checks import find_missing_names
from medcot_bench.planning.plan import Plan
from medcot_bench.study.schema import Study

Fields = dict[str, Any]


def plan_of(fields: Fields, **changes: Any) -> Plan:
    return make_plan(Study.model_validate(fields | changes))


@pytest.mark.parametrize(
    ("named", "beginnings"),
    [
        ({}, ["no adapter: name some with --adapters", "no task: name some with --tasks"]),
        ({"adapters": "lora"}, ["no task: name some with --tasks"]),
        ({"eval_tasks": "k8s_qa"}, ["no adapter: name some with --adapters"]),
        ({"tasks": "k8s_qa", "adapters": "none"}, []),
    ],
)
def test_a_study_names_adapters_and_tasks(named: Fields, beginnings: list[str]) -> None:
    said = find_missing_names(Study.model_validate(named))
    assert [line[: len(start)] for line, start in zip(said, beginnings, strict=True)] == beginnings


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        # roles
        ({"tasks": "", "eval_tasks": "k8s_qa"}, "no task to train lora on: name some with --tasks"),
        ({"adapters": "lora", "baselines": "cot"}, "baselines: they are prompts of the "),
        ({"tasks": "k8s_qa@other_prompt"}, "task k8s_qa@other_prompt: a graded shift is scored, not trained on"),
        ({"tasks": "lm_eval:arc_easy"}, "task lm_eval:arc_easy: tasks of lm-eval are scored, not trained on"),
        # data
        ({"data": {"ports": "bundled"}}, "data.ports: no task of this name"),
        # scores
        ({"scoring": {"scores": ["charm"]}}, "scoring.scores: no metric 'charm'; known: answer, "),
        ({"analysis": {"primary": "charm"}}, "analysis.primary: no metric 'charm'; known: answer, "),
        ({"analysis": {"margins": {"wit": 1}}}, "analysis.margins: no metric 'wit'; known: answer, "),
        ({"scoring": {"scores": ["choice"]}}, "scoring.scores: task k8s_qa has no options to choose from"),
        # checkpoints
        (
            {"training": {"checkpoints": 2}, "scoring": {"scores": ["answer"]}},
            "training.checkpoints: they are scored by gold_nll; add it to scoring.scores",
        ),
        (
            {"training": {"checkpoints": 2, "select_by": "val_nll"}},
            "training.checkpoints: with select_by=val_nll the selected step may come before one; use either",
        ),
        # hypotheses
        (
            {"analysis": {"adapters": "full"}},
            "analysis.adapters: full is not in the study, which has: none, lora; ",
        ),
        ({"analysis": {"shifts": "kubectl"}}, "analysis.shifts: kubectl is not in the study, which has: k8s_qa; "),
        # items
        (
            {"scoring": {"num_fewshot": 99}},
            "task k8s_qa: scoring.num_fewshot=99, but only 12 training items share no group or question with the",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(changes: Fields, line: str, study_fields: Fields) -> None:
    if "data" in changes:
        changes = {**changes, "data": study_fields["data"] | changes["data"]}
    with pytest.raises(ConfigErrors) as caught:
        plan_of(study_fields, **changes)
    [said] = caught.value.errors
    assert said.startswith(line)


@pytest.mark.parametrize(
    "changes",
    [
        {"baselines": "cot", "adapters": "none,lora"},
        {"tasks": "", "eval_tasks": "k8s_qa", "adapters": "none"},
        {"analysis": {"adapters": "lora", "shifts": "k8s_qa"}},
        {"analysis": {"adapters": "lora"}, "adapters": "none,lora", "training": {"train_items": [5, 9]}},
        {"training": {"checkpoints": 2}, "scoring": {"scores": ["gold_nll"]}},
        {"scoring": {"num_fewshot": 3}},
    ],
)
def test_what_fits_is_planned(changes: Fields, study_fields: Fields) -> None:
    assert plan_of(study_fields, **changes).cells
