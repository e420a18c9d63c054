"""Planted studies with prompting baselines: rows, ranks, paired comparisons, and what is recommended."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from planted import Made, failed, write
from sealed import write_sealed

from medcot_bench.analysis.build import build
from medcot_bench.analysis.comparison import compare
from medcot_bench.report.recommendation import write_recommendation
from medcot_bench.results.folder import Results, load
from medcot_bench.results.leaderboard import Failure, Leaderboard

ITEMS = 60
GAIN = "none (few_shot=5)"


def values(mean: float, seed: int, spread: float = 0.1) -> dict[str, float]:
    numbers = random.Random(seed)
    return {str(n): mean + numbers.uniform(-spread, spread) for n in range(ITEMS)}


def study(root: Path, few_shot: float, trained: float, spread: float = 0.1) -> Results:
    def scores(mean: float, seed: int) -> dict[str, dict[str, dict[str, float]]]:
        return {"k8s_qa": {"answer": values(mean, seed, spread), "gold_nll": values(2 - mean, seed, spread)}}

    base = Made(
        adapter="none",
        task=None,
        seed=None,
        scores=scores(0.2, 1),
        baselines={"few_shot=5": scores(few_shot, 2), "cot": {"k8s_qa": {"answer": values(0.1, 3)}}},
    )
    models = [
        Made(adapter=adapter, seed=seed, scores=scores(trained - lag, 10 + seed))
        for adapter, lag in (("full", 0.0), ("lora", 0.05))
        for seed in range(3)
    ]
    return load(write(root, base, *models))


def signs(board: Leaderboard) -> dict[tuple[str, str], str]:
    return {(found.adapter, found.prompt): found.finding.sign for found in board.prompted}


def said(board: Leaderboard) -> str:
    (found,) = board.recommendations
    return " ".join(write_recommendation(found))


def test_a_baseline_is_a_row_beside_the_base(tmp_path: Path) -> None:
    board = build(study(tmp_path, few_shot=0.7, trained=0.5))
    rows = {row.adapter: row for row in board.rows}
    assert list(rows) == ["none", GAIN, "none (cot)", "full", "lora"]
    row = rows[GAIN]
    assert (row.task, row.baseline, row.planned, row.forgetting) == (None, "few_shot=5", ("k8s_qa",), None)
    assert row.tasks["k8s_qa"].scores["answer"].value == pytest.approx(0.7, abs=0.03)
    assert rows["none"].tasks["k8s_qa"].scores["answer"].value == pytest.approx(0.2, abs=0.03)
    assert {row.tasks["k8s_qa"].ranks["k8s_qa"].place for row in board.rows} == {1, 2, 3, 4, 5}
    assert row.tasks["k8s_qa"].ranks["k8s_qa"].place == 1
    assert not row.tasks["k8s_qa"].unchanged


def test_where_few_shot_wins_training_is_not_recommended(tmp_path: Path) -> None:
    results = study(tmp_path, few_shot=0.7, trained=0.5)
    board = build(results)
    assert signs(board) == {
        ("full", "none"): "> 0",
        ("full", GAIN): "< 0",
        ("full", "none (cot)"): "> 0",
        ("lora", "none"): "> 0",
        ("lora", GAIN): "< 0",
        ("lora", "none (cot)"): "> 0",
    }
    assert f"Recommended for k8s_qa (answer, up to 24 GB): {GAIN}." in said(board)
    assert f"No need to train: the prompt {GAIN} beats full (full is worse by 0.2" in said(board)
    found = {one.adapter: one.ahead.value for one in compare([results], GAIN, "answer")}
    assert found["full"] == pytest.approx(-0.2, abs=0.05)


@pytest.mark.parametrize(
    ("few_shot", "spread", "sentence"),
    [
        (0.5, 0.01, f"No need to train: the prompt {GAIN} is within 0.05 of full (full is "),
        (0.5, 0.4, f"No gain from training is shown over the best prompt, {GAIN} (full is "),
        (0.3, 0.1, f"Training pays: full beats the best prompt, {GAIN} (full is better by 0.1"),
    ],
)
def test_what_is_said_of_training_rests_on_the_tests(
    tmp_path: Path, few_shot: float, spread: float, sentence: str
) -> None:
    assert sentence in said(build(study(tmp_path, few_shot=few_shot, trained=0.5, spread=spread)))


def test_a_baseline_without_the_primary_score_changes_no_rank_of_others(tmp_path: Path) -> None:
    results = study(tmp_path, few_shot=0.7, trained=0.5)
    object.__setattr__(results, "analysis", results.analysis.model_copy(update={"primary": "gold_nll"}))
    ranks = {row.adapter: row.tasks["k8s_qa"].ranks for row in build(results).rows}
    assert ranks["none (cot)"] == {}
    assert {rank["k8s_qa"].score for name, rank in ranks.items() if name != "none (cot)"} == {"gold_nll"}


def test_a_failure_belongs_to_the_prompt_that_failed(tmp_path: Path) -> None:
    base = Made(
        adapter="none",
        task=None,
        seed=None,
        scores={"k8s_qa": {"answer": values(0.2, 1)}, "manuals_qa": {"answer": values(0.2, 1)}},
        attempts=[failed("oom", "no memory", "k8s_qa (few_shot=5)")],
    )
    write(tmp_path, base)
    path = tmp_path / "plan.json"
    plan = json.loads(path.read_text())
    (cell,) = plan["cells"]
    cell["evaluations"].append({"id": "ffff", "cell": "", "task": "k8s_qa", "baseline": "few_shot=5"})
    write_sealed(path, plan)
    rows = {row.adapter: row.failures for row in build(load(tmp_path)).rows}
    assert rows == {"none": (), GAIN: (Failure(None, "k8s_qa (few_shot=5)", "oom", "no memory"),)}


def test_without_baselines_nothing_is_said_of_prompting(tmp_path: Path) -> None:
    results = study(tmp_path, few_shot=0.7, trained=0.5)
    board = build(replace(results, plan=replace(results.plan, baselines=())))
    assert board.prompted == ()
    assert board.recommendations[0].prompting is None
    assert "prompt" not in said(board)
