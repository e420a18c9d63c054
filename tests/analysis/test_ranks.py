"""Ranks: who leads, who shares, who has none."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from planted import Made, failed, write

from medcot_bench.analysis.build import build
from medcot_bench.analysis.ranks import rank
from medcot_bench.results.folder import load
from medcot_bench.results.leaderboard import Rank
from medcot_bench.stats.contrasts import Part, SeedValues, contrast
from medcot_bench.stats.p_values import difference

GROUPS = {str(n): str(n) for n in range(40)}


def values(mean: float, noise: float = 0.02, seeds: int = 3) -> SeedValues:
    rng = random.Random(f"{mean} {noise}")
    return {s: {item: mean + rng.gauss(0, noise) for item in GROUPS} for s in range(seeds)}


def test_what_is_not_told_from_the_best_shares_its_rank_and_the_next_counts_all_before() -> None:
    rows = {
        "c": values(0.2),
        "a": values(0.8),
        "b": values(0.8, noise=0.021),
        "d": values(0.1),
        "e": values(0.201),
    }
    assert {name: str(rank) for name, rank in rank(rows, GROUPS, "answer").items()} == {
        "a": "1=",
        "b": "1=",
        "c": "3=",
        "d": "5",
        "e": "3=",
    }


def test_lower_is_better_for_likelihoods() -> None:
    rows = {"a": values(0.8), "b": values(0.3)}
    assert rank(rows, GROUPS, "gold_nll") == {"b": Rank(1, False, "gold_nll"), "a": Rank(2, False, "gold_nll")}
    assert [*rank(rows, GROUPS, "answer")] == ["a", "b"]


def test_what_can_t_be_told_is_a_tie() -> None:
    high, low = ({seed: {"x": value} for seed in range(2)} for value in (1.0, 0.0))
    assert rank({"a": high, "b": low}, {"x": "x"}, "answer") == {
        "a": Rank(1, True, "answer"),
        "b": Rank(1, True, "answer"),
    }
    assert rank({"a": values(0.8), "b": {9: {"x": 1.0}}}, GROUPS, "answer") == {}
    assert rank({}, {}, "answer") == {}


def test_one_common_seed_ranks_nothing() -> None:
    """It compares models: equal methods would be split in a quarter of studies."""
    one = {name: values(mean, seeds=1) for name, mean in (("a", 0.8), ("b", 0.2))}
    assert rank(one, GROUPS, "answer") == {}
    assert rank({**one, "a": values(0.8)}, GROUPS, "answer") == {}


def test_ranks_are_adjusted_for_all_pairs() -> None:
    """Which row leads is the data's choice: of three tests at p = 0.04, 0.04 and 1 none splits a rank."""
    rng = random.Random(1)
    noise = {s: {item: rng.gauss(0, 1) for item in GROUPS} for s in range(5)}

    def lead(by: float) -> SeedValues:
        return {s: {item: by + value for item, value in row.items()} for s, row in noise.items()}

    def p_of(by: float) -> float:
        return difference(contrast([Part(lead(by), GROUPS)])) or 0.0

    flat = {s: dict.fromkeys(GROUPS, 0.0) for s in range(5)}
    by = next(step / 1000 for step in range(2000) if p_of(step / 1000) < 0.04)
    alone = rank({"lead": lead(by), "flat": flat}, GROUPS, "answer")
    among = rank({"lead": lead(by), "flat": flat, "other": flat}, GROUPS, "answer")
    assert {name: one.place for name, one in alone.items()} == {"lead": 1, "flat": 2}
    assert {one.place for one in among.values()} == {1}


def test_a_row_that_lacks_a_seed_is_not_ranked_and_takes_nothing_from_the_others(tmp_path: Path) -> None:
    def scored(mean: float, seed: int) -> dict[str, dict[str, dict[str, float]]]:
        return {"k8s_qa": {"answer": dict(values(mean)[seed])}}

    made = [
        Made(adapter=adapter, seed=seed, scores=scored(mean, seed))
        for adapter, mean in (("full", 0.8), ("lora", 0.5), ("qlora", 0.3))
        for seed in range(3)
    ]
    made[-1] = replace(made[-1], train=None, scores={}, attempts=[failed("oom", "no memory")])
    base = Made(adapter="none", seed=None, task=None, scores=scored(0.1, 0))
    ranks = {
        row.adapter: row.tasks["k8s_qa"].ranks.get("k8s_qa")
        for row in build(load(write(tmp_path, base, *made))).rows
    }
    places = {"none": 3, "full": 1, "lora": 2, "qlora": None}
    assert ranks == {
        name: None if place is None else Rank(place, False, "answer") for name, place in places.items()
    }
