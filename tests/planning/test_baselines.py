"""Prompting baselines become scores of the base: their names, their ids, what is left out, what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from medcot_bench.errors import ConfigErrors
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.evaluations import left_out_baselines
from medcot_bench.planning.pinned_study import dump_study
from medcot_bench.planning.plan import Plan
from medcot_bench.report.notes import write_left_out_baseline
from medcot_bench.study.loading import load_study
from medcot_bench.study.schema import Study

Fields = dict[str, Any]
ALL = "zero_shot,few_shot=2,cot,no_context"


def said(plan: Plan) -> list[str]:
    return [*map(write_left_out_baseline, left_out_baselines(plan))]


def plan_of(fields: Fields, **changes: Any) -> Plan:
    return make_plan(Study.model_validate(fields | changes))


def ids(plan: Plan) -> dict[tuple[str, str, str], str]:
    adapters = {cell.id: cell.adapter for cell in plan.cells}
    return {(adapters[score.cell], score.baseline, score.task): score.id for score in plan.evaluations}


@pytest.mark.parametrize(
    "typed", [ALL, ALL.replace(",", " "), ALL.split(","), "zero_shot, few_shot=02,cot,no_context"]
)
def test_baselines_are_typed_as_a_line_or_a_list(typed: Any) -> None:
    study, errors = load_study(None, [("baselines", typed)])
    assert not errors
    assert study.baselines == ("zero_shot", "few_shot=2", "cot", "no_context")
    assert "few_shot=2" in dump_study(study)


def test_every_wrong_name_is_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        Study.model_validate({"baselines": "few_shot=0,few_shot,tree,cot,cot,few_shot=2,few_shot=02,no_context=1"})
    (error,) = caught.value.errors()
    assert error["msg"].removeprefix("Value error, ").split("; ") == [
        "few_shot=0: give the number of solved examples, e.g. few_shot=5",
        "few_shot: give the number of solved examples, e.g. few_shot=5",
        "no baseline 'tree' (known: zero_shot, few_shot=K, cot, no_context)",
        "cot is named twice",
        "few_shot=2 is named twice",
        "no_context=1: no_context takes no number",
    ]


def test_they_need_the_base_model(study_fields: Fields) -> None:
    with pytest.raises(ConfigErrors, match=r"baselines: they are prompts of the base model; add it to --adapters"):
        plan_of(study_fields, adapters="lora", baselines="cot")


def test_they_are_scores_of_the_base_alone_and_change_no_other_id(study_fields: Fields) -> None:
    plain, asked = ids(plan_of(study_fields)), ids(plan_of(study_fields, baselines=ALL))
    assert {key: asked[key] for key in plain} == plain
    assert set(asked) - set(plain) == {("none", name, "k8s_qa") for name in ("few_shot=2", "cot", "no_context")}
    assert len(set(asked.values())) == len(asked)


def test_few_shot_is_the_score_that_a_study_with_as_many_examples_has(study_fields: Fields) -> None:
    scoring = study_fields["scoring"]
    asked = plan_of(study_fields, baselines="few_shot=2,few_shot=3")
    plain = plan_of(study_fields, scoring=scoring | {"num_fewshot": 2}, baselines="zero_shot,few_shot=2")
    assert ids(asked)["none", "few_shot=2", "k8s_qa"] == ids(plain)["none", "", "k8s_qa"]
    assert ids(asked)["none", "", "k8s_qa"] == ids(plain)["none", "zero_shot", "k8s_qa"]
    assert said(plain) == ["k8s_qa: no baseline few_shot=2: its prompt is that of the base's own row"]


def test_what_a_task_does_not_allow_is_left_out_with_the_reason(study_fields: Fields) -> None:
    plan = plan_of(study_fields, tasks="k8s_qa,medqa_cot", baselines=f"{ALL},few_shot=999")
    assert said(plan) == [
        "k8s_qa: no baseline zero_shot: its prompt is that of the base's own row",
        *[note for note in said(plan) if note.startswith("k8s_qa: no baseline few_shot=999: only ")],
        "medqa_cot: no baseline zero_shot: its prompt is that of the base's own row",
        "medqa_cot: no baseline no_context: its prompts have no context",
        *[note for note in said(plan) if note.startswith("medqa_cot: no baseline few_shot=999: only ")],
    ]
    likely = plan_of(study_fields, baselines="cot", scoring={"scores": ["gold_nll"]})
    assert said(likely) == ["k8s_qa: no baseline cot: no metric of a generated answer is asked for"]
    assert not [score for score in likely.evaluations if score.baseline]


def test_learning_rates_are_tried_without_them(study_fields: Fields) -> None:
    training = study_fields["training"] | {"tune_lr": 2}
    plan = plan_of(study_fields, training=training, baselines=ALL)
    assert plan.trials
    assert not [score for score in plan.evaluations if score.baseline]
