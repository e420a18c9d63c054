"""Result folder -> leaderboard, from records written by hand.

After a change that is meant, make the golden files again:
UPDATE_GOLDEN=1 python -m pytest tests/analysis/test_build.py
"""

from __future__ import annotations

import bz2
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from planted import DOMAINS, PROVENANCE, Made, answers, failed, write
from pydantic import TypeAdapter
from sealed import write_sealed

from medcot_bench.analysis.build import build
from medcot_bench.errors import ConfigError, StoreError
from medcot_bench.report.export import export
from medcot_bench.results.conditions import Counts, MadeBy, ScoredTask
from medcot_bench.results.folder import load
from medcot_bench.results.leaderboard import Failure, Leaderboard, Row
from medcot_bench.results.records import Phase

GOLDEN = Path(__file__).parent.parent / "report" / "golden"
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))
FULL_0 = Made(
    adapter="full",
    scores={
        "k8s_qa": {"answer": answers(1, 1, 1, 0), "gold_nll": answers(1.0, 1.0, 2.0, 2.0)},
        "manuals_qa": {"answer": answers(0, 1, 0, 0), "gold_nll": answers(2.5, 2.0, 3.0, 2.5)},
    },
    score_seconds=2.0,
    kl=0.5,
    general=(1.05, 1.0),
)
FULL_1 = replace(
    FULL_0,
    seed=1,
    scores={
        "k8s_qa": {"answer": answers(1, 1, 0, 0), "gold_nll": answers(1.0, 1.0, 2.0, 2.0)},
        "manuals_qa": {"answer": answers(0, 1, 0, 0), "gold_nll": answers(2.5, 2.0, 3.0, 2.5)},
    },
    train=Phase(seconds=30.0, peak_bytes=2_000_000_000, tokens=3000),
    kl=0.75,
    general=(1.09, 1.0),
)
LORA_0 = Made(
    adapter="lora",
    scores={
        "k8s_qa": {"answer": answers(1, 0, 1, 0), "gold_nll": answers(1.5, 1.5, 2.0, 2.0)},
        "manuals_qa": {  # item d did not fit
            "answer": {"a": 1, "b": 1, "c": 1},
            "gold_nll": {"a": 2.0, "b": 2.0, "c": 2.5},
        },
    },
    marks={"manuals_qa": ("1 of 4 prompts hold their answer",)},
    train=Phase(seconds=5.0, peak_bytes=1_500_000_000, tokens=1000),
)
DIVERGED = "loss nan with gradient norm nan in step 3; try a lower lr"
LORA_1 = Made(adapter="lora", seed=1, train=None, attempts=[failed("diverged", DIVERGED)])
STUDY = (FULL_0, FULL_1, LORA_0, LORA_1)


def rows(root: Path, *made: Made) -> dict[str, Row]:
    return {row.adapter: row for row in build(load(write(root, *made))).rows}


@pytest.fixture
def leaderboard(tmp_path: Path) -> Leaderboard:
    return build(load(write(tmp_path, *STUDY)))


@pytest.fixture
def full(leaderboard: Leaderboard) -> Row:
    return leaderboard.rows[0]


@pytest.fixture
def lora(leaderboard: Leaderboard) -> Row:
    return leaderboard.rows[1]


# --- rows ---


def test_there_is_a_row_for_each_adapter_and_training_task_in_the_order_of_the_plan(tmp_path: Path) -> None:
    elsewhere = replace(LORA_0, task="manuals_qa")
    made = build(load(write(tmp_path, LORA_0, elsewhere, FULL_0, FULL_1)))
    assert [(row.adapter, row.task, row.seeds) for row in made.rows] == [
        ("lora", "k8s_qa", (0,)),
        ("lora", "manuals_qa", (0,)),
        ("full", "k8s_qa", (0, 1)),
    ]


def test_a_mean_is_over_seeds_and_items(full: Row, lora: Row) -> None:
    assert (full.tasks["k8s_qa"].scores["answer"].value, full.tasks["k8s_qa"].scores["answer"].items) == (0.625, 4)
    assert (full.tasks["manuals_qa"].scores["answer"].value, full.tasks["manuals_qa"].scores["answer"].items) == (
        0.25,
        4,
    )
    assert (lora.tasks["k8s_qa"].scores["answer"].value, lora.tasks["k8s_qa"].scores["answer"].items) == (0.5, 4)
    assert (lora.tasks["manuals_qa"].scores["answer"].value, lora.tasks["manuals_qa"].scores["answer"].items) == (
        1.0,
        3,
    )


def test_relations_and_marks_come_from_the_scores(full: Row, lora: Row) -> None:
    assert [full.tasks[task].relation for task in DOMAINS] == ["same_task", "shift"]
    assert full.tasks["manuals_qa"].marks == ()
    assert lora.tasks["manuals_qa"].marks == ("1 of 4 prompts hold their answer",)


def test_core_scores_come_in_the_order_of_tables_and_a_task_s_own_after_them(tmp_path: Path) -> None:
    scores = {"steps": answers(0, 0, 0, 0), "gold_nll": answers(1, 1, 1, 1), "brevity": answers(0, 0, 0, 0)}
    made = replace(LORA_0, scores={"k8s_qa": {**scores, "answer": answers(0, 0, 0, 0)}})
    assert build(load(write(tmp_path, made))).scores == ("answer", "gold_nll", "brevity", "steps")


def test_the_base_model_has_no_training_task_no_seed_and_no_gap(tmp_path: Path) -> None:
    base = replace(LORA_0, adapter="none", task=None, seed=None)
    row = rows(tmp_path, base, FULL_0)["none"]
    assert (row.task, row.seeds) == (None, ())
    assert row.tasks["k8s_qa"].relation == "base"
    assert row.tasks["k8s_qa"].gaps == {}
    assert row.tasks["k8s_qa"].scores["answer"].value == 0.5


# --- gaps ---


def test_a_gap_is_paired_by_item_and_by_the_seeds_that_both_have(lora: Row) -> None:
    # Seed 0 only: 0, 1, 0, 0; deviations of the groups +0.5 and -0.5. Over both seeds it would be 0.125.
    assert (lora.tasks["k8s_qa"].gaps["answer"].value, lora.tasks["k8s_qa"].gaps["answer"].items) == (0.25, 4)


def test_a_gap_counts_only_items_that_both_have(lora: Row) -> None:
    gap = lora.tasks["manuals_qa"].gaps["answer"]
    assert gap.items == 3
    assert gap.value == pytest.approx(-2 / 3)  # -1, 0, -1
    assert gap.stderr == pytest.approx(1 / 3)  # of three items as independent: two groups happen to be more alike


def test_seeds_and_items_that_full_lacks_count_in_no_gap(tmp_path: Path) -> None:
    full = replace(FULL_0, scores={"k8s_qa": {"answer": {"a": 1, "b": 1, "c": 1}}})
    other = replace(LORA_0, seed=1, scores={"k8s_qa": {"answer": answers(0, 0, 0, 0)}})
    part = rows(tmp_path, full, LORA_0, other)["lora"].tasks["k8s_qa"]
    assert part.scores["answer"].value == 0.25  # over both seeds and four items
    assert part.gaps["answer"].value == pytest.approx(1 / 3)  # 0, 1, 0 of seed 0
    assert part.gaps["answer"].items == 3


def test_where_lower_is_better_full_is_ahead_by_what_it_is_lower(lora: Row) -> None:
    assert (lora.tasks["k8s_qa"].gaps["gold_nll"].value, lora.tasks["k8s_qa"].gaps["gold_nll"].items) == (
        0.25,
        4,
    )  # 0.5, 0.5, 0, 0
    assert lora.tasks["manuals_qa"].gaps["gold_nll"].value == pytest.approx(-1 / 3)


def test_full_has_no_gap_to_itself(full: Row) -> None:
    assert [part.gaps for part in full.tasks.values()] == [{}, {}]


def test_a_gap_is_to_full_on_the_same_training_task(tmp_path: Path) -> None:
    elsewhere = replace(FULL_0, task="manuals_qa")
    assert rows(tmp_path, elsewhere, LORA_0)["lora"].tasks["k8s_qa"].gaps == {}


def test_full_in_some_layers_is_no_reference(tmp_path: Path) -> None:
    partly = replace(FULL_0, adapter="full:select=top", selector={"name": "top", "targets": "all"})
    found = rows(tmp_path / "alone", partly, LORA_0)
    assert found["lora"].tasks["k8s_qa"].gaps == {}
    assert found["lora"].costs is not None
    assert found["lora"].costs.peak_vs_full is None
    beside = rows(tmp_path / "beside", partly, FULL_0, LORA_0)
    assert beside["full:select=top"].tasks["k8s_qa"].gaps["answer"].value == 0


def test_full_on_some_kinds_of_modules_is_no_reference(tmp_path: Path) -> None:
    partly = replace(FULL_0, adapter="full:targets=mlp", selector={"name": "all", "targets": "mlp"})
    assert rows(tmp_path, partly, LORA_0)["lora"].tasks["k8s_qa"].gaps == {}


# --- failures ---


def test_a_failed_cell_is_named_with_its_seed_and_leaves_the_other_seeds_standing(full: Row, lora: Row) -> None:
    assert full.failures == ()
    assert lora.failures == (Failure(1, None, "diverged", DIVERGED),)
    assert lora.seeds == (0,)


def test_a_failed_evaluation_names_its_task_and_its_seed_is_not_whole(tmp_path: Path) -> None:
    scores = {"k8s_qa": FULL_1.scores["k8s_qa"]}
    row = rows(
        tmp_path, FULL_0, replace(FULL_1, scores=scores, attempts=[failed("oom", "no memory", "manuals_qa")])
    )
    assert row["full"].failures == (Failure(1, "manuals_qa", "oom", "no memory"),)
    assert row["full"].seeds == (0,)
    assert row["full"].tasks["k8s_qa"].scores["answer"].value == 0.625


def test_only_the_latest_failure_of_what_is_still_missing_counts(tmp_path: Path) -> None:
    attempts = [failed("killed", "first"), failed("oom", "second")]
    assert rows(tmp_path / "open", replace(LORA_1, attempts=attempts))["lora"].failures == (
        Failure(1, None, "oom", "second"),
    )
    assert rows(tmp_path / "done", replace(LORA_0, attempts=attempts))["lora"].failures == ()


def test_a_row_where_everything_failed_has_neither_scores_nor_costs(tmp_path: Path) -> None:
    row = rows(tmp_path, FULL_0, LORA_1)["lora"]
    assert (row.tasks, row.costs, row.seeds) == ({}, None, ())


# --- costs and conditions ---


def test_costs_are_means_over_seeds_and_peaks_stand_beside_full(full: Row, lora: Row) -> None:
    assert full.costs is not None
    assert lora.costs is not None
    assert (full.costs.train_tokens, full.costs.train_seconds, full.costs.tokens_per_second) == (2000, 20, 100)
    assert (full.costs.peak_bytes, full.costs.peak_vs_full) == (3_000_000_000, 1.0)
    assert full.costs.score_seconds == 4.0  # two tasks of 2 s a cell
    assert full.costs.measure_seconds == 3.0
    assert lora.costs.peak_vs_full == 0.5
    assert (lora.costs.trainable_parameters, lora.costs.adapter_bytes) == (20_000, 80_000)


def test_a_failed_cell_does_not_make_scoring_look_cheaper(tmp_path: Path) -> None:
    costs = rows(tmp_path, replace(LORA_0, score_seconds=2.0), LORA_1)["lora"].costs
    assert costs is not None
    assert costs.score_seconds == 4.0


def test_what_was_scored_and_left_out_and_what_made_it_are_facts(leaderboard: Leaderboard) -> None:
    counts = Counts(items=4, extractive=1, shortened=0, dropped=0)
    assert leaderboard.scored == {
        "k8s_qa": ScoredTask(counts=counts, left_out={"train overlaps manuals_qa eval": 2}),
        "manuals_qa": ScoredTask(counts=counts),
    }
    assert leaderboard.made_by == MadeBy(
        machines=("cpu: example, 2 threads, float32",), engines=("hf",), packages=({"torch": "2.13.0"},)
    )
    assert leaderboard.recipe_differences == ()


def test_different_package_versions_and_devices_are_told(tmp_path: Path) -> None:
    other = replace(PROVENANCE, packages={"torch": "2.14.0"}, device="cuda: example")
    made = build(load(write(tmp_path, FULL_0, replace(LORA_0, provenance=other)))).made_by
    assert made.machines == ("cpu: example, 2 threads, float32", "cuda: example, 2 threads, float32")
    assert made.several_for_training
    assert made.packages == ({"torch": "2.13.0"}, {"torch": "2.14.0"})


def test_training_items_that_were_too_long_are_counted(tmp_path: Path) -> None:
    root = write(tmp_path, FULL_0, LORA_0)
    for file, count in zip(sorted(root.glob("cells/*/cell.json")), (2, 3), strict=True):
        raw = json.loads(file.read_text())
        write_sealed(file, raw | {"training": raw["training"] | {"overlong_dropped": count}})
    assert build(load(root)).made_by.overlong == {"k8s_qa": 3}


def test_what_kind_of_row_it_is_comes_from_its_records(tmp_path: Path) -> None:
    base = replace(LORA_0, adapter="none", task=None, seed=None)
    some = replace(LORA_0, adapter="layer_lora", selector={"name": "top", "targets": "all"})
    elsewhere = replace(base, adapter="peft:path=x")
    root = write(tmp_path, elsewhere, base, FULL_0, some, LORA_0)
    for path in root.glob("cells/*peft*/cell.json"):
        write_sealed(path, json.loads(path.read_text().replace('"selector": {', '"weights": "0", "selector": {')))
    found = {row.adapter: row for row in build(load(root)).rows}
    assert {name: (row.is_base, row.external, row.some_layers, row.against) for name, row in found.items()} == {
        "peft:path=x": (False, True, False, None),
        "none": (True, False, False, None),
        "full": (False, False, False, None),
        "layer_lora": (False, False, True, "full"),
        "lora": (False, False, False, "full"),
    }
    assert [row.update for row in found.values()] == ["none", "none", "full", "low_rank", "low_rank"]


def test_forgetting_is_the_mean_change_on_the_study_s_own_text(tmp_path: Path, full: Row, lora: Row) -> None:
    assert full.forgetting is not None
    assert full.forgetting.nll == pytest.approx(1.07)
    assert full.forgetting.changes == {0: pytest.approx(0.05), 1: pytest.approx(0.09)}
    assert lora.forgetting is None
    found = build(load(write(tmp_path / "other", FULL_0, replace(FULL_1, general_text="another"))))
    assert found.rows[0].forgetting is not None
    assert found.rows[0].forgetting.changes == {0: pytest.approx(0.05)}
    assert found.other_texts == ("full × k8s_qa × seed 1",)


# --- the folder ---


def test_packed_records_and_samples_are_read_as_they_were_and_broken_ones_refused(tmp_path: Path) -> None:
    expected = build(load(write(tmp_path, *STUDY)))
    for path in [path for path in (tmp_path / "cells").rglob("*.json*") if path.is_file()]:
        path.with_name(f"{path.name}.bz2").write_bytes(bz2.compress(path.read_bytes()))
        path.unlink()
    assert build(load(tmp_path)) == expected
    for content in (b"", b"no bzip2", bz2.compress(b"{}\n")[:-9]):
        next((tmp_path / "cells").glob("*/samples/*.bz2")).write_bytes(content)
        with pytest.raises(StoreError, match="samples"):
            build(load(tmp_path))


def test_samples_changed_after_they_were_written_are_refused(tmp_path: Path) -> None:
    write(tmp_path, FULL_0)
    (path,) = (tmp_path / "cells").glob("*/samples/k8s_qa-*.jsonl")
    path.write_text(path.read_text().replace("0", "1", 1))
    with pytest.raises(StoreError, match="changed since it was written"):
        build(load(tmp_path))


def test_a_folder_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no study was run here"):
        load(tmp_path)


def test_every_format_of_the_folder_is_the_golden_one(tmp_path: Path) -> None:
    written = export(write(tmp_path, *STUDY), ["md", "csv", "summary", "json", "latex", "model-card"])
    assert [path.name for path in written] == [
        *("leaderboard.md", "leaderboard.csv", "leaderboard.summary.csv", "leaderboard.json", "leaderboard.tex"),
        "leaderboard.card.md",
    ]
    for path in written:
        golden = GOLDEN / path.name
        if UPDATE:
            golden.write_bytes(path.read_bytes())
        found, expected = (file.read_text(encoding="utf-8") for file in (path, golden))
        if path.suffix == ".json":
            assert json.loads(found) == json.loads(expected)
        else:
            assert found == expected, path.name


@pytest.mark.slow
def test_a_folder_gives_the_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    write(tmp_path, *STUDY)
    found = set()
    for seed in "02":
        command = [sys.executable, "-m", "medcot_bench", "export", str(tmp_path), "--format", "json"]
        subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": seed}, check=True, capture_output=True)
        found.add((tmp_path / "leaderboard.json").read_bytes())
    assert len(found) == 1


def test_the_json_golden_file_gives_the_leaderboard_again(leaderboard: Leaderboard) -> None:
    text = (GOLDEN / "leaderboard.json").read_text(encoding="utf-8")
    assert TypeAdapter(Leaderboard).validate_json(text) == leaderboard


def test_missing_cells_are_counted_once(tmp_path: Path) -> None:
    whole = {"k8s_qa": {"answer": answers(1, 0, 1, 0)}, "manuals_qa": {"answer": answers(1, 0, 1, 0)}}
    board = build(
        load(
            write(
                tmp_path,
                Made(
                    adapter="none",
                    task=None,
                    seed=None,
                    train=None,
                    attempts=[failed("oom", "too large")],
                    baselines={"cot": {}, "few_shot=2": {}},
                ),
                Made(adapter="full", scores=whole),
                Made(adapter="full", seed=1, train=None),
                Made(adapter="lora", scores={"k8s_qa": whole["k8s_qa"]}),
            )
        )
    )
    assert board.unfinished == 3


def test_a_cell_without_its_checkpoints_is_not_whole(tmp_path: Path) -> None:
    whole = {"k8s_qa": {"answer": answers(1, 0, 1, 0)}, "manuals_qa": {"answer": answers(1, 0, 1, 0)}}
    write(tmp_path, Made(adapter="full", scores=whole, checkpoints={"1/2": whole}))
    assert build(load(tmp_path)).unfinished == 0
    (path,) = tmp_path.glob("cells/*/scores/*000012manual*")
    path.unlink()
    assert build(load(tmp_path)).unfinished == 1
