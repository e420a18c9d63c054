"""Which learning rates are tried, and which one wins."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from planted import TRAIN, Made, cell_record, evaluation_record, failed, samples, write
from sealed import write_sealed

from medcot_bench.analysis.build import build
from medcot_bench.cli import main
from medcot_bench.errors import ConfigErrors, MedcotError
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.grid import make_cells
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.plan_record import record as record_plan
from medcot_bench.planning.tuning import reach_trials, trials_of, untried_cells, with_chosen_rates
from medcot_bench.results.cells import Cell
from medcot_bench.results.folder import load
from medcot_bench.results.store import Store
from medcot_bench.results.trials import Trial, at_edge
from medcot_bench.study.loading import load_study
from medcot_bench.study.schema import Study


def trial(rate: float, loss: float | None, seed: int = 0, adapter: str = "lora", chosen: bool = False) -> Trial:
    return Trial(adapter=adapter, task="k8s_qa", seed=seed, rate=rate, loss=loss, seconds=1.0, chosen=chosen)


def scored(plan: Plan, store: Store, cell: Cell, losses: Mapping[str, float], *, published: bool = False) -> None:
    """Write a trial as trained and scored, with a loss of each validation item; published ones have no samples."""
    [choosing] = plan.evaluations_of(cell)
    store.commit_cell(cell, cell_record(cell, cell.request, Made(adapter=cell.adapter), TRAIN), [])
    record = evaluation_record(choosing, Made(adapter=cell.adapter, score_seconds=2.0))
    record = replace(record, results={"gold_nll,none": fmean(losses.values())})
    store.commit_evaluation(cell, choosing, record, samples({"gold_nll": losses}))
    if published:
        (store.cell_folder(cell) / "samples" / f"{choosing.name}.jsonl").unlink()


CLOSE = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0, "e": 2.0, "f": 3.0}  # in the groups 1, 1, 2, 2, e, f
CLOSER = {"a": 0.9, "b": 2.3, "c": 3.1, "d": 3.8, "e": 2.15, "f": 2.9}
FAR = {"a": 9.0, "b": 9.9, "c": 9.9, "d": 9.6, "e": 9.5, "f": 9.7}


def tuned(study_fields: dict[str, Any], **training: Any) -> Plan:
    fields = {"adapters": "full", "data": {}, "seeds": (4, 5, 6), "training": {"tune_lr": 3, **training}}
    return make_plan(Study.model_validate(study_fields | fields))


def test_a_trial_keeps_the_loss_of_every_validation_item(study_fields: dict[str, Any], tmp_path: Path) -> None:
    plan, store = tuned(study_fields), Store(tmp_path / "store")
    first, second, third = plan.cells
    scored(plan, store, first, CLOSE)
    scored(plan, store, second, CLOSER, published=True)
    scored(plan, store, third, FAR)
    of_first, of_second, of_third = trials_of(plan, store)
    assert of_first.losses == {
        "1": {"a": 1.0, "b": 2.0},
        "2": {"c": 3.0, "d": 4.0},
        "e": {"e": 2.0},
        "f": {"f": 3.0},
    }
    assert of_first.loss == 2.5
    assert (of_second.losses, of_second.loss) == ({}, pytest.approx(2.525))
    assert [(t.chosen, t.kept) for t in (of_first, of_second, of_third)] == [
        (True, True),
        (False, False),  # nobody knows
        (False, False),
    ]


def test_rates_within_the_noise_are_marked_and_race_only_where_the_study_asks_for_it(
    study_fields: dict[str, Any], tmp_path: Path
) -> None:
    plan, store = tuned(study_fields), Store(tmp_path / "store")
    for cell, losses in zip(plan.cells, (CLOSE, CLOSER, FAR), strict=True):
        scored(plan, store, cell, losses)
    assert [(t.chosen, t.kept) for t in trials_of(plan, store)] == [(True, True), (False, True), (False, False)]
    assert reach_trials(plan, store) == plan
    assert untried_cells(plan, store) == []

    racing = tuned(study_fields, race_seeds=2)
    reached = reach_trials(racing, store)
    assert {cell.id for cell in plan.cells} < {cell.id for cell in racing.cells}  # the same trainings
    due = untried_cells(reached, store)
    assert [(todo.cell.seed, racing.recipe(todo.cell).lr) for todo in due] == [(5, 3.2e-5), (5, 1e-4)]
    assert {one.cell for one in reached.evaluations} == {cell.id for cell in reached.cells}
    with pytest.raises(MedcotError, match=r"^2 of 5 trainings that try learning rates failed"):
        with_chosen_rates(racing.study, reached, store)

    slower, faster = (todo.cell for todo in due)
    scored(racing, store, slower, FAR)
    scored(racing, store, faster, CLOSE)
    reached = reach_trials(racing, store)
    assert untried_cells(reached, store) == []
    trials = trials_of(reached, store)
    assert [(t.seed, t.rate, t.chosen) for t in trials] == [
        (4, 3.2e-5, False),
        (4, 1e-4, True),
        (4, 3.2e-4, False),
        (5, 3.2e-5, False),
        (5, 1e-4, True),
    ]
    assert with_chosen_rates(racing.study, reached, store).training.rates == {"full": {"k8s_qa": 1e-4}}
    assert [t.seconds for t in trials] == [TRAIN.seconds + 2.0] * 5  # all of them are charged


def test_what_a_race_leaves_is_trained_with_every_seed_and_makes_no_row(
    study_fields: dict[str, Any], tmp_path: Path
) -> None:
    racing, store = tuned(study_fields, race_seeds=2, checkpoints=1), Store(tmp_path / "store")
    low, middle, _ = (racing.recipe(cell).lr for cell in racing.cells[:3])
    for cell in racing.cells:
        rate = racing.recipe(cell).lr
        one = {low: CLOSE, middle: CLOSER}.get(rate, FAR)
        store.commit_cell(cell, cell_record(cell, cell.request, Made(adapter="full"), TRAIN), [])
        [choosing] = [score for score in racing.evaluations_of(cell) if score.chooses]
        record = evaluation_record(choosing, Made(adapter="full"))
        record = replace(record, results={"gold_nll,none": fmean(one.values())})
        store.commit_evaluation(cell, choosing, record, samples({"gold_nll": one}))
    reached = reach_trials(racing, store)
    study = with_chosen_rates(racing.study, reached, store)
    assert (study.training.rates, study.training.kept_rates) == (
        {"full": {"k8s_qa": low}},
        {"full": {"k8s_qa": (middle,)}},
    )
    plan = make_plan(study)
    cells = [(cell.seed, plan.recipe(cell).lr) for cell in plan.cells]
    assert cells == [(seed, rate) for seed in (4, 5, 6) for rate in (low, middle)]
    assert {cell.id for cell in racing.cells} & {cell.id for cell in plan.cells} == {
        cell.id for cell in racing.cells if racing.recipe(cell).lr in (low, middle)
    }
    written = record_plan(plan, reached, trials_of(reached, store))
    ids = {cell.id: plan.recipe(cell).lr for cell in plan.cells}
    assert [ids[cell.key.id] for cell in written.cells] == [low] * 3
    assert [ids[cell.key.id] for cell in written.kept_rates] == [middle] * 3
    assert len(written.other_rates) == 1  # that of the first round, which is out
    at = [{one.checkpoint for one in cell.evaluations} for cell in (written.cells[0], written.kept_rates[0])]
    assert at == [{"final", "1/2"}, {"final"}]

    alone = with_chosen_rates(tuned(study_fields).study, tuned(study_fields), store)
    assert (alone.training.rates, alone.training.kept_rates) == ({"full": {"k8s_qa": low}}, None)


def test_every_adapter_races_with_the_same_seeds_at_most(study_fields: dict[str, Any]) -> None:
    fields = study_fields | {"adapters": "none,full,lora", "data": {}, "seeds": (0, 1, 2, 3)}
    plan = make_plan(Study.model_validate(fields | {"training": {"tune_lr": 2, "race_seeds": 3}}))
    assert {cell.adapter: [] for cell in plan.cells} == {"full": [], "lora": []}
    for adapter in ("full", "lora"):
        seeds = [cell.seed for cell in plan.cells if cell.adapter == adapter]
        assert seeds == [0, 0, 1, 1, 2, 2]


def test_a_trial_that_diverged_costs_what_it_took_until_then(study_fields: dict[str, Any], tmp_path: Path) -> None:
    fields = study_fields | {"adapters": "full", "data": {}, "training": {"tune_lr": 4}}
    plan, store = make_plan(Study.model_validate(fields)), Store(tmp_path / "store")
    in_training, in_scoring, of_old, _ = plan.cells
    [choosing] = plan.evaluations_of(in_scoring)
    store.add_attempt(
        in_training, replace(failed("diverged", "loss nan"), cell_id=in_training.id, seconds=7.5), "log"
    )
    store.commit_cell(in_scoring, cell_record(in_scoring, in_scoring.request, Made(adapter="full"), TRAIN), [])
    store.add_attempt(
        in_scoring, replace(failed("diverged", "no", choosing.title), cell_id=in_scoring.id, seconds=0.5), "log"
    )
    folder = store.add_attempt(of_old, replace(failed("diverged", "loss nan"), cell_id=of_old.id), "log")
    old = json.loads((folder / "error.json").read_text())
    del old["seconds"]
    write_sealed(folder / "error.json", old)
    trials = trials_of(plan, store)
    assert [(trial.loss, trial.seconds) for trial in trials] == [
        (None, 7.5),
        (None, TRAIN.seconds + 0.5),
        (None, 0.0),  # records once had no seconds
    ]
    assert [todo.cell for todo in untried_cells(plan, store)] == [plan.cells[3]]


def test_a_row_pays_for_every_rate_but_for_a_training_that_the_study_uses(tmp_path: Path) -> None:
    root = write(tmp_path, Made(adapter="full"), Made(adapter="lora"))
    used, passed_over = (replace(one, reused=0.75) for one in (trial(1e-4, 0.5, chosen=True), trial(1e-3, 0.6)))
    tried = [used, passed_over, replace(trial(1e-2, None), seconds=7.5)]
    plan = json.loads((root / "plan.json").read_text())
    write_sealed(root / "plan.json", {**plan, "trials": [asdict(one) for one in tried]})
    spent = {row.adapter: row.costs.tuning_seconds for row in build(load(root)).rows if row.costs}
    assert spent == {"full": 0.0, "lora": 0.25 + 1.0 + 7.5}


def test_a_search_that_failed_says_what_to_run_again_with_the_same_flags(
    study_fields: dict[str, Any],
    tmp_path: Path,
    study_file: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "store"
    fields = study_fields | {"adapters": "full", "training": {"tune_lr": 3}, "output_dir": str(out)}
    plan, store = make_plan(Study.model_validate(fields)), Store(out)
    done, diverged, broken = plan.cells
    [choosing] = plan.evaluations_of(done)
    store.commit_cell(done, cell_record(done, done.request, Made(adapter="full"), TRAIN), [])
    record = replace(evaluation_record(choosing, Made(adapter="full")), results={"gold_nll,none": 0.5})
    store.commit_evaluation(done, choosing, record, [])
    store.add_attempt(diverged, replace(failed("diverged", "x"), cell_id=diverged.id), "log")
    store.add_attempt(broken, replace(failed("oom", "x"), cell_id=broken.id), "log")

    def dry_run(*flags: str) -> tuple[int, str, str]:
        status = main(["run", str(study_file(**fields)), "--dry-run", *flags])
        return status, *capsys.readouterr()

    for flags in ((), ("--retry", "oom")):
        status, output, _ = dry_run(*flags)
        assert status == 0
        assert ": 1 to train, 0 to score only, 1 done, 1 left as they are\n" in output
        assert "diverged: the rate is out" in output
    status, _, error = dry_run("--retry", "none")
    assert status == 1
    assert error.endswith(f"; see {out}/cells/*/attempts/*/log, then run the same command without --retry again\n")
    with pytest.raises(MedcotError, match=r"then run the same command again$"):
        with_chosen_rates(plan.study, plan, store)


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
    assert [(score.task, score.relation, score.request["scores"]) for score in plan.evaluations] == [
        ("k8s_qa", "same_task", ["gold_nll"])
    ] * len(plan.cells)


def rates_of(fields: dict[str, Any], parameters: int, recipe: Any = None) -> dict[str, list[float]]:
    """The rates tried for each adapter, were the model of that size and its folder's recipe that one."""
    plan = make_plan(Study.model_validate(fields))
    info = replace(plan.base.info, parameters=parameters)
    plan = replace(plan, base=replace(plan.base, info=info, recipe=recipe or {}))
    rates: dict[str, list[float]] = {}
    for cell in make_cells(plan, ["k8s_qa"]):
        rates.setdefault(cell.adapter, []).append(plan.recipe(cell).lr)
    return rates


def test_full_fine_tuning_of_large_models_is_tried_down_to_1e_6(study_fields: dict[str, Any]) -> None:
    fields = study_fields | {"adapters": "full,full:select=top,full:select=bottom,lr=2e-5,lora", "data": {}}
    large = rates_of(fields | {"training": {"tune_lr": 3}}, 3_212_749_824)
    assert large == {
        "full": [1e-6, 3.2e-6, 1e-5],
        "full:select=top": [1e-6, 3.2e-6, 1e-5],
        "full:select=bottom,lr=2e-5": [6.3e-6, 2e-5, 6.3e-5],  # what was named is the middle
        "lora": [6.3e-5, 2e-4, 6.3e-4],
    }


def test_the_centre_goes_by_size_and_only_where_no_rate_is_named(study_fields: dict[str, Any]) -> None:
    fields = study_fields | {"adapters": "full", "data": {}}
    tuned = fields | {"training": {"tune_lr": 3}}
    assert rates_of(tuned, 500_000_000)["full"] == [1e-6, 3.2e-6, 1e-5]
    assert rates_of(tuned, 499_999_999)["full"] == rates_of(tuned, 134_515_008)["full"] == [3.2e-5, 1e-4, 3.2e-4]
    assert rates_of(fields | {"training": {"tune_lr": 3, "lr": 1e-4}}, 3 * 10**9)["full"] == [3.2e-5, 1e-4, 3.2e-4]
    assert rates_of(tuned, 3 * 10**9, {"full": {"lr": 1e-4}})["full"] == [3.2e-5, 1e-4, 3.2e-4]
    assert rates_of(fields | {"training": {"tune_lr": 2}}, 3 * 10**9)["full"] == [3.2e-6, 1e-5]
    assert rates_of(fields, 3 * 10**9)["full"] == [1e-5]  # untuned, the recipe's


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


@pytest.mark.parametrize(
    "given", ["1", "0", 2.7, "3,", "1e-3", "1e-3,1e-3", "-1e-3,1e-3", "a,b", {}, [1e-3, float("inf")]]
)
def test_anything_else_is_an_error_of_one_line(given: Any) -> None:
    _, errors = load_study(None, [("training.tune_lr", given)])
    assert [error.split(": ")[0] for error in errors] == ["training.tune_lr"]
    assert "give a number of rates to try" in errors[0]


def test_one_adapter_at_two_rates_can_t_be_tuned(study_fields: dict[str, Any]) -> None:
    for adapters in ("layer_lora,lora:select=top", "lora:lr=1e-3,lora:lr=1e-2"):
        fields = study_fields | {"adapters": adapters, "data": {}, "training": {"tune_lr": 3}}
        first, second = adapters.split(",")
        with pytest.raises(ConfigErrors, match=f"{first} and {second} differ in the learning rate only"):
            make_plan(Study.model_validate(fields))


def test_the_centre_is_tried_as_it_is(study_fields: dict[str, Any]) -> None:
    fields = study_fields | {"adapters": "full:lr=0.000125", "data": {}, "training": {"tune_lr": 3}}
    plan = make_plan(Study.model_validate(fields))
    assert [plan.recipe(cell).lr for cell in plan.cells] == [4e-05, 0.000125, 0.0004]


def test_splits_are_checked_before_anything_is_tried(study_fields: dict[str, Any], write_rows: Any) -> None:
    rows = [{"question": f"q{n}", "answer": "a", "context": "c"} for n in range(9)]
    no_eval = write_rows(
        "a.jsonl", [row | {"split": "train" if n < 6 else "validation"} for n, row in enumerate(rows)]
    )
    only_eval = write_rows(
        "b.jsonl", [row | {"question": f"e {n}", "split": "eval"} for n, row in enumerate(rows)]
    )
    training = {"training": {"tune_lr": 2}}
    with pytest.raises(ConfigErrors, match="has no item to score in 'eval'"):
        make_plan(Study.model_validate(study_fields | training | {"data": {"k8s_qa": f"file:{no_eval}"}}))
    fields = study_fields | training | {"eval_tasks": "manuals_qa", "data": {"manuals_qa": f"file:{only_eval}"}}
    assert make_plan(Study.model_validate(fields)).trials  # manuals_qa needs no validation items


def test_checkpoints_that_could_not_be_compared_are_refused(study_fields: dict[str, Any]) -> None:
    for changes, message in (
        ({"scoring": {"scores": ["answer"]}, "training": {"checkpoints": 1}}, "scored by gold_nll"),
        ({"training": {"checkpoints": 1, "select_by": "val_nll"}}, "with select_by=val_nll"),
    ):
        with pytest.raises(ConfigErrors, match=message):
            make_plan(Study.model_validate(study_fields | {"data": {}} | changes))


def test_checkpoints_are_points_of_the_training(study_fields: dict[str, Any]) -> None:
    for typed, names in ((4, ["1/12", "1/6", "1/3", "2/3"]), ("1/2,3/4", ["1/2", "3/4"])):
        fields = study_fields | {"data": {}, "training": {"max_steps": 2, "checkpoints": typed}}
        made = make_plan(Study.model_validate(fields)).evaluations
        assert [one.checkpoint for one in made if one.checkpoint != "final"] == names


def test_checkpoints_read_the_prompts_of_the_end(study_fields: dict[str, Any]) -> None:
    fields = study_fields | {"data": {}, "training": {"max_steps": 2, "checkpoints": 1}}
    scores = make_plan(Study.model_validate(fields)).evaluations
    rooms = {score.request.get("room") for score in scores if score.checkpoint != "final"}
    assert rooms == {8}  # max_new_tokens of the study, which writes answers at the end
    likelihoods = {**fields, "scoring": {"scores": ["gold_nll"]}}
    scores = make_plan(Study.model_validate(likelihoods)).evaluations
    assert {score.request.get("room") for score in scores if score.checkpoint != "final"} == {0}
