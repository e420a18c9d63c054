"""Paired comparisons in one folder and across two, and what `compare` prints."""

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
from sealed import write_sealed

from medcot_bench.analysis.build import build
from medcot_bench.analysis.comparison import compare, find_conflicts, resolve_row
from medcot_bench.analysis.recommendation import recommend
from medcot_bench.cli import main
from medcot_bench.errors import ConfigError
from medcot_bench.report.comparison_table import write_conflict
from medcot_bench.report.recommendation import write_recommendation
from medcot_bench.results.folder import Results, load

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


def unwrapped(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, without the line breaks that a terminal's width made."""
    return " ".join(capsys.readouterr().out.split())


def named(one: Results, other: Results) -> list[str]:
    return [*map(write_conflict, find_conflicts(one, other))]


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
    with pytest.raises(ConfigError, match=r"--baseline qlora: no such row; rows: none, full, lora"):
        resolve_row(results, "qlora")
    assert resolve_row(results, "lora") == "lora"


def test_a_baseline_may_be_named_without_its_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = {"k8s_qa": {"answer": {str(n): float(n % 2) for n in range(30)}}}
    rates = ("full:lr=1e-05", "lora:lr=0.001", "lora:lr=0.003")
    write(tmp_path, *(Made(adapter=adapter, scores=scores) for adapter in rates))
    assert main(["compare", str(tmp_path)]) == 0
    assert "(30 items, 1 seed); baseline full:lr=1e-05, 0.500:" in unwrapped(capsys)
    with pytest.raises(ConfigError, match="--baseline lora: no such row; rows: full:lr=1e-05, lora:lr="):
        resolve_row(load(tmp_path), "lora")


def test_two_folders_are_compared_with_the_baseline_of_the_first(tmp_path: Path) -> None:
    one, other = plant(tmp_path / "one"), plant(tmp_path / "other", {"lora": 0.9})
    rows = {(row.folder, row.adapter): row for row in compare([one, other], "full", "answer")}
    assert rows[1, "lora"].ahead.value > 0.08 > rows[0, "lora"].ahead.value


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"items": "other"}, "k8s_qa: different items"),
        ({"prompt": {"chat_template": True}}, "k8s_qa: different prompts"),
        ({"max_new_tokens": 7}, "k8s_qa: different generation limits"),
        ({"scoring": 2}, "k8s_qa: different scoring version"),
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
        write_sealed(path, {**record, "request": {**record["request"], **change}})
    assert named(*map(load, roots)) == [expected]
    assert main(["compare", *map(str, roots)]) == 3
    assert f"are not comparable: {expected}; --force compares them" in capsys.readouterr().err
    assert main(["compare", *map(str, roots), "--force"]) == 0
    assert f"Compared although these differ: {expected}." in unwrapped(capsys)


def test_another_engine_or_training_data_are_named(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    plant(one)
    plant(other)
    assert named(load(one), load(other)) == []
    for path in other.glob("cells/*/scores/manuals_qa*.json"):
        write_sealed(path, json.loads(path.read_text().replace('"engine": "hf"', '"engine": "fast"')))
    for path in other.glob("cells/*/cell.json"):
        record = json.loads(path.read_text())
        write_sealed(path, {**record, "request": {**record["request"], "train": "sha256:1"}})
    assert named(load(one), load(other)) == [
        "manuals_qa: different engine (hf and fast)",
        "k8s_qa: different training items",
    ]


def test_an_engine_that_scored_some_cells_only_is_named(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    plant(one)
    plant(other)
    last = sorted(other.glob("cells/*/scores/manuals_qa*.json"))[-1]
    write_sealed(last, json.loads(last.read_text().replace('"engine": "hf"', '"engine": "fast"')))
    assert named(load(one), load(other)) == ["manuals_qa: different engine (hf and fast and hf)"]


def test_tasks_that_one_folder_lacks_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = plant(tmp_path / "one").root, tmp_path / "other"
    scores = {"k8s_qa": {"answer": {str(n): 1.0 for n in range(30)}}}
    write(other, Made(adapter="lora", scores=scores))
    assert main(["compare", str(one), str(other)]) == 0
    assert f"Tasks of {one} that {other} does not have: manuals_qa." in unwrapped(capsys)
    assert main(["compare", str(one)]) == 0
    assert "does not have" not in unwrapped(capsys)


def test_wrong_use_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path)
    for arguments, expected in (
        ([str(tmp_path)] * 3, "compare takes one result folder or two, not 3"),
        ([str(tmp_path), "--score", "charm"], "no row shares a seed, an item and the score charm with full"),
        ([str(tmp_path / "no")], "no study was run here"),
    ):
        assert main(["compare", *arguments]) == 2
        assert expected in capsys.readouterr().err


def test_compare_recommends_for_each_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = [tmp_path / "one", tmp_path / "other"]
    found = [next(recommend(build(plant(root)))) for root in roots]
    lines = [" ".join(write_recommendation(one)) for one in found]
    assert main(["compare", str(roots[0])]) == 0
    assert unwrapped(capsys).endswith(f" {lines[0]}")
    assert main(["compare", *map(str, roots)]) == 0
    said = unwrapped(capsys)
    assert all(f"{root}: {line}" in said for root, line in zip(roots, lines, strict=True))
    assert main(["compare", str(roots[0]), "--memory", "40"]) == 0
    assert "for k8s_qa (answer, up to 40 GB)" in unwrapped(capsys)


def test_compare_says_how_learning_rates_came_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = [tmp_path / "one", tmp_path / "other"]
    for root in roots:
        plant(root)
    untuned = "Learning rates were not tuned; differences may come from the recipe, not the method (--tune-lr 3)."
    for folders in (roots[:1], roots):
        assert main(["compare", *map(str, folders)]) == 0
        assert unwrapped(capsys).count(untuned) == 1
    trials = [
        {"adapter": adapter, "task": "k8s_qa", "seed": 0, "rate": rate, "loss": 1.0, "seconds": 1.0}
        for adapter in MEANS
        for rate in (1e-4, 1e-3)
    ]
    plan = json.loads((roots[1] / "plan.json").read_text())
    write_sealed(roots[1] / "plan.json", {**plan, "trials": trials})
    assert main(["compare", *map(str, roots)]) == 0
    said = unwrapped(capsys)
    assert f"{roots[0]}: {untuned}" in said
    assert f"{roots[1]}: Best of 2 learning rates per adapter and task, by validation NLL." in said


def test_rows_of_another_training_task_are_named_as_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(tmp_path / "one")
    plant(tmp_path / "other", {"full": 0.8, "lora": 0.7}, task="manuals_qa")
    assert main(["compare", str(tmp_path / "one"), str(tmp_path / "other"), "--force"]) == 0
    rows = "full on manuals_qa, lora on manuals_qa"
    assert f"Not compared, from {tmp_path / 'other'}, where full was not trained: {rows}." in unwrapped(capsys)


def test_compare_fits_a_narrow_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    plant(Path("out"))
    assert main(["compare", "out"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert max(map(len, lines)) <= 80
