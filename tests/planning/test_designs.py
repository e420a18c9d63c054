"""Designs within a time budget: what they cost, what they buy, and the study file that is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from published import RESULTS

from medcot_bench.cli import main
from medcot_bench.errors import ConfigError
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.estimates.assumed import assumed_variances
from medcot_bench.planning.estimates.costs import START, Cost, Costs, estimate_costs
from medcot_bench.planning.estimates.designs import Design, Designer, apply_design
from medcot_bench.planning.plan import Plan
from medcot_bench.results.folder import load
from medcot_bench.stats.power import GAP, ItemSet, Varying, spread_of
from medcot_bench.study.loading import load_study
from medcot_bench.study.precision import Aim
from medcot_bench.study.schema import Study

RUN = Cost(fixed=10, per_token=0.01, per_item=1.0, per_answer=0.5)
COSTS = Costs(base=Cost(fixed=60, per_item=1.0), runs={"full": RUN, "lora": RUN, "layer_lora": RUN})


@pytest.fixture(scope="module")
def study(tiny_model: Path) -> Study:
    fields = {
        "model": str(tiny_model),
        "tasks": "k8s_qa",
        "eval_tasks": "manuals_qa",
        "adapters": "none,full,lora,layer_lora",
        "seeds": [0, 1, 4],
        "limit": 36,
        "training": {"train_tokens": 3000},
        "analysis": {"adapters": "layer_lora"},
    }
    return Study.model_validate(fields)


@pytest.fixture(scope="module")
def plan(study: Study) -> Plan:
    return make_plan(study)


def designer(plan: Plan, score: str = "gold_nll", costs: Costs = COSTS) -> Designer:
    return Designer(plan, costs, assumed_variances, score)


def test_a_study_costs_the_sum_of_its_parts() -> None:
    costs = Costs(COSTS.base, COSTS.runs, {"lora": Cost(fixed=5, per_token=0.02)})
    runs = 4 * 2 * (10 + 1000 * 0.01 + 36 + 12 * 0.5)
    assert costs.seconds(["full", "lora"], 4, 1000, 36, 12) == 60 + 36 + 5 + 20 + runs


def test_the_costs_of_a_pilot_give_the_time_that_it_took(plan: Plan) -> None:
    pilot = load(RESULTS / "quick")
    took = sum(e.phase.seconds for run in pilot.cells for e in run.evaluations.values())
    took += sum(run.record.phases["train"].seconds for run in pilot.cells if run.record)
    costs = estimate_costs(plan, pilot=pilot)
    (measuring,) = {cost.fixed for cost in costs.runs.values()}
    seeds = len({run.cell.seed for run in pilot.cells if run.cell.task})
    estimated = costs.seconds([*costs.runs], seeds, 2840, 36, 36) - START - seeds * 3 * measuring
    assert estimated == pytest.approx(took, rel=0.15)  # medians, so that a phase that was held up doesn't count


def test_the_half_width_of_a_design_is_that_of_its_items_and_seeds(plan: Plan) -> None:
    typed = designer(plan).typed()
    assert typed.design == Design(("full", "lora", "layer_lora"), 3, 3000, 36, 36)
    assumed = assumed_variances(3000)[Varying(GAP, "gold_nll", "k8s_qa", "k8s_qa")]
    width = typed.half_widths[Aim.IN_DOMAIN]
    assert width.at_best == spread_of(assumed).half_width([ItemSet(36, 18.0)], 3)
    assert width.bounded == spread_of(assumed, bounded=True).half_width([ItemSet(36, 18.0)], 3)
    assert typed.seconds == 60 + 36 + 9 * (10 + 30 + 36 + 18)


@pytest.mark.parametrize("aim", [*Aim])
def test_no_design_that_fits_is_narrower_than_the_best(plan: Plan, aim: Aim) -> None:
    budget = 1200.0
    offers = designer(plan).search(budget, aim)
    widths = [offer.half_widths[aim].bounded for offer in offers]
    assert widths == sorted(widths)
    assert all(offer.seconds <= budget for offer in offers)
    own = designer(plan)
    for seeds in range(3, 31):  # by another way: every design at hand, one after the other
        for items in (12, 36, 60, 100, 200, 400):
            design = Design(("full", "layer_lora"), seeds, 3000, items, 12)
            seconds = COSTS.seconds(design.adapters, seeds, 3000, items, 12)
            if seconds <= budget:
                assert own.offer(design).half_widths[aim].bounded >= widths[0]


def test_designs_are_unlike_each_other_and_the_typed_one(plan: Plan) -> None:
    offers = designer(plan).search(1200, Aim.CHANGE, (3000, 12000))
    assert len(offers) == 3
    assert designer(plan).typed().design not in [offer.design for offer in offers]
    for one in offers:
        for other in offers:
            same = (one.design.adapters, one.design.tokens) == (other.design.adapters, other.design.tokens)
            seeds = sorted([one.design.seeds, other.design.seeds])
            assert one is other or not same or seeds[1] >= 1.25 * seeds[0]


def test_no_more_items_are_asked_for_than_the_tasks_have(study: Study, examples: Path) -> None:
    data = {name: f"file:{examples / name}.jsonl" for name in ("k8s_qa", "manuals_qa")}
    few = make_plan(study.model_copy(update={"data": data}))
    there = max(len(few.data[task].splits["eval"]) for task in few.data)
    costs = Costs(Cost(), dict.fromkeys(COSTS.runs, Cost(per_item=0.001)))
    for offer in designer(few, costs=costs).search(1e6, Aim.CHANGE):
        assert offer.design.items == there


def test_answers_are_written_as_far_as_the_score_needs_them(plan: Plan) -> None:
    by_nll = designer(plan).search(1200, Aim.IN_DOMAIN)[0].design
    by_answer = designer(plan, "answer").search(1200, Aim.IN_DOMAIN)[0].design
    assert by_nll.answers == 12 < by_nll.items
    assert by_answer.answers == by_answer.items


def test_with_hypotheses_about_all_adapters_none_is_dropped(plan: Plan, study: Study) -> None:
    every = study.model_copy(update={"analysis": study.analysis.model_copy(update={"adapters": ()})})
    offers = designer(make_plan(every)).search(1200, Aim.CHANGE)
    assert {offer.design.adapters for offer in offers} == {("full", "lora", "layer_lora")}


def test_cheap_training_buys_seeds_and_cheap_items_buy_items(plan: Plan) -> None:
    def best(run: Cost) -> Design:
        costs = Costs(Cost(), dict.fromkeys(COSTS.runs, run))
        return designer(plan, costs=costs).search(2000, Aim.IN_DOMAIN)[0].design

    assert best(Cost(per_item=1.0)).seeds > best(Cost(fixed=100.0, per_item=0.01)).seeds
    assert best(Cost(per_item=1.0)).items < best(Cost(fixed=100.0, per_item=0.01)).items


def test_too_little_time_and_no_such_effect_are_told(plan: Plan, study: Study) -> None:
    with pytest.raises(ConfigError, match="no design with an interval fits; 3 seeds and 12 items take about"):
        designer(plan).search(100, Aim.CHANGE)
    alone = make_plan(study.model_copy(update={"eval_tasks": ()}))
    with pytest.raises(
        ConfigError, match="--effect change: the study's hypotheses have no such effect by gold_nll"
    ):
        designer(alone).search(1200, Aim.CHANGE)


def test_a_design_changes_the_sizes_of_a_study_alone(plan: Plan, study: Study) -> None:
    made = apply_design(study, plan, Design(("full", "layer_lora"), 5, 12000, 60, 12))
    assert [str(spec) for spec in made.adapters] == ["none", "full", "layer_lora"]
    assert made.seeds == (0, 1, 4, 2, 3)
    assert (made.limit, made.scoring.generate_items, made.training.train_tokens) == (60, 12, 12000)
    same = {"adapters", "seeds", "limit", "scoring", "training"}
    assert made.model_dump(exclude=same) == study.model_dump(exclude=same)
    fewer = apply_design(study, plan, Design(("full", "lora", "layer_lora"), 2, 3000, 36, 36))
    assert (fewer.seeds, fewer.scoring.generate_items, fewer.adapters) == ((0, 1), None, study.adapters)


@pytest.fixture
def typed(tiny_model: Path, tmp_path: Path) -> list[str]:
    return ["plan", "--model", str(tiny_model), "--preset", "quick", "-o", str(tmp_path / "out")]


def test_plan_prints_the_designs_and_writes_the_one_that_is_asked_for(
    typed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wide.yaml"
    asked = ["--budget", "30m", "--effect", "in_domain", "--score", "gold_nll", "--design", "2"]
    asked += ["--from", str(RESULTS / "quick"), "--write-study", str(file)]
    assert main([*typed, *asked, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["typed_design"]["design"]["seeds"] == 3
    chosen = found["designs"][1]["design"]
    study, errors = load_study(file)
    assert errors == []
    assert (len(study.seeds), study.limit) == (chosen["seeds"], chosen["items"])
    assert study.training.train_tokens == 3000  # a pilot says nothing of others
    assert main([*typed, *asked]) == 2
    assert f"{file} already exists; choose another file" in capsys.readouterr().err
    assert main([*typed, *asked[:6], *asked[8:10]]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Designs within 30 min, for the narrowest interval of the gap in domain by gold_nll; times by" in said
    assert "Half widths: half the 95% interval" in said


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--effect", "change"], "--effect: add --budget TIME, e.g. --budget 8h"),
        (["--budget", "soon"], "--budget soon: write a time as 90s, 30m or 2h"),
        (["--budget", "none"], "--budget none: write a time as 10m or 8h"),
        (["--budget", "8h", "--design", "2"], "--design 2: add --write-study FILE"),
        (
            ["--budget", "8h", "--score", "rouge_l"],
            "--budget: no designs: no variances are known of a gap by rouge_l",
        ),
        (["--budget", "8h", "--adapters", "none,lora"], "--budget: no designs: it needs full fine-tuning"),
    ],
)
def test_wrong_arguments_are_one_line(
    arguments: list[str], line: str, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*typed, *arguments]) == 2
    assert line in capsys.readouterr().err
