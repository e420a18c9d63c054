"""A task's own items: as many as a study asks for, graded shifts, and the data seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from medcot_bench.data.overlap import find_overlapping
from medcot_bench.data.sources import load
from medcot_bench.errors import ConfigError, ConfigErrors
from medcot_bench.models.load import load_tokenizer
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import write
from medcot_bench.planning.build import make_plan
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import ResolvedTask, resolve_task
from medcot_bench.study.schema import Study
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.types import SPLITS, Example, Split

Fields = dict[str, Any]


def choose(typed: str, data_seed: int = 0) -> ResolvedTask:
    return resolve_task(parse_specs(typed)[0], installed(), data_seed)


def plan_of(fields: Fields, **changes: Any) -> Any:
    return make_plan(Study.model_validate({**fields, "data": {}, **changes}))


class Endless:
    """A task whose training never ends and whose validation does."""

    spec = dataclasses.replace(
        choose("kubectl").task.spec, pool={"train": 5, "eval": 3}, name="endless", options={}, shifts=()
    )

    def examples(self, split: Split) -> Iterator[Example]:
        numbers = range(2) if split == "validation" else count()
        return (Example(id=f"{split}{n}", group=f"{split}{n}", question=f"{n}?", answer="a") for n in numbers)


def endless() -> ResolvedTask:
    return dataclasses.replace(choose("kubectl"), task=Endless())  # type: ignore[arg-type]


def test_an_endless_split_gives_its_pool_where_no_number_is_named_and_the_whole_of_a_finite_one() -> None:
    splits = load(endless(), {}, 0).splits
    assert {split: len(splits[split]) for split in SPLITS} == {"train": 5, "validation": 2, "eval": 3}


def test_a_number_takes_more_than_the_pool_and_smaller_numbers_take_the_first_of_a_larger() -> None:
    many = load(endless(), {}, 0, {"train": 1000, "eval": 7}).splits
    few = load(endless(), {}, 0, {"train": 10}).splits
    assert len(many["train"]) == 1000
    assert len(many["eval"]) == 7
    assert few["train"] == many["train"][:10]
    assert few["eval"] == many["eval"][:3]


def test_the_source_bundled_may_be_typed_and_is_what_no_source_means() -> None:
    assert load(choose("kubectl"), {None: "bundled"}, 0) == load(choose("kubectl"), {}, 0)


def test_a_wrong_source_is_told_both_kinds() -> None:
    with pytest.raises(ConfigError, match="unknown source 'here'; give bundled or file:PATH"):
        load(choose("kubectl"), {None: "here"}, 0)


@pytest.mark.parametrize("name", ["medqa_cot", "medcalc_cot", "kubectl", "k8s_qa", "manuals_qa"])
def test_tables_name_the_bundled_source_with_its_version(name: str) -> None:
    version = choose(name).task.spec.version
    assert version == (2 if name in ("medqa_cot", "medcalc_cot") else 1)
    assert load(choose(name), {}, 0, {"train": 1, "eval": 1}).source == f"bundled-v{version}"


def test_the_data_seed_makes_other_bundled_items_unless_a_seed_is_typed() -> None:
    first = load(choose("kubectl"), {}, 0).splits["eval"]
    assert load(choose("kubectl", data_seed=1), {}, 1).splits["eval"] != first
    assert load(choose("kubectl:seed=0", data_seed=1), {}, 1).splits["eval"] == first


def test_an_unknown_shift_is_told_the_valid_ones() -> None:
    with pytest.raises(ConfigError, match="task kubectl: no shift 'harder'; known: unseen_template, "):
        choose("kubectl@harder")


def test_a_task_without_shifts_says_what_else_there_is() -> None:
    with pytest.raises(ConfigError, match="no shift 'unseen_range'; known: other_prompt"):
        choose("k8s_qa@unseen_range:context=none")


@pytest.mark.parametrize("data", [{}, {"k8s_qa": "file:{}/k8s_qa.jsonl"}], ids=["bundled", "file"])
def test_another_prompt_asks_the_same_items(study_fields: Fields, examples: Path, data: dict[str, str]) -> None:
    sources = {task: source.format(examples) for task, source in data.items()}
    plan = plan_of(study_fields, tasks="k8s_qa", eval_tasks="k8s_qa@other_prompt", data=sources)
    own, other = (plan.tasks[name] for name in ("k8s_qa", "k8s_qa@other_prompt"))
    items = plan.items.scored("k8s_qa")
    assert items == plan.items.scored(other.label)
    assert plan.data[own.label].source == plan.data[other.label].source
    assert {score.task: score.relation for score in plan.evaluations if score.relation != "base"} == {
        "k8s_qa": "same_task",
        "k8s_qa@other_prompt": "shift",
    }
    assert len({score.id for score in plan.evaluations}) == len(plan.evaluations)
    encoder = Encoder(load_tokenizer(Path(study_fields["model"])))
    written = [write(chosen, encoder, items[0]) for chosen in (own, other)]
    assert written[0].prompt != written[1].prompt
    assert written[0].target == written[1].target
    assert plan.items_of("k8s_qa@other_prompt") == "k8s_qa"
    assert plan.items_of("k8s_qa") is None


def test_a_shift_takes_no_file() -> None:
    with pytest.raises(ConfigError, match="kubectl@unseen_range: a graded shift has bundled items only"):
        load(choose("kubectl@unseen_range"), {None: "file:x.jsonl"}, 0)


def test_shifts_are_scored_as_shift_and_not_trained_on(study_fields: Fields) -> None:
    shift = "kubectl@unseen_template"
    plan = plan_of(study_fields, tasks="kubectl", eval_tasks=f"{shift},k8s_qa,k8s_qa@unseen_range,manuals_qa")
    relations = {score.task: score.relation for score in plan.evaluations if score.relation != "base"}
    assert relations == {
        "kubectl": "same_task",
        shift: "shift",
        "k8s_qa": "same_domain",
        "k8s_qa@unseen_range": "same_domain",
        "manuals_qa": "shift",
    }
    with pytest.raises(ConfigErrors, match=f"task {shift}: a graded shift is scored, not trained on"):
        plan_of(study_fields, tasks=shift)


def test_a_shift_of_another_seed_or_level_may_hold_out_other_things_and_is_none_of_the_cell(
    study_fields: Fields,
) -> None:
    other = "kubectl@unseen_entity:seed=7"
    plan = plan_of(study_fields, tasks="kubectl", eval_tasks=other)
    assert {score.task: score.relation for score in plan.evaluations if score.relation != "base"} == {
        "kubectl": "same_task",
        other: "same_domain",
    }


def test_a_limit_of_scored_validation_items_leaves_those_that_choose_a_checkpoint(study_fields: Fields) -> None:
    scoring = {"split": "validation"}
    plan = plan_of(study_fields, tasks="kubectl", limit=10, scoring=scoring)
    assert len(plan.items.scored("kubectl")) == 10
    assert len(plan.items.validation("kubectl")) == 64
    many = plan_of(study_fields, tasks="kubectl", limit=100, scoring=scoring)
    assert many.items.validation("kubectl") == plan.items.validation("kubectl")


def test_a_shift_has_folder_and_ids_of_its_own(study_fields: Fields) -> None:
    plan = plan_of(study_fields, tasks="kubectl", eval_tasks="kubectl@unseen_template,kubectl@unseen_range")
    assert len({score.id for score in plan.evaluations}) == len(plan.evaluations) == 6
    assert plan.evaluations[-1].name.startswith("kubectl-unseen_range-")


def test_limit_and_train_items_reach_beyond_the_pool(study_fields: Fields) -> None:
    plan = plan_of(study_fields, tasks="kubectl", limit=300, training={"train_items": 900})
    assert len(plan.items.scored("kubectl")) == 300
    assert len(plan.items.train("kubectl")) == 900
    small = plan_of(study_fields, tasks="kubectl", limit=30, training={"train_items": 90})
    assert small.items.train("kubectl") == plan.items.train("kubectl")[:90]
    assert small.items.scored("kubectl") == plan.items.scored("kubectl")[:30]


def test_items_of_bundled_tasks_are_kept_apart_by_their_groups_and_none_is_lost(study_fields: Fields) -> None:
    names = ["medqa_cot", "medcalc_cot", "kubectl", "k8s_qa", "manuals_qa"]
    shifts = [f"{name}@{shift}" for name in names for shift in choose(name).task.spec.shifts]
    plan = plan_of(study_fields, tasks=",".join(names), eval_tasks=",".join(shifts), limit=20)
    assert len(shifts) == 15
    assert {label: dict(data.left_out) for label, data in plan.data.items() if data.left_out} == {}


def test_solved_examples_before_a_shifts_prompts_come_from_training(study_fields: Fields) -> None:
    plan = plan_of(study_fields, eval_tasks="kubectl@unseen_entity", scoring={"num_fewshot": 2})
    shots = [shot.id for shot in plan.items.shots("kubectl@unseen_entity")]
    assert shots == ["kubectl-train-basic-0-0", "kubectl-train-basic-0-1"]


def test_one_question_about_two_contexts_is_two_questions_and_about_none_it_is_the_same() -> None:
    one = Example(id="a", group="g", question="Which port?", answer="1", context="port 1")
    other = dataclasses.replace(one, id="b", group="h", context="port 2")
    bare = dataclasses.replace(one, id="c", group="i", context=None)
    assert find_overlapping([one], [other]) == []
    assert find_overlapping([one], [dataclasses.replace(other, context="Port, 1.")]) == [one]
    assert find_overlapping([one], [bare]) == [one]
    assert find_overlapping([bare], [other]) == [bare]
