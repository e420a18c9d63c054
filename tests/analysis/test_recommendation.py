"""What is recommended for a training task: what works, in the least memory, and what full fine-tuning costs."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from planted import TRAIN, Made, write

from medcot_bench.analysis.build import build
from medcot_bench.analysis.recommendation import recommend
from medcot_bench.report.recommendation import write_recommendation
from medcot_bench.results.conditions import ScoredTask
from medcot_bench.results.folder import load
from medcot_bench.results.leaderboard import Leaderboard, Rank, Row
from medcot_bench.results.recommendations import Caveat, Recommendation, Worth

GIGA = 1_000_000_000
PEAKS = {"full": 30, "lora": 20, "layer_lora": 10}
TASKS = ("k8s_qa", "manuals_qa")


def plant(
    root: Path,
    means: Mapping[str, float],
    base: float | None = 0.1,
    seeds: int = 3,
    items: int = 60,
) -> Leaderboard:
    """Build the leaderboard of a study with those means on both tasks, memory falling from adapter to adapter."""
    made = []
    for adapter, mean in means.items():
        for seed in range(seeds):
            rng = random.Random(f"{adapter} {seed}")
            row = {str(n): mean + rng.gauss(0, 0.05) for n in range(items)}
            train = replace(TRAIN, peak_bytes=PEAKS[adapter] * GIGA, seconds=float(PEAKS[adapter]))
            scores = {task: {"answer": row} for task in TASKS}
            made.append(Made(adapter=adapter, seed=seed, scores=scores, train=train))
    if base is not None:
        low = {task: {"answer": {str(n): base + n / 1000 for n in range(items)}} for task in TASKS}
        made.insert(0, Made(adapter="none", seed=None, task=None, scores=low))
    return build(load(write(root, *made)))


def only(board: Leaderboard, memory: float = 24) -> Recommendation:
    (found,) = recommend(board, memory)
    return found


def said(found: Recommendation) -> str:
    return " ".join(write_recommendation(found))


def with_ranks(board: Leaderboard, ranks: Mapping[str, Rank], usual: Rank) -> Leaderboard:
    def ranked(row: Row) -> Row:
        part = row.tasks["k8s_qa"]
        part = replace(part, ranks={"k8s_qa": ranks.get(row.adapter, usual)})
        return replace(row, tasks={**row.tasks, "k8s_qa": part})

    return replace(board, rows=tuple(map(ranked, board.rows)))


FIRST = Rank(1, shared=True, score="answer")


def test_the_least_memory_of_what_shares_the_best_rank_is_recommended(tmp_path: Path) -> None:
    board = plant(tmp_path, {"full": 0.8, "lora": 0.8, "layer_lora": 0.6})
    found = only(board, 40)
    assert (found.task, found.score, found.recommended, found.tied) == ("k8s_qa", "answer", "lora", ("full",))
    assert found.caveats == ()
    assert said(found).startswith(
        "Recommended for k8s_qa (answer, up to 40 GB): lora. Statistically tied: full. "
        "Full fine-tuning costs 1.5x the memory and 1.5x the training time of lora for "
    )
    assert board.recommendations == (only(board),)


def test_what_ranks_better_but_needs_more_memory_is_named(tmp_path: Path) -> None:
    board = plant(tmp_path, {"full": 0.8, "lora": 0.7, "layer_lora": 0.6}, seeds=5)
    found = only(board)
    assert (found.recommended, found.larger) == ("lora", {"full": 30 * GIGA})
    assert "With more memory: full ranks better, and needs 30.0 GB." in said(found)
    assert only(board, 40).recommended == "full"
    assert [*recommend(replace(board, rows=board.rows[1:]), memory=1)] == []


def test_full_is_worth_its_cost_where_its_lead_is_significant(tmp_path: Path) -> None:
    board = plant(tmp_path, {"full": 0.8, "lora": 0.7, "layer_lora": 0.6}, seeds=5)
    cost = only(board).full
    assert cost
    assert (cost.full, cost.other, cost.worth, cost.memory, cost.time) == ("full", "lora", Worth.YES, 1.5, 1.5)
    assert said(only(board)).endswith("; a significant gain.")
    elsewhere = [
        replace(row, costs=replace(row.costs, machines=("another",))) if row.adapter == "full" else row
        for row in board.rows
        if row.costs
    ]
    other = only(replace(board, rows=tuple(elsewhere)))
    assert other.full
    assert (other.full.memory, other.full.time) == (1.5, None)
    assert "training time" not in said(other)


@pytest.mark.parametrize("shifts", [True, False])
def test_a_lead_within_the_margin_is_not_worth_its_cost(shifts: bool, tmp_path: Path) -> None:
    steady = {str(n): n / 60 for n in range(60)}
    made = [
        Made(
            adapter=adapter,
            seed=seed,
            train=replace(TRAIN, peak_bytes=PEAKS[adapter] * GIGA),
            scores={
                task: {
                    "answer": {
                        item: value + lead * (0.9 + 0.2 * (int(item) % 2)) + seed / 1e5
                        for item, value in steady.items()
                    }
                }
                for task in (TASKS if shifts else TASKS[:1])
            },
        )
        for adapter, lead in (("full", 0.003), ("lora", 0.0))
        for seed in range(3)
    ]
    low = {task: {"answer": {item: value / 2 for item, value in steady.items()}} for task in TASKS}
    board = build(load(write(tmp_path, Made(adapter="none", seed=None, task=None, scores=low), *made)))
    assert [str(found.verdict) for found in board.persistence] == ["level throughout"] * shifts
    found = only(board, 40)
    assert found.recommended == "full"
    assert found.full
    assert (found.full.worth, found.full.margin) == (Worth.NO, 0.05)
    assert said(found).endswith("that is within the margin of 0.05.")
    found = only(replace(board, margins={}, persistence=()), 40)
    assert found.full
    assert found.full.worth is Worth.YES


def test_full_that_is_behind_is_a_loss(tmp_path: Path) -> None:
    found = only(plant(tmp_path, {"full": 0.6, "lora": 0.7}))
    assert found.full
    assert found.full.worth is Worth.NOT_SHOWN
    assert "for answer worse by 0.097 (95% CI 0.0" in said(found)
    assert said(found).endswith("; a significant loss.")


def test_a_tie_by_corrected_tests_is_no_gain(tmp_path: Path) -> None:
    board = plant(tmp_path, {"full": 0.8, "lora": 0.7})
    found = only(with_ranks(board, {"none": Rank(3, shared=False, score="answer")}, FIRST), 40)
    assert (found.recommended, found.tied) == ("lora", ("full",))
    assert found.full
    assert found.full.tied_after_correction
    assert re.search(
        r" for no significant gain after Holm correction \(answer better by 0\.\d{3}.*\)\.$", said(found)
    )


def test_what_is_not_shown_to_beat_the_base_model_is_not_recommended(tmp_path: Path) -> None:
    found = only(plant(tmp_path, {"full": 0.3, "lora": 0.3}, base=0.3))
    assert found.recommended is None
    assert said(found) == (
        "Nothing to recommend for k8s_qa (answer, up to 24 GB): no method is shown to beat the base model."
    )


def test_what_is_not_shown_to_beat_chance_is_not_recommended(tmp_path: Path) -> None:
    board = plant(tmp_path, {"lora": 0.2, "layer_lora": 0.2}, base=0.1)
    assert only(board).recommended == "layer_lora"
    found = only(replace(board, scored={"k8s_qa": ScoredTask(chance=0.25)}))
    assert (found.recommended, found.working, found.chance) == (None, (), 0.25)
    assert "no method is shown to beat the base model and chance (0.25)" in said(found)


def test_what_works_with_more_memory_only_is_named(tmp_path: Path) -> None:
    board = plant(tmp_path, {"full": 0.6, "layer_lora": 0.1}, base=0.1)
    found = only(board)
    assert (found.recommended, found.larger) == (None, {"full": 30 * GIGA})
    assert "With more memory: full is shown to beat the base model, and needs 30.0 GB." in said(found)


def test_without_the_base_model_that_is_said(tmp_path: Path) -> None:
    found = only(plant(tmp_path, {"lora": 0.8, "layer_lora": 0.6}, base=None))
    assert (found.recommended, found.working, found.caveats) == (None, (), (Caveat.NO_BASE,))
    assert "the base model was not scored, so that no gain can be shown; add none" in said(found)


def test_a_base_model_that_ranks_do_not_tell_apart_is_not_called_tied(tmp_path: Path) -> None:
    found = only(with_ranks(plant(tmp_path, {"lora": 0.8}), {}, FIRST))
    assert (found.recommended, found.tied, found.caveats) == ("lora", (), ())
    assert "base model" not in said(found)


def test_what_beats_the_base_model_is_recommended_before_what_takes_less_memory(tmp_path: Path) -> None:
    made = []
    for adapter, memory in (("full", 30), ("layer_lora", 10)):
        for seed in range(3):
            rng = random.Random(seed)
            # layer_lora's seeds differ as much as it gains; it does not differ significantly from full either.
            mean = 0.6 if adapter == "full" else (0.85, 0.6, 0.3)[seed]
            row = {str(n): mean + rng.gauss(0, 0.05) for n in range(30)}
            train = replace(TRAIN, peak_bytes=memory * GIGA)
            made.append(Made(adapter=adapter, seed=seed, scores={"k8s_qa": {"answer": row}}, train=train))
    low = {"k8s_qa": {"answer": {str(n): 0.3 + n / 1000 for n in range(30)}}}
    base = Made(adapter="none", seed=None, task=None, scores=low)
    found = only(build(load(write(tmp_path, base, *made))), 40)
    assert (found.recommended, found.tied) == ("full", ("layer_lora",))
    assert "Statistically tied: layer_lora. Not shown to beat the base model: layer_lora." in said(found)


def test_one_seed_is_said(tmp_path: Path) -> None:
    found = only(plant(tmp_path, {"lora": 0.8}, seeds=1))
    assert found.caveats == (Caveat.ONE_SEED,)
    assert "One seed compares trained models, not methods." in said(found)


def test_seeds_that_miss_another_score_are_no_single_seed(tmp_path: Path) -> None:
    plant(tmp_path, {"lora": 0.8})
    for path in [*tmp_path.glob("cells/*lora*/scores/manuals_qa*.json")][:2]:
        path.unlink()
    assert only(build(load(tmp_path))).caveats == ()


def test_every_training_task_has_its_own(tmp_path: Path) -> None:
    values = {str(n): 0.9 + n / 1000 for n in range(20)}
    worse = {item: value - 0.5 for item, value in values.items()}
    made = [Made(adapter="none", seed=None, task=None, scores={t: {"answer": values} for t in TASKS})]
    made += [
        Made(adapter="full", seed=seed, task=task, scores={t: {"answer": worse} for t in TASKS})
        for task in TASKS
        for seed in range(2)
    ]
    found = [*recommend(build(load(write(tmp_path, *made))))]
    assert [(one.task, one.recommended) for one in found] == [(task, None) for task in TASKS]
