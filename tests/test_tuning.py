"""Which learning rates are tried, and which one wins."""

from __future__ import annotations

from typing import Any

import pytest

from medcot_bench.config import Study
from medcot_bench.planner import make_plan
from medcot_bench.study_files import load_study
from medcot_bench.tuning import Trial, at_edge, choose


def trial(rate: float, loss: float | None, seed: int = 0, adapter: str = "lora", chosen: bool = False) -> Trial:
    return Trial(adapter=adapter, task="k8s_qa", seed=seed, rate=rate, loss=loss, seconds=1.0, chosen=chosen)


def test_the_least_mean_over_seeds_wins() -> None:
    tried = [trial(1e-4, 0.5), trial(1e-3, 0.3), trial(1e-4, 0.2, seed=1), trial(1e-3, 0.3, seed=1)]
    assert choose(tried) == {("lora", "k8s_qa"): 1e-3}
    assert choose([*tried, trial(1e-4, 0.1, adapter="full")])["full", "k8s_qa"] == 1e-4


def test_a_rate_that_diverged_with_one_seed_is_out() -> None:
    assert choose([trial(1e-4, 0.5), trial(1e-3, 0.1), trial(1e-3, None, seed=1)]) == {("lora", "k8s_qa"): 1e-4}
    assert choose([trial(1e-3, None)]) == {}


def test_an_edge_is_told_from_what_lies_inside() -> None:
    tried = [trial(1e-4, 0.5), trial(3e-4, 0.1), trial(1e-3, 0.3)]
    assert at_edge([trial(t.rate, t.loss, chosen=t.rate == 3e-4) for t in tried]) == []
    (edge,) = at_edge([trial(t.rate, t.loss, chosen=t.rate == 1e-3) for t in tried])
    assert edge.rate == 1e-3


def test_each_adapter_gets_as_many_trials_around_its_own_rate(study_fields: dict[str, Any]) -> None:
    fields = study_fields | {"adapters": "none,full,lora:lr=1e-3", "data": {}, "seeds": (0, 1, 2)}
    fields["training"] = {"tune_lr": 3, "tune_seeds": 2}
    plan = make_plan(Study.model_validate(fields))
    assert plan.trials
    tried = [(cell.adapter, cell.seed, plan.recipe(cell).lr) for cell in plan.cells]
    centre = 1e-4  # the default of full fine-tuning for a model of this size
    rates = {"full": (3.2e-5, centre, 3.2e-4), "lora:lr=1e-3": (3.2e-4, 1e-3, 3.2e-3)}
    assert tried == [(adapter, seed, rate) for adapter in rates for seed in (0, 1) for rate in rates[adapter]]
    assert [(score.task, score.relation, score.request["scores"]) for score in plan.scores] == [
        ("k8s_qa", "same_task", ["gold_nll"])
    ] * len(plan.cells)


def test_chosen_rates_make_the_cells_that_the_trials_were(study_fields: dict[str, Any]) -> None:
    fields = study_fields | {"adapters": "lora", "data": {}, "training": {"tune_lr": 2}}
    trials = make_plan(Study.model_validate(fields))
    rates = {"lora": {"k8s_qa": trials.recipe(trials.cells[1]).lr}}
    chosen = make_plan(Study.model_validate(fields | {"training": {"tune_lr": 2, "rates": rates}}))
    assert not chosen.trials
    assert [cell.id for cell in chosen.cells] == [trials.cells[1].id]


@pytest.mark.parametrize(
    ("given", "read"),
    [("3", 3), (2, 2), ("1e-3,1e-4", (1e-4, 1e-3)), ([1e-4, "1e-3"], (1e-4, 1e-3)), (None, None)],
)
def test_what_to_try_is_a_number_of_rates_or_the_rates(given: Any, read: Any) -> None:
    study, errors = load_study(None, [("training.tune_lr", given)])
    assert (study.training.tune_lr, errors) == (read, [])


@pytest.mark.parametrize("given", ["1", "0", "1e-3", "1e-3,1e-3", "-1e-3,1e-3", "a,b", {}, [1e-3, float("inf")]])
def test_anything_else_is_an_error_of_one_line(given: Any) -> None:
    _, errors = load_study(None, [("training.tune_lr", given)])
    assert [error.split(": ")[0] for error in errors] == ["training.tune_lr"]
    assert "write how many rates to try" in errors[0]
