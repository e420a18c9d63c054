"""Designs within a time budget: what they cost, what they buy, and the study file that is written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from planted import TRAIN, Made, cell_record, evaluation_record
from published import RESULTS

from medcot_bench.cli import main
from medcot_bench.errors import ConfigError
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.estimates.assumed import assumed_variances
from medcot_bench.planning.estimates.costs import START, Amounts, Cost, Costs, Reuse, estimate_costs
from medcot_bench.planning.estimates.designs import Design, Designer, Offer, apply_design
from medcot_bench.planning.estimates.duration import LM_EVAL_TOKENS
from medcot_bench.planning.estimates.speed import seconds_a_token
from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import Cell, Evaluation
from medcot_bench.results.folder import load
from medcot_bench.results.store import Store
from medcot_bench.stats.power import GAP, ItemSet, Varying, spread_of
from medcot_bench.study.loading import load_study
from medcot_bench.study.precision import Aim
from medcot_bench.study.schema import Study

RUN = Cost(fixed=10, per_token=0.01, per_item=1.0, per_answer=0.5)
COSTS = Costs(base=Cost(per_item=1.0), runs={"full": RUN, "lora": RUN, "layer_lora": RUN})


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


def amounts(tokens: float, items: int, answers: int) -> Amounts:
    return Amounts(tokens, items, answers, documents=items, drift=False)


def designer(plan: Plan, score: str = "gold_nll", costs: Costs = COSTS) -> Designer:
    return Designer(plan, costs, assumed_variances, score)


def test_a_study_costs_the_sum_of_its_parts() -> None:
    costs = Costs(COSTS.base, COSTS.runs, {"lora": Cost(fixed=5, per_token=0.02)})
    runs = 4 * 2 * (10 + 1000 * 0.01 + 36 + 12 * 0.5)
    assert costs.seconds(["full", "lora"], 4, amounts(1000, 36, 12)) == START + 36 + 5 + 20 + runs
    parts = Cost(per_document=2.0, drift=7.0)
    assert parts.seconds(Amounts(0, 0, 0, documents=50)) == 2 * 50 + 7
    assert parts.seconds(Amounts(0, 0, 0, documents=50, drift=False)) == 2 * 50


def test_of_runs_that_are_there_only_the_rest_is_counted() -> None:
    left = {Reuse.ALL: {None: [Cost()], "full": [Cost(), Cost()], "lora": [Cost(), Cost(per_item=1.0)]}}
    search = {"lora": Cost(fixed=100)}
    costs = Costs(COSTS.base, COSTS.runs, search, left)
    own = amounts(1000, 36, 12)
    assert costs.seconds(["full"], 2, own, Reuse.ALL) == 0.0
    assert costs.seconds(["full", "lora"], 2, own, Reuse.ALL) == START + 36
    of_one = RUN.seconds(own)
    assert costs.seconds(["full", "lora"], 5, own, Reuse.ALL) == START + 36 + 2 * 3 * of_one
    assert costs.seconds(["full", "lora"], 1, own, Reuse.ALL) == 0.0
    assert costs.seconds(["full", "lora"], 2, own) == START + 36 + 100 + 2 * 2 * of_one
    more = replace(costs, search_left={"lora": Cost(fixed=30)})
    assert more.seconds(["full", "lora"], 2, own, Reuse.ALL) == START + 36 + 30


def test_the_costs_of_a_pilot_give_the_time_that_it_took(plan: Plan, tmp_path: Path) -> None:
    pilot = load(RESULTS / "quick")
    took = sum(e.phase.seconds for run in pilot.cells for e in run.evaluations.values())
    took += sum(run.record.phases["train"].seconds for run in pilot.cells if run.record)
    costs = estimate_costs(plan, Store(tmp_path), pilot=pilot)
    seeds = len({run.cell.seed for run in pilot.cells if run.cell.task})
    made = {run.cell.adapter for run in pilot.cells}
    estimated = (
        costs.seconds([name for name in costs.runs if name in made], seeds, Amounts(2840, 36, 12, 0, drift=False))
        - START
    )
    assert estimated == pytest.approx(took, rel=0.15)  # medians, so that a phase that was held up doesn't count


def record(store: Store, cell: Cell, scores: Iterable[Evaluation], *, weights: bool = False) -> None:
    """Write that a cell is trained and has these evaluations, and weights of no tensor where they are kept."""
    made = Made(adapter=cell.adapter, task=cell.task, seed=cell.seed)
    store.commit_cell(cell, cell_record(cell, cell.request, made, TRAIN), [])
    for score in scores:
        store.commit_evaluation(cell, score, evaluation_record(score, made), [])
    if weights:
        store.weights_folder(cell).mkdir()
        (store.weights_folder(cell) / "adapter_model.safetensors").write_bytes(b"\x02" + bytes(7) + b"{}")


def test_runs_that_are_done_are_taken_off_and_their_seeds_count(plan: Plan, tmp_path: Path) -> None:
    store = Store(tmp_path)
    fresh = Designer(plan, estimate_costs(plan, store), assumed_variances, "gold_nll")
    for cell in plan.cells:
        if cell.adapter != "lora":
            record(store, cell, plan.evaluations_of(cell))
    begun = Designer(plan, estimate_costs(plan, store), assumed_variances, "gold_nll")

    def seconds(own: Designer, seeds: int, tokens: int = 3000, items: int = 36) -> float:
        return own.offer(Design(("full", "layer_lora"), seeds, tokens, items, items)).seconds

    assert (seconds(begun, 2), seconds(begun, 3)) == (0.0, 0.0)
    assert seconds(begun, 5) == pytest.approx(START + 2 * (seconds(fresh, 4) - seconds(fresh, 3)))
    own = Amounts(3000, 36, 36, documents=36)
    assert begun.typed().seconds == pytest.approx(START + 3 * fresh.costs.runs["lora"].seconds(own))
    # Other items and other trainings are made anew: no weights are there.
    assert seconds(begun, 3, items=60) == pytest.approx(seconds(fresh, 3, items=60))
    assert seconds(begun, 3, tokens=12000) == pytest.approx(seconds(fresh, 3, tokens=12000))


def test_weights_that_are_kept_are_scored_on_other_items(plan: Plan, tmp_path: Path) -> None:
    store, own = Store(tmp_path), amounts(3000, 60, 60)
    fresh = estimate_costs(plan, store)
    for cell in plan.cells:
        record(store, cell, plan.evaluations_of(cell), weights=cell.adapter == "lora")
    begun = estimate_costs(plan, store)
    for adapter, training in (("full", 0.0), ("lora", 3 * 3000 * fresh.runs["lora"].per_token)):
        whole, left = (costs.seconds([adapter], 3, own, Reuse.TRAININGS) for costs in (fresh, begun))
        assert left == pytest.approx(whole - training)


def test_an_evaluation_that_is_missing_is_left(plan: Plan, tmp_path: Path) -> None:
    store, own = Store(tmp_path), amounts(3000, 36, 36)
    fresh = estimate_costs(plan, store)
    cell = next(cell for cell in plan.cells if cell.adapter == "lora")
    in_domain, out_of_domain = plan.evaluations_of(cell)
    record(store, cell, [in_domain], weights=True)
    only = make_plan(plan.study.model_copy(update={"eval_tasks": ()}))
    scored = estimate_costs(only, store).runs["lora"]
    begun = estimate_costs(plan, store).left[Reuse.ALL]["lora"]
    assert out_of_domain.task == "manuals_qa"
    spent = scored.per_item * 36 + scored.per_answer * 36 + fresh.runs["lora"].per_token * 3000
    assert begun[0].seconds(own) == pytest.approx(fresh.runs["lora"].seconds(own) - spent)
    assert begun[1] == fresh.runs["lora"]


def test_trials_that_are_done_are_taken_off_where_the_trainings_stay(
    plan: Plan, study: Study, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    training = study.training.model_copy(update={"tune_lr": 3})
    trials = make_plan(study.model_copy(update={"training": training}))
    fresh = estimate_costs(plan, store, trials)
    assert fresh.search_left == fresh.search
    first = next(cell for cell in trials.cells if cell.adapter == "lora")
    record(store, first, trials.evaluations_of(first))
    begun, own = estimate_costs(plan, store, trials), amounts(3000, 36, 36)
    whole = begun.search["lora"].seconds(own)
    assert begun.search == fresh.search
    assert begun.search_left["lora"].seconds(own) == pytest.approx(whole * 2 / 3)
    for reuse, share in ((Reuse.ALL, 2 / 3), (Reuse.TRAININGS, 2 / 3), (Reuse.NOTHING, 1.0)):
        without = replace(begun, search={}, search_left={}).seconds(["lora"], 3, own, reuse)
        assert begun.seconds(["lora"], 3, own, reuse) - without == pytest.approx(whole * share)


def test_documents_of_lm_eval_are_limited_with_the_items(study: Study, tmp_path: Path) -> None:
    def seconds(tasks: list[str], limit: int | None, items: int) -> float:
        asked = make_plan(Study.model_validate({**study.model_dump(), "eval_tasks": tasks, "limit": limit}))
        costs = estimate_costs(asked, Store(tmp_path))
        own = Designer(asked, costs, assumed_variances, "gold_nll")
        return own.offer(Design(("full", "layer_lora"), 3, 3000, items, 12)).seconds

    def documents(name: str, limit: int | None, items: int) -> float:
        """What a task of lm-eval adds, in documents of seven models: two adapters, three seeds, and the base."""
        added = seconds(["manuals_qa", name], limit, items) - seconds(["manuals_qa"], limit, items)
        read = seconds_a_token(make_plan(study)) * LM_EVAL_TOKENS
        return added / read / 7

    assert documents("lm_eval:arc_easy", 36, 60) == pytest.approx(60)
    assert documents("lm_eval:arc_easy", 36, 36) == pytest.approx(36)
    assert documents("lm_eval:arc_easy:limit=50", 36, 60) == pytest.approx(50)


def seconds_of(offer: Offer) -> float:
    return offer.seconds


def test_drift_is_dropped_where_the_typed_design_has_it(plan: Plan, study: Study, tmp_path: Path) -> None:
    costs = Costs(COSTS.base, {name: replace(RUN, drift=20.0) for name in COSTS.runs})
    own = designer(plan, costs=costs)
    assert own.typed().seconds == START + 36 + 9 * (10 + 30 + 36 + 18 + 20)
    offers = own.search(1200, Aim.CHANGE)
    assert [offer.seconds for offer in offers] == [
        offer.seconds for offer in designer(plan).search(1200, Aim.CHANGE)
    ]
    assert not any(offer.design.drift for offer in offers)
    without = make_plan(study.model_copy(update={"drift": False}))
    assert {cost.drift for cost in estimate_costs(without, Store(tmp_path)).runs.values()} == {0.0}


def test_the_half_width_of_a_design_is_that_of_its_items_and_seeds(plan: Plan) -> None:
    typed = designer(plan).typed()
    assert typed.design == Design(("full", "lora", "layer_lora"), 3, 3000, 36, 36, drift=True)
    assumed = assumed_variances(3000)[Varying(GAP, "gold_nll", "k8s_qa", "k8s_qa")]
    width = typed.half_widths[Aim.IN_DOMAIN]
    assert width.at_best == spread_of(assumed).half_width([ItemSet(36, 18.0)], 3)
    assert width.bounded == spread_of(assumed, bounded=True).half_width([ItemSet(36, 18.0)], 3)
    assert typed.seconds == START + 36 + 9 * (10 + 30 + 36 + 18)


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
            seconds = COSTS.seconds(design.adapters, seeds, amounts(3000, items, 12))
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
    assert (study.drift, made.drift) == (True, False)
    same = {"adapters", "seeds", "limit", "scoring", "training", "drift"}
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
    assert found["typed_design"]["design"]["seeds"] == 5
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
