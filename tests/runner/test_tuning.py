"""Learning rates tried for real: the best on validation items trains every seed, at its own cost."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

import medcot_bench
from medcot_bench.analysis.build import build
from medcot_bench.analysis.matched import match_gaps
from medcot_bench.errors import MedcotError
from medcot_bench.planning.build import make_plan
from medcot_bench.report.rate_table import read_rate_check

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_workers")]
RATES = (1e-3, 1e-2)


@pytest.fixture
def fields(study_fields: dict[str, Any]) -> dict[str, Any]:
    return study_fields | {
        "adapters": "none,full,lora",
        "seeds": (0, 1),
        "data": {},  # bundled items: there are validation items among them
        "training": {"train_tokens": 1500, "batch_size": 2, "tune_lr": RATES},
        "scoring": {"scores": ("gold_nll",)},
    }


def test_the_rate_with_the_least_loss_trains_every_seed(fields: dict[str, Any], tmp_path: Path) -> None:
    results = medcot_bench.run(fields)
    assert len(results.trials) == 2 * len(RATES)  # adapters by rates, one seed
    for adapter in ("full", "lora"):
        trials = [trial for trial in results.trials if trial.adapter == adapter]
        assert {trial.rate for trial in trials} == set(RATES)
        best = min(trials, key=lambda trial: trial.loss or 0.0)
        assert [trial.rate for trial in trials if trial.chosen] == [best.rate]
        cells = [cell for cell in results.cells if cell.cell.adapter == adapter]
        assert [cell.cell.seed for cell in cells] == [0, 1]
        assert {cell.record.request["recipe"]["lr"] for cell in cells if cell.record} == {best.rate}
        kept = adapter == "lora"  # the weights of full fine-tuning are dropped, so that it trains again
        assert [0 < trial.reused < trial.seconds for trial in trials] == [kept] * len(RATES)
    table = (results.root / "leaderboard.md").read_text()
    assert "### Learning rates tried" in table
    assert "is at the edge of those tried" in table  # of two rates, each is one
    last = results.trials[-1]
    by_hand = fields | {"adapters": last.adapter, "seeds": (0,), "output_dir": str(tmp_path / "by_hand")}
    by_hand |= {"training": {"train_tokens": 1500, "batch_size": 2, "lr": last.rate}, "limit": None}
    by_hand["scoring"] = {"scores": ("gold_nll",), "split": "validation"}
    [cell] = medcot_bench.run(by_hand).cells
    assert cell.evaluations["k8s_qa"].results["gold_nll,none"] == last.loss


def test_a_finished_study_tries_nothing_again(
    fields: dict[str, Any], study_file: Callable[..., Path], start: Any
) -> None:
    path = study_file(**{**fields, "adapters": "lora"})
    first = start(str(path))
    assert first.wait() == 0
    stages = [(event["stage"], event["to_run"]) for event in first.events if event["event"] == "planned"]
    assert stages == [("trials", 2), ("study", 2)]
    titles = [event["title"] for event in first.events if event["event"] == "cell_started"]
    assert titles[:2] == ["lora × k8s_qa × seed 0 × lr 0.001", "lora × k8s_qa × seed 0 × lr 0.01"]
    again = start(str(path))
    assert again.wait() == 0
    assert [event["to_run"] for event in again.events if event["event"] == "planned"] == [0, 0]
    before, after = ((medcot_bench.load(fields["output_dir"])).trials for _ in range(2))
    assert before == after


def test_rates_within_the_noise_race_by_seeds_and_are_all_judged(fields: dict[str, Any]) -> None:
    slow, near, same = 1e-6, 1e-2, 1e-2 * (1 + 1e-12)  # the last two train the same weights
    fields |= {"adapters": "full,lora", "eval_tasks": "manuals_qa", "seeds": (3, 5), "limit": 4}
    fields["training"] = {"max_steps": 2, "batch_size": 2, "tune_lr": (slow, near, same), "race_seeds": 2}
    fields["analysis"] = {"primary": "gold_nll"}
    results = medcot_bench.run(fields)
    of_full = [(t.seed, t.rate, t.kept) for t in results.trials if t.adapter == "full"]
    assert sorted(of_full) == [
        (3, slow, False),
        (3, near, True),
        (3, same, True),
        (5, near, True),
        (5, same, True),
    ]
    kept = {
        adapter: {t.rate for t in results.trials if t.kept and t.adapter == adapter}
        for adapter in ("full", "lora")
    }
    assert kept["full"] == {near, same} <= kept["lora"]  # two steps of a small adapter may tell nothing apart
    plan = make_plan(medcot_bench.Study.model_validate(fields))
    groups = {item.id: item.group for item in plan.items.scored("k8s_qa")}
    for trial in results.trials:
        losses = [loss for of_group in trial.losses.values() for loss in of_group.values()]
        assert trial.loss == pytest.approx(fmean(losses), rel=1e-9)
        assert {item: group for group, found in trial.losses.items() for item in found} == groups

    means: dict[tuple[str, float, str], list[float]] = {}
    for cell in (*results.cells, *results.kept_rates):
        assert cell.record
        for task, score in cell.evaluations.items():
            at = (cell.row, cell.record.request["recipe"]["lr"], task)
            means.setdefault(at, []).append(score.results["gold_nll,none"])
    assert {(row, rate) for row, rate, _ in means} == {
        (row, rate) for row, rates in kept.items() for rate in rates
    }
    assert {len(of_seeds) for of_seeds in means.values()} == {2}
    chosen = {(trial.adapter, trial.rate) for trial in results.trials if trial.chosen}
    assert {(cell.row, cell.record.request["recipe"]["lr"]) for cell in results.cells if cell.record} == chosen

    board = build(results)
    [check] = board.rate_checks
    assert {(pair.full, pair.adapter) for pair in check.pairs} == {*product(kept["full"], kept["lora"])}
    for ends, task in ((check.in_domain, "k8s_qa"), (check.out_of_domain, "manuals_qa")):
        gaps = [
            fmean(means["lora", own, task]) - fmean(means["full", full, task])  # less is better
            for full, own in product(kept["full"], kept["lora"])
        ]
        assert ends == pytest.approx((min(gaps), max(gaps)), rel=1e-6)
    full = board.rows[0]
    assert full.costs
    scoring = [
        one.phase.seconds for cell in results.kept_rates if cell.row == "full" for one in cell.evaluations.values()
    ]
    spent = [trial.seconds for trial in results.trials if trial.adapter == "full"]  # no weights of it are kept
    assert full.costs.tuning_seconds == pytest.approx(sum([*spent, *scoring]), rel=1e-9)
    table = (results.root / "leaderboard.md").read_text()
    assert "full on k8s_qa: 2 learning rates within the noise" in table
    assert read_rate_check(check) in table
    again = medcot_bench.run(fields)
    assert again.trials == results.trials
    assert [cell.record for cell in again.kept_rates] == [cell.record for cell in results.kept_rates]


def test_a_rate_that_diverges_has_had_its_try(fields: dict[str, Any]) -> None:
    fields |= {"adapters": "full", "seeds": (0,)}
    fields["training"] |= {"tune_lr": (1e-3, 1e30)}
    results = medcot_bench.run(fields)
    assert [(trial.rate, trial.loss is None, trial.chosen) for trial in results.trials] == [
        (1e-3, False, True),
        (1e30, True, False),
    ]
    [row] = [row for row in build(results).rows if row.task]
    assert row.costs
    assert row.costs.tuning_seconds == results.trials[0].seconds + results.trials[1].seconds
    assert results.trials[1].seconds > 0
    fields["training"] |= {"tune_lr": (1e29, 1e30)}
    with pytest.raises(MedcotError, match="adapter full on k8s_qa: every learning rate tried diverged"):
        medcot_bench.run(fields)


def test_with_nothing_to_train_the_base_is_scored(fields: dict[str, Any]) -> None:
    [base] = medcot_bench.run(fields | {"adapters": "none"}).cells
    assert set(base.evaluations) == {"k8s_qa"}


def test_models_at_other_rates_are_points_of_the_curves_and_choose_nothing(fields: dict[str, Any]) -> None:
    fields |= {"adapters": "none,full,lora", "seeds": (0,), "eval_tasks": "manuals_qa"}
    without = medcot_bench.run(fields | {"output_dir": fields["output_dir"] + "_without"})
    assert not without.other_rates
    fields["training"] |= {"checkpoints": 1}
    results = medcot_bench.run(fields)
    assert [(t.adapter, t.rate, t.loss, t.chosen) for t in results.trials] == [
        (t.adapter, t.rate, t.loss, t.chosen) for t in without.trials
    ]
    assert [trial.reused for trial in results.trials] == [0.0] * 4  # a trial makes no checkpoints
    assert [cell.cell.adapter for cell in results.other_rates] == ["full", "lora"]
    for cell in results.other_rates:
        assert {task: set(score.results) for task, score in cell.evaluations.items()} == {
            task: {"gold_nll,none", "gold_nll_stderr,none"} for task in ("k8s_qa", "manuals_qa")
        }
        assert len(results.samples(cell, "manuals_qa")) == fields["limit"]
    lora = next(cell for cell in results.cells if cell.cell.adapter == "lora")
    assert set(lora.checkpoints) == {("1/2", "k8s_qa"), ("1/2", "manuals_qa")}
    rates = {t.adapter: t.rate for t in results.trials if not t.chosen}
    assert all(cell.record and cell.record.divergence for cell in (*results.cells[1:], *results.other_rates))
    named = {matched.adapter for matched in match_gaps(results)}
    assert named <= {"lora", *(f"{adapter} at lr {rate:g}" for adapter, rate in rates.items())}
    again = medcot_bench.run(fields)
    assert [cell.evaluations for cell in again.other_rates] == [cell.evaluations for cell in results.other_rates]


def test_a_shift_that_can_not_be_scored_keeps_no_rate_from_being_chosen(
    fields: dict[str, Any], write_rows: Any
) -> None:
    rows = [{"id": str(n), "question": "Why?", "answer": "because " * 300, "context": "c"} for n in range(3)]
    long = write_rows("long.jsonl", [row | {"group": row["id"], "split": "eval"} for row in rows])
    fields |= {"adapters": "none,full,lora", "seeds": (0,), "eval_tasks": "manuals_qa"}
    fields["data"] = {"manuals_qa": f"file:{long}"}
    fields["scoring"] |= {"max_length": 400, "overlong": "drop"}
    fields["training"] |= {"checkpoints": 1}
    results = medcot_bench.run(fields)
    assert {trial.adapter for trial in results.trials if trial.chosen} == {"full", "lora"}
    assert all("k8s_qa" in cell.evaluations for cell in results.cells)


def test_rates_are_chosen_by_the_training_task_also_where_validation_is_what_is_scored(
    fields: dict[str, Any],
) -> None:
    fields |= {"tasks": "k8s_qa,kubectl", "adapters": "none,full,lora", "seeds": (0,)}
    fields["training"] |= {"checkpoints": 1}
    fields["scoring"] |= {"split": "validation"}
    plan = make_plan(medcot_bench.Study.model_validate(fields))
    for cell in plan.cells:
        [choosing] = [score for score in plan.evaluations_of(cell) if score.chooses]
        assert choosing.task == cell.task
