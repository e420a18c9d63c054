"""Plans of studies with a precision rule: their steps, what can't be planned, and what is to be expected."""

from __future__ import annotations

from typing import Any

import pytest

from medcot_bench.errors import ConfigErrors
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.estimates.item_pools import ItemPool
from medcot_bench.planning.estimates.precision import forecast
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.seeds import seed_steps
from medcot_bench.stats.power import DID, GAP, Varying
from medcot_bench.stats.variance_components import Components, Variances
from medcot_bench.study.schema import Study

FIELD = "analysis.precision"
RULE = {"half_width": 0.05, "max_seeds": 7}


@pytest.fixture
def make(study_fields: dict[str, Any]) -> Any:
    """Plan a study of full and lora with this rule."""

    def make(rule: dict[str, Any] | None, **changes: Any) -> Plan:
        analysis = {"primary": "gold_nll", "precision": rule, **changes.pop("analysis", {})}
        fields = {"adapters": "none,full,lora", "eval_tasks": "manuals_qa", "analysis": analysis, **changes}
        return make_plan(Study.model_validate(study_fields | fields))

    return make


def test_a_plan_has_every_seed_that_the_rule_may_come_to(make: Any) -> None:
    plan = make(RULE, seeds=[4])
    assert {cell.seed for cell in plan.cells} == {None, 4, 0, 1, 2, 3, 5, 6}


def test_each_step_is_the_plan_of_a_study_with_these_seeds(make: Any) -> None:
    plan = make(RULE, seeds=[4])
    steps = [*seed_steps(plan)]
    assert [step.study.seeds for step in steps] == [
        (4, 0, 1, 2, 3),
        (4, 0, 1, 2, 3, 5),
        (4, 0, 1, 2, 3, 5, 6),
    ]
    for step in steps:
        fixed = make(None, seeds=step.study.seeds)
        assert (step.cells, step.evaluations) == (fixed.cells, fixed.evaluations)
        again = make_plan(step.study)  # as a worker makes it
        assert {cell.id for cell in step.cells} <= {cell.id for cell in again.cells}


def test_without_a_rule_there_is_one_step(make: Any) -> None:
    plan = make(None, seeds=[0, 1])
    assert [*seed_steps(plan)] == [plan]


def test_a_search_for_rates_races_with_seeds_that_are_not_named(make: Any) -> None:
    training = {"max_steps": 2, "tune_lr": [1e-4, 1e-3], "race_seeds": 3}
    assert {cell.seed for cell in make(RULE, training=training).cells} == {0, 1, 2}


@pytest.mark.parametrize(
    ("rule", "changes", "said"),
    [
        (
            {"score": "gold_nl"},
            {},
            [f"{FIELD}.score: no verdict is given by 'gold_nl'; did you mean gold_nll?"],
        ),
        (
            {"score": "answer"},
            {"scoring": {"scores": ["gold_nll"]}},
            [f"{FIELD}.score: answer is not made; add it to scoring.scores"],
        ),
        (
            {},
            {"eval_tasks": "", "adapters": "none,full"},
            [
                f"{FIELD}.effect: change takes an out-of-domain task: add one to --eval-tasks",
                f"{FIELD}: gaps are between full fine-tuning and another adapter; name both with --adapters",
            ],
        ),
        (
            {"effect": "out_of_domain"},
            {"adapters": "full:select=top,lora"},  # no row trains all weights
            [f"{FIELD}.effect: the hypotheses have no effect out_of_domain by gold_nll"],
        ),
        (
            {"effect": "in_domain"},
            {"analysis": {"adapters": "full"}},
            [f"{FIELD}.effect: the hypotheses have no effect in_domain by gold_nll"],
        ),
        (
            {},
            {"adapters": "full:select=top,lora", "training": {"max_steps": 2, "tune_lr": 2}},  # before the search
            [f"{FIELD}.effect: the hypotheses have no effect change by gold_nll"],
        ),
    ],
)
def test_what_a_rule_can_not_be_about_is_said_at_once(
    make: Any, rule: dict[str, Any], changes: dict[str, Any], said: list[str]
) -> None:
    with pytest.raises(ConfigErrors) as raised:
        make(RULE | rule, **changes)
    assert str(raised.value).split("\n") == said


def test_a_name_that_is_wrong_makes_no_further_errors(make: Any) -> None:
    with pytest.raises(ConfigErrors) as raised:
        make(RULE, adapters="none,fulll,lora", eval_tasks="manuals")
    assert len(str(raised.value).split("\n")) == 2


def test_the_gap_in_domain_takes_no_other_task(make: Any) -> None:
    assert make(RULE | {"effect": "in_domain"}, eval_tasks="").cells


def _known(variances: Variances, seed: float) -> dict[Varying, Components]:
    gap = Components((variances,), seed, noise=0.0, df=4)
    return {
        Varying(GAP, "gold_nll", "k8s_qa", "k8s_qa"): gap,
        Varying(GAP, "gold_nll", "k8s_qa", "manuals_qa"): gap,
        Varying(DID, "gold_nll", "k8s_qa", "manuals_qa"): Components((variances, variances), seed, 0.0, 4),
    }


@pytest.fixture
def ten_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every task has 20 items in ten groups, and more of each group."""
    pool = ItemPool([f"g{item % 10}" for item in range(400)], endless=False)
    module = "medcot_bench.planning.estimates.precision"
    monkeypatch.setattr(f"{module}.item_pool", lambda plan, task: pool)
    monkeypatch.setattr(f"{module}.count_items", lambda plan, task, score: 20)


@pytest.mark.usefixtures("ten_groups")
def test_the_seeds_to_expect_are_those_of_the_second_narrow_look(make: Any) -> None:
    from scipy.stats import t

    plan = make({"half_width": 0.1, "max_seeds": 20, "effect": "in_domain"})
    found = forecast(plan, _known(Variances(0.0, 0.0, 0.0, 0.0), seed=0.016))
    widths = {seeds: t.ppf(0.975, seeds - 1) * (0.016 / seeds) ** 0.5 for seeds in range(5, 21)}
    narrow = min(seeds for seeds, width in widths.items() if width <= 0.1)
    assert found
    assert (found.seeds, found.floor) == (narrow + 1, 0.0)
    assert found.seeds_bounded
    assert found.seeds_bounded > found.seeds


@pytest.mark.usefixtures("ten_groups")
def test_items_that_allow_no_such_width_are_known_before(make: Any) -> None:
    from scipy.stats import t

    plan = make({"half_width": 0.1, "max_seeds": 20, "effect": "in_domain"})
    found = forecast(plan, _known(Variances(0.0, 0.08, 0.0, 0.0), seed=0.0))
    assert found
    assert found.floor == pytest.approx(t.ppf(0.975, 9) * (0.08 / 20) ** 0.5)
    assert found.seeds is None

    def width(items: int) -> float:
        sizes = [len(range(group, items, 10)) for group in range(10)]
        effective = items**2 / sum(size**2 for size in sizes)
        return float(t.ppf(0.975, effective - 1) * (0.08 / items) ** 0.5)

    assert found.items_needed == next(items for items in range(20, 400) if width(items) <= 0.1)
    groups = forecast(plan, _known(Variances(0.05, 0.08, 0.0, 0.0), seed=0.0))
    assert groups
    assert groups.items_needed is None  # ten groups stay ten


@pytest.mark.usefixtures("ten_groups")
def test_a_change_has_the_items_of_both_tasks(make: Any) -> None:
    found = forecast(make({"half_width": 0.1}), _known(Variances(0.0, 0.08, 0.0, 0.0), seed=0.0))
    one = forecast(make({"half_width": 0.1, "effect": "in_domain"}), _known(Variances(0.0, 0.08, 0.0, 0.0), 0.0))
    assert found
    assert one
    assert found.floor == pytest.approx(2**0.5 * one.floor)


def test_without_variances_nothing_is_expected(make: Any) -> None:
    assert forecast(make(RULE), {}) is None
    assert forecast(make(None), _known(Variances(0.0, 0.1, 0.0, 0.0), 0.0)) is None
