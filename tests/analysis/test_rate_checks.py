"""Verdicts at the learning rates that a race left beside the chosen ones."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from planted import TRAIN, Made, write
from sealed import write_sealed

from medcot_bench.analysis.build import build
from medcot_bench.analysis.rate_checks import check_rates
from medcot_bench.analysis.recommendation_rates import recommend_over_rates
from medcot_bench.report.headline import write_headline
from medcot_bench.report.rate_table import rate_check_table, read_rate_check
from medcot_bench.report.recommendation import write_recommendation
from medcot_bench.results.folder import load
from medcot_bench.results.rate_checks import RateCheck

TASKS = ("k8s_qa", "manuals_qa")
ITEMS, SEEDS = 60, 3
CHOSEN, KEPT = 1e-4, 3.2e-4
Values = dict[tuple[str, str], list[list[float]]]
"""Name and task -> seed -> item -> value."""


def plant(root: Path, means: Mapping[str, tuple[float, float]], unfinished: str = "") -> Values:
    """Write a study with these means on the two tasks; models called `...:again=1` are at the kept rate."""
    rng = random.Random(3)
    values: Values = {}
    low: dict[str, Any] = {task: {"answer": {f"{task} {n}": 0.1 for n in range(ITEMS)}} for task in TASKS}
    made = [Made(adapter="none", seed=None, task=None, scores=low)]
    for name, both in means.items():
        for seed in range(SEEDS):
            for task, mean in zip(TASKS, both, strict=True):
                drawn = [mean + rng.gauss(0, 0.02) for _ in range(ITEMS)]
                values.setdefault((name, task), []).append(drawn)
            scores: dict[str, Any] = {
                task: {"answer": {f"{task} {n}": value for n, value in enumerate(values[name, task][seed])}}
                for task in TASKS
                if (name, seed, task) != (unfinished, 1, "manuals_qa")
            }
            made.append(Made(adapter=name, seed=seed, scores=scores, score_seconds=2.0))
    write(root, *made)
    for path in root.glob("cells/*/cell.json"):
        record = json.loads(path.read_text())
        record["request"]["recipe"] = {"lr": KEPT if "again" in record["adapter"] else CHOSEN}
        record["adapter"] = record["adapter"].partition(":")[0]
        write_sealed(path, record)
    plan = json.loads((root / "plan.json").read_text())
    kept = [cell for cell in plan["cells"] if "again" in cell["key"]["adapter"]]
    plan["cells"] = [cell for cell in plan["cells"] if cell not in kept]
    for cell in kept:
        cell["key"]["adapter"] = cell["key"]["adapter"].partition(":")[0]
    write_sealed(root / "plan.json", plan | {"kept_rates": kept})
    return values


def only(root: Path) -> RateCheck:
    (found,) = (check for check in build(load(root)).rate_checks if check.found.score == "answer")
    return found


def gap(values: Values, full: str, adapter: str, task: str) -> float:
    return fmean(map(fmean, values[full, task])) - fmean(map(fmean, values[adapter, task]))


def test_a_verdict_that_holds_at_every_pair_of_rates_is_robust(tmp_path: Path) -> None:
    means = {"full": (0.8, 0.6), "full:again=1": (0.82, 0.62), "lora": (0.6, 0.4), "lora:again=1": (0.61, 0.41)}
    values = plant(tmp_path, means)
    found = only(tmp_path)
    pairs = {(pair.full, pair.adapter): pair.found for pair in found.pairs}
    assert [*pairs] == [(CHOSEN, CHOSEN), (CHOSEN, KEPT), (KEPT, CHOSEN), (KEPT, KEPT)]
    names = {CHOSEN: "", KEPT: ":again=1"}
    for (full, own), pair in pairs.items():
        for side in (pair.in_domain, pair.out_of_domain):
            expected = gap(values, f"full{names[full]}", f"lora{names[own]}", side.task)
            assert side.gap.found.value == pytest.approx(expected, rel=1e-9)
    assert found.robust
    gaps = [gap(values, f"full{a}", f"lora{b}", "manuals_qa") for a in names.values() for b in names.values()]
    assert found.out_of_domain == pytest.approx((min(gaps), max(gaps)), rel=1e-9)
    assert read_rate_check(found) == "robust to rates (4 pairs)"
    [row] = rate_check_table((found,)).rows
    low, high = found.in_domain
    assert row[:4] == ["k8s_qa", "lora", "manuals_qa", "answer"]
    assert row[4] == f"{low:+.3f} to {high:+.3f}"


def test_a_verdict_that_another_rate_turns_depends_on_it(tmp_path: Path) -> None:
    plant(tmp_path, {"full": (0.8, 0.6), "full:again=1": (0.8, 0.3), "lora": (0.6, 0.4)})
    found = only(tmp_path)
    assert [(pair.full, pair.adapter) for pair in found.pairs] == [(CHOSEN, CHOSEN), (KEPT, CHOSEN)]
    assert not found.robust
    assert found.out_of_domain == pytest.approx((-0.1, 0.2), abs=0.01)
    assert read_rate_check(found) == "depends on the rate (the same at 1 of 2 pairs)"


def test_the_headline_says_only_that_a_verdict_depends_on_the_rate(tmp_path: Path) -> None:
    plant(tmp_path / "turns", {"full": (0.8, 0.6), "full:again=1": (0.8, 0.3), "lora": (0.6, 0.4)})
    said = write_headline(build(load(tmp_path / "turns"))).verdict
    assert said == (
        "Verdict: the gap persists out of domain; it depends on the learning rate (the same at 1 of 2 pairs of "
        "rates)."
    )
    plant(tmp_path / "holds", {"full": (0.8, 0.6), "full:again=1": (0.81, 0.61), "lora": (0.6, 0.4)})
    assert write_headline(build(load(tmp_path / "holds"))).verdict == "Verdict: the gap persists out of domain."


@pytest.mark.parametrize(("other", "instead"), [(0.79, ()), (0.4, ("lora",))])
def test_a_recommendation_names_what_other_rates_recommend(
    other: float, instead: tuple[str, ...], tmp_path: Path
) -> None:
    plant(tmp_path, {"full": (0.8, 0.6), "full:again=1": (other, 0.6), "lora": (0.6, 0.4)})
    results = load(tmp_path)
    board = build(results)
    (found,) = board.recommendations
    assert (found.recommended, found.at_other_rates) == ("full", instead)
    assert [*recommend_over_rates(results, board, found.memory_gb)] == [found]
    said = write_recommendation(found)
    line = "This depends on the learning rate: others within the noise of the best recommend lora."
    assert said[1:2] == [line] if instead else line not in said
    nothing = write_recommendation(replace(found, at_other_rates=("lora", None)))
    assert nothing[1].endswith("recommend lora or nothing.")


def test_nothing_is_said_of_rates_that_are_not_finished(tmp_path: Path) -> None:
    means = {"full": (0.8, 0.6), "full:again=1": (0.8, 0.3), "lora": (0.6, 0.4)}
    plant(tmp_path, means, "full:again=1")
    board = build(load(tmp_path))
    assert (board.rate_checks, board.unfinished) == ((), 1)
    assert check_rates(load(tmp_path), ()) == ()


def test_models_at_kept_rates_make_no_rows_and_are_charged(tmp_path: Path) -> None:
    plant(tmp_path, {"full": (0.8, 0.6), "full:again=1": (0.8, 0.6), "lora": (0.6, 0.4)})
    plan = json.loads((tmp_path / "plan.json").read_text())
    tried = {"task": "k8s_qa", "adapter": "full", "loss": 0.5, "seconds": 11.0, "seed": 0}
    trials = [{**tried, "rate": CHOSEN, "chosen": True, "reused": 10.0}, {**tried, "rate": KEPT}]
    write_sealed(tmp_path / "plan.json", plan | {"trials": trials})
    rows = {row.adapter: row for row in build(load(tmp_path)).rows}
    assert [*rows] == ["none", "full", "lora"]
    assert rows["full"].seeds == (0, 1, 2)
    costs = {name: row.costs.tuning_seconds for name, row in rows.items() if row.task and row.costs}
    # Two trials, one of them the study's own training; two seeds that were no trial; three seeds on two tasks.
    assert costs == {"full": 1.0 + 11.0 + 2 * TRAIN.seconds + 3 * 2 * 2.0, "lora": 0.0}
