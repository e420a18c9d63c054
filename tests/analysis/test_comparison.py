"""Paired comparisons in one folder and across two; what to take of it."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from planted import TRAIN, Made, write
from scipy import stats

from medcot_bench.analysis.build import build
from medcot_bench.analysis.comparison import compare, conflicts, resolve_row
from medcot_bench.cli import main
from medcot_bench.errors import ConfigError
from medcot_bench.report.recommendation import recommend
from medcot_bench.results.folder import Results, load
from medcot_bench.results.leaderboard import Rank, Row

GIGA = 1_000_000_000
MEANS = {"full": 0.8, "lora": 0.79, "layer_lora": 0.6}
TASKS = ("k8s_qa", "manuals_qa")
PEAKS = {"full": 30, "lora": 20, "layer_lora": 10}


def plant(
    root: Path, means: Mapping[str, float] = MEANS, seeds: int = 3, items: int = 30, **changes: Any
) -> Results:
    """Write a study of both tasks with those means, memory falling from adapter to adapter."""
    made = []
    for adapter, mean in means.items():
        for seed in range(seeds):
            rng = random.Random(f"{adapter} {seed}")
            row = {str(n): mean + rng.gauss(0, 0.05) for n in range(items)}
            train = replace(TRAIN, peak_bytes=PEAKS.get(adapter, 5) * GIGA, seconds=float(PEAKS.get(adapter, 5)))
            scores = {"k8s_qa": {"answer": row}, "manuals_qa": {"answer": row}}
            made.append(Made(adapter=adapter, seed=seed, scores=scores, train=train, **changes))
    base = Made(adapter="none", seed=None, task=None, scores=made[0].scores | {})
    return load(write(root, base, *made))


def test_a_row_is_compared_item_by_item_and_seed_by_seed(tmp_path: Path) -> None:
    results = plant(tmp_path, seeds=1)
    rows = {(row.adapter, row.task): row for row in compare([results], "full", "answer")}
    assert set(rows) == {(a, t) for a in ("none", "lora", "layer_lora") for t in ("k8s_qa", "manuals_qa")}
    found = rows["layer_lora", "k8s_qa"]
    samples = {
        cell.cell.adapter: {s["id"]: s["scores"]["answer"] for s in results.samples(cell, "k8s_qa")}
        for cell in results.cells
    }
    gaps = [samples["layer_lora"][item] - samples["full"][item] for item in samples["full"]]
    assert found.ahead.value == pytest.approx(sum(gaps) / len(gaps))
    assert (found.better, found.worse) == (sum(g > 0 for g in gaps), sum(g < 0 for g in gaps))
    p_values = [
        stats.ttest_rel([*samples[a].values()], [*samples["full"].values()]).pvalue
        for a in ("layer_lora", "lora", "none")
    ]
    assert found.p_value == pytest.approx(3 * p_values[0])  # the smallest of three
    assert rows["none", "k8s_qa"].ahead.value == 0  # planted as full's own values


def test_the_base_may_be_the_baseline_of_every_seed(tmp_path: Path) -> None:
    rows = compare([plant(tmp_path)], "none", "answer")
    assert {row.adapter for row in rows} == {"full", "lora", "layer_lora"}
    assert {row.ahead.seeds for row in rows} == {3}


def test_a_baseline_that_is_not_there_is_an_error_that_lists_the_rows(tmp_path: Path) -> None:
    results = plant(tmp_path)
    with pytest.raises(ConfigError, match=r"--baseline qlora: there is no such row; rows: none, full, lora"):
        resolve_row(results, "qlora")
    assert resolve_row(results, "lora") == "lora"


def test_a_baseline_may_be_named_without_its_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = {"k8s_qa": {"answer": {str(n): float(n % 2) for n in range(30)}}}
    rates = ("full:lr=1e-05", "lora:lr=0.001", "lora:lr=0.003")
    write(tmp_path, *(Made(adapter=adapter, scores=scores) for adapter in rates))
    assert main(["compare", str(tmp_path)]) == 0
    assert "better than full:lr=1e-05 (95 %)" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="--baseline lora: there is no such row; rows: full:lr=1e-05, lora:lr="):
        resolve_row(load(tmp_path), "lora")


def test_two_folders_are_compared_with_the_baseline_of_the_first(tmp_path: Path) -> None:
    one, other = plant(tmp_path / "one"), plant(tmp_path / "other", {"lora": 0.9})
    rows = {(row.folder, row.adapter): row for row in compare([one, other], "full", "answer")}
    assert rows[1, "lora"].ahead.value > 0.08 > rows[0, "lora"].ahead.value


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"items": "other"}, "k8s_qa: other items"),
        ({"prompt": {"chat_template": True}}, "k8s_qa: other prompts"),
        ({"max_new_tokens": 7}, "k8s_qa: other limits of generation"),
        ({"scoring": 2}, "k8s_qa: other meaning of scores"),
    ],
)
def test_what_makes_folders_another_measurement_is_named(
    tmp_path: Path, change: dict[str, Any], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    roots = [tmp_path / "one", tmp_path / "other"]
    for root in roots:
        plant(root)
    for path in roots[1].glob("cells/*/scores/k8s_qa*.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "request": {**record["request"], **change}}))
    assert [*conflicts(*map(load, roots))] == [expected]
    assert main(["compare", *map(str, roots)]) == 3
    assert f"are not comparable: {expected}; --force compares them" in capsys.readouterr().err
    assert main(["compare", *map(str, roots), "--force"]) == 0
    assert f"compared although: {expected}" in capsys.readouterr().out


def test_another_engine_or_training_data_are_named(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    plant(one)
    plant(other)
    assert [*conflicts(load(one), load(other))] == []
    for path in other.glob("cells/*/scores/manuals_qa*.json"):
        path.write_text(path.read_text().replace('"engine": "hf"', '"engine": "fast"'))
    for path in other.glob("cells/*/cell.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "request": {**record["request"], "train": "sha256:1"}}))
    assert [*conflicts(load(one), load(other))] == [
        "manuals_qa: scored by the engine hf in the first, by fast in the other",
        "k8s_qa: other training items",
    ]


def test_an_engine_that_scored_some_cells_only_is_named(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    plant(one)
    plant(other)
    last = sorted(other.glob("cells/*/scores/manuals_qa*.json"))[-1]
    last.write_text(last.read_text().replace('"engine": "hf"', '"engine": "fast"'))
    assert [*conflicts(load(one), load(other))] == [
        "manuals_qa: scored by the engine hf in the first, by fast and hf in the other"
    ]


def test_tasks_that_one_folder_lacks_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = plant(tmp_path / "one").root, tmp_path / "other"
    scores = {"k8s_qa": {"answer": {str(n): 1.0 for n in range(30)}}}
    write(other, Made(adapter="lora", scores=scores))
    assert main(["compare", str(one), str(other)]) == 0
    assert f"tasks of {one} that {other} lacks: manuals_qa\n" in capsys.readouterr().out
    assert main(["compare", str(one)]) == 0
    assert "lacks" not in capsys.readouterr().out


def test_wrong_use_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path)
    for arguments, expected in (
        ([str(tmp_path)] * 3, "compare takes one result folder or two, not 3"),
        ([str(tmp_path), "--score", "charm"], "no row shares a seed, an item and the score charm with full"),
        ([str(tmp_path / "no")], "no study was run here"),
    ):
        assert main(["compare", *arguments]) == 2
        assert expected in capsys.readouterr().err


# --- what to take ---


def test_the_least_memory_of_what_shares_the_best_rank_is_taken(tmp_path: Path) -> None:
    (line,) = recommend(build(plant(tmp_path, {"full": 0.8, "lora": 0.8, "layer_lora": 0.6}, items=60)))
    assert line.startswith("on k8s_qa[file:k8s_qa.jsonl] by answer, within 24 GB: ")
    # The base was planted with the values of full, and costs nothing.
    assert "within 24 GB: none; sharing its rank: lora" in line


def test_full_is_worth_its_cost_where_its_lead_is_told_from_zero(tmp_path: Path) -> None:
    results = plant(tmp_path, {"full": 0.8, "lora": 0.7, "layer_lora": 0.6}, items=60)
    board = build(results)
    board = replace(board, rows=tuple(row for row in board.rows if row.task))
    (line,) = recommend(board)
    assert (
        "within 24 GB: lora; ranked higher beyond it: full (30.0 GB); full is worth its cost (ahead of lora"
        in line
    )
    assert "for 1.5 times the memory and 1.5 times the time" in line
    elsewhere = [
        replace(row, costs=replace(row.costs, machines=("another",))) if row.adapter == "full" else row
        for row in board.rows
        if row.costs
    ]
    (other,) = recommend(replace(board, rows=tuple(elsewhere)))
    assert "for 1.5 times the memory" in other
    assert "times the time" not in other
    (roomy,) = recommend(board, memory=40)
    assert "within 40 GB: full; full is worth its cost (ahead of lora by +0.1" in roomy
    assert [*recommend(board, memory=1)] == []


def test_a_lead_within_the_margin_is_not_worth_its_cost(tmp_path: Path) -> None:
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
                for task in TASKS
            },
        )
        for adapter, lead in (("full", 0.003), ("lora", 0.0))
        for seed in range(3)
    ]
    for shifts, root in ((True, tmp_path / "shift"), (False, tmp_path / "alone")):
        parts = made if shifts else [replace(part, scores={"k8s_qa": part.scores["k8s_qa"]}) for part in made]
        board = build(load(write(root, *parts)))
        assert [str(found.verdict) for found in board.persistence] == ["no gap in domain"] * shifts
        (line,) = recommend(board, memory=40)
        assert "within 40 GB: full; full is not worth its cost (ahead of lora by +0.003, " in line
        assert ", within the margin of 0.02, for 1.5 times the memory" in line
        (line,) = recommend(replace(board, margins={}, persistence=()), memory=40)
        assert "full is worth its cost" in line


def test_full_that_is_behind_is_said_to_be(tmp_path: Path) -> None:
    (line,) = recommend(build(plant(tmp_path, {"full": 0.6, "lora": 0.7})))
    assert "full is not shown to be worth its cost (behind lora by 0.092, +0.044 to +0.140, for " in line


def test_where_the_base_is_taken_full_is_compared_with_the_best_trained_row(tmp_path: Path) -> None:
    (line,) = recommend(build(plant(tmp_path, {"full": 0.8, "lora": 0.7, "layer_lora": 0.6}, items=60)))
    assert "within 24 GB: none; " in line  # planted with the values of full
    assert "full is worth its cost (ahead of lora by +0.1" in line


def test_a_tie_by_adjusted_tests_says_that_the_interval_is_not_adjusted(tmp_path: Path) -> None:
    board = build(plant(tmp_path, {"full": 0.8, "lora": 0.7}, items=60))
    rows = tuple(row for row in board.rows if row.task)
    tied = tuple(_with_rank(row, Rank(1, shared=True, score="answer")) for row in rows)
    (line,) = recommend(replace(board, rows=tied), memory=40)
    assert "sharing its rank: full; full is not shown to be worth its cost (ahead of lora by +0.1" in line
    assert "; ranks are by tests adjusted for all rows, this interval is not)" in line
    (line,) = recommend(replace(board, rows=rows), memory=40)
    assert "adjusted" not in line


def test_what_is_taken_but_not_ahead_of_the_untouched_base_is_said_to_be(tmp_path: Path) -> None:
    ranks = {"full": Rank(1, shared=True, score="answer"), "none": Rank(3, shared=False, score="answer")}
    for full, expected in ((0.7, True), (0.4, False)):  # the base was planted with the values of full
        board = build(plant(tmp_path / str(full), {"full": full, "lora": 0.7}, items=60))
        rows = tuple(_with_rank(row, ranks.get(row.adapter, ranks["full"])) for row in board.rows)
        (line,) = recommend(replace(board, rows=rows))
        assert "within 24 GB: lora; " in line
        assert ("lora itself is not shown to be ahead of the untouched base" in line) is expected


def _with_rank(row: Row, rank: Rank) -> Row:
    part = row.tasks["k8s_qa"]
    return replace(row, tasks={**row.tasks, "k8s_qa": replace(part, ranks={"k8s_qa": rank})})


def test_compare_says_what_to_take_of_each_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = [tmp_path / "one", tmp_path / "other"]
    lines = [next(recommend(build(plant(root)))) for root in roots]
    assert main(["compare", str(roots[0])]) == 0
    assert f"take, {lines[0]}" in capsys.readouterr().out.splitlines()
    assert main(["compare", *map(str, roots)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [f"take of {root}, {line}" in out for root, line in zip(roots, lines, strict=True)] == [True, True]
    assert main(["compare", str(roots[0]), "--memory", "40"]) == 0
    assert "take, on k8s_qa[file:k8s_qa.jsonl] by answer, within 40 GB: none" in capsys.readouterr().out


def test_compare_says_how_learning_rates_came_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = [tmp_path / "one", tmp_path / "other"]
    for root in roots:
        plant(root)
    untuned = "untuned: learning rates are as given, and a gap may be one of recipes"
    for folders in (roots[:1], roots):
        assert main(["compare", *map(str, folders)]) == 0
        assert capsys.readouterr().out.splitlines().count(untuned) == 1
    trials = [
        {"adapter": adapter, "task": "k8s_qa", "seed": 0, "rate": rate, "loss": 1.0, "seconds": 1.0}
        for adapter in MEANS
        for rate in (1e-4, 1e-3)
    ]
    plan = json.loads((roots[1] / "plan.json").read_text())
    (roots[1] / "plan.json").write_text(json.dumps({**plan, "trials": trials}))
    assert main(["compare", *map(str, roots)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert f"{roots[0]}: {untuned}" in out
    assert f"{roots[1]}: learning rates were chosen for each adapter and task on validation items, of 2" in out


def test_one_seed_is_said(tmp_path: Path) -> None:
    (line,) = recommend(build(plant(tmp_path, seeds=1)))
    assert line.endswith("one seed describes these models, not their methods")


def test_a_tie_is_never_worth_more(tmp_path: Path) -> None:
    board = build(plant(tmp_path, {"full": 0.8, "lora": 0.8, "layer_lora": 0.6}, items=60))
    board = replace(board, rows=tuple(row for row in board.rows if row.task))
    (line,) = recommend(replace(board, margins={}, persistence=()), memory=40)
    assert "within 40 GB: lora; sharing its rank: full; full is not shown to be worth its cost" in line
    (line,) = recommend(board, memory=40)
    assert "within 40 GB: lora; sharing its rank: full; full is not worth its cost" in line


def test_the_base_is_taken_where_it_is_best_however_many_tasks_were_trained_on(tmp_path: Path) -> None:
    values = {str(n): 0.9 + n / 1000 for n in range(20)}
    worse = {item: value - 0.5 for item, value in values.items()}
    made = [Made(adapter="none", seed=None, task=None, scores={t: {"answer": values} for t in TASKS})]
    made += [
        Made(adapter="full", seed=seed, task=task, scores={t: {"answer": worse} for t in TASKS})
        for task in TASKS
        for seed in range(2)
    ]
    lines = [*recommend(build(load(write(tmp_path, *made))))]
    assert [line.partition("within 24 GB: ")[2].split(";")[0] for line in lines] == ["none", "none"]


def test_seeds_that_lack_another_score_are_no_single_seed(tmp_path: Path) -> None:
    results = plant(tmp_path)
    for path in [*results.root.glob("cells/*/scores/manuals_qa*.json")][:6]:
        path.unlink()
    (line,) = recommend(build(load(tmp_path)))
    assert "one seed" not in line


def test_rows_of_another_training_task_are_named_as_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(tmp_path / "one")
    plant(tmp_path / "other", {"full": 0.8, "lora": 0.7}, task="manuals_qa")
    assert main(["compare", str(tmp_path / "one"), str(tmp_path / "other"), "--force"]) == 0
    said = (
        f"left out of {tmp_path / 'other'}, trained on what full was not: full on manuals_qa, lora on manuals_qa"
    )
    assert said in capsys.readouterr().out


def test_what_is_shown_to_beat_the_base_is_taken_before_what_takes_less_memory(tmp_path: Path) -> None:
    made = []
    for adapter, memory in (("full", 30), ("layer_lora", 10)):
        for seed in range(3):
            rng = random.Random(seed)
            # layer_lora's seeds differ as much as it gains; it is sharing its rank: full either.
            mean = 0.6 if adapter == "full" else (0.85, 0.6, 0.3)[seed]
            row = {str(n): mean + rng.gauss(0, 0.05) for n in range(30)}
            train = replace(TRAIN, peak_bytes=memory * GIGA)
            scores = {"k8s_qa": {"answer": row}, "manuals_qa": {"answer": row}}
            made.append(Made(adapter=adapter, seed=seed, scores=scores, train=train))
    low = {str(n): 0.3 + n / 1000 for n in range(30)}
    base = Made(
        adapter="none", seed=None, task=None, scores={"k8s_qa": {"answer": low}, "manuals_qa": {"answer": low}}
    )
    (line,) = recommend(build(load(write(tmp_path, base, *made))), 40)
    assert "within 40 GB: full; sharing its rank: layer_lora; no other of that rank is shown to be ahead" in line


def test_the_base_is_not_taken_before_what_is_shown_to_beat_it(tmp_path: Path) -> None:
    made = []
    for adapter, means in (
        ("full", (0.95, 0.7, 0.45)),
        ("lora", (0.62, 0.62, 0.62)),
        ("layer_lora", (0.5, 0.5, 0.5)),
    ):
        for seed, mean in enumerate(means):
            rng = random.Random(f"{adapter} {seed}")
            row = {str(n): mean + rng.gauss(0, 0.05) for n in range(30)}
            train = replace(TRAIN, peak_bytes=PEAKS[adapter] * GIGA)
            made.append(Made(adapter=adapter, seed=seed, scores={"k8s_qa": {"answer": row}}, train=train))
    low = {"k8s_qa": {"answer": {str(n): 0.1 + n / 1000 for n in range(30)}}}
    base = Made(adapter="none", seed=None, task=None, scores=low)
    board = build(load(write(tmp_path, base, *made)))
    tied = tuple(_with_rank(row, Rank(1, shared=True, score="answer")) for row in board.rows)
    (line,) = recommend(replace(board, rows=tied), 40)
    assert line.startswith("on k8s_qa[file:k8s_qa.jsonl] by answer, within 40 GB: layer_lora; ")
