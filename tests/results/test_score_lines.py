"""Scores of training runs as plain lines: a line for each, its values, and what is missing is None."""

from __future__ import annotations

import csv
import math
import statistics
from dataclasses import replace
from pathlib import Path

import pandas
import published
import pytest
from planted import TRAIN, Made, answers, write

from medcot_bench.report.export import export
from medcot_bench.results.folder import load
from medcot_bench.results.score_lines import COLUMNS
from medcot_bench.testing.example_results import whole_results

VALUES = {str(n): n / 40 for n in range(40)}
SCORES = {"k8s_qa": {"answer": VALUES, "gold_nll": VALUES}, "manuals_qa": {"answer": answers(1, 1, 0, 1)}}
PLACE = ("k8s_qa", "answer")
RECIPE = {"recipe": {"lr": 2e-4}}
STUDY = [
    Made(adapter="none", seed=None, task=None, scores=SCORES, baselines={"cot": {"k8s_qa": {"answer": VALUES}}}),
    Made(adapter="lora", scores=SCORES, request=RECIPE, kl=0.25, general=(1.5, 1.25)),
    Made(adapter="lora", seed=1, scores=SCORES, request=RECIPE, general=(1.5, 1.25), general_text="other"),
    Made(adapter="full", train=None),
]


def frame_of(root: Path, *study: Made) -> pandas.DataFrame:
    return load(write(root, *study)).to_pandas()


def test_there_is_a_line_for_every_score_of_every_run(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, *STUDY)
    assert [*frame.columns] == [*COLUMNS]
    found = {
        (row.method, None if pandas.isna(row.seed) else row.seed, row.task, row.metric)
        for row in frame.itertuples()
    }
    scored = [("k8s_qa", "answer"), ("k8s_qa", "gold_nll"), ("manuals_qa", "answer")]
    runs = [("none", None), ("lora", 0), ("lora", 1)]
    assert found == {(*run, *score) for run in runs for score in scored} | {
        ("none (cot)", None, "k8s_qa", "answer")
    }
    assert len(frame) == len(found)


def test_values_are_means_with_errors_over_groups_of_items(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, *STUDY)
    own = frame[(frame.method == "lora") & (frame.seed == 1)].set_index(["task", "metric"])
    alone = own.loc["k8s_qa", "answer"]  # every item is a group of its own
    assert alone.value == pytest.approx(statistics.fmean(VALUES.values()))
    assert alone.stderr == pytest.approx(statistics.stdev(VALUES.values()) / math.sqrt(40))
    assert (alone["items"], alone.groups, alone.higher_is_better) == (40, 40, True)
    assert not own.loc["k8s_qa", "gold_nll"].higher_is_better
    pairs = own.loc["manuals_qa", "answer"]  # a and b are one group, c and d another: means 1 and 0.5
    assert (pairs.value, pairs["items"], pairs.groups, pairs.relation) == (0.75, 4, 2, "shift")
    assert pairs.stderr == pytest.approx(statistics.stdev([1, 0.5]) / math.sqrt(2))


def test_runs_have_their_costs_and_drift(tmp_path: Path) -> None:
    (path,) = export(write(tmp_path, *STUDY), ["csv"])
    rows = [*csv.DictReader(path.read_text().splitlines())]
    answered = {(row["method"], row["seed"]): row for row in rows if (row["task"], row["metric"]) == PLACE}
    first, second, base = (answered[run] for run in (("lora", "0"), ("lora", "1"), ("none", "")))
    assert (float(first["lr"]), first["steps"], first["base_model"]) == (2e-4, "2", "tiny")
    assert (float(first["peak_bytes"]), float(first["train_seconds"])) == (TRAIN.peak_bytes, TRAIN.seconds)
    assert (float(first["kl"]), float(first["general_nll"]), float(first["forgetting"])) == (0.25, 1.5, 0.25)
    assert (second["kl"], second["general_nll"], second["forgetting"]) == ("", "", "")  # of another text
    assert (base["trained_on"], base["seed"], base["lr"], base["steps"], base["relation"]) == (
        "",
        "",
        "",
        "",
        "base",
    )
    assert first["run"] == "k8s_qa__lora__s0-000000000001"


def test_the_file_is_the_frame(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, *STUDY)
    (path,) = export(tmp_path, ["csv"])
    read = pandas.read_csv(path, dtype={"seed": "Int64", "groups": "int64"})
    pandas.testing.assert_frame_equal(read, frame, check_dtype=False)


def test_a_study_without_scores_is_a_header(tmp_path: Path) -> None:
    assert frame_of(tmp_path, STUDY[-1]).empty
    (path,) = export(tmp_path, ["csv"])
    assert path.read_text() == ",".join(COLUMNS) + "\n"


def test_scores_that_are_no_means_over_items_are_those_of_lm_eval() -> None:
    lines = [line for line in whole_results().score_lines() if line["metric"] == "word_perplexity"]
    assert {(line["value"], line["stderr"], line["groups"]) for line in lines} == {
        (29.75, 0.1, None),
        (29.5, 0.1, None),
    }


@pytest.mark.parametrize("name", published.names())
def test_values_of_published_studies_are_those_of_their_records(name: str) -> None:
    results, _ = published.read(published.RESULTS / name)
    cells = {cell.row + cell.cell.name: cell for cell in results.cells}
    lines = [*results.score_lines()]
    assert lines
    for line in lines:
        record = cells[line["method"] + line["run"]].evaluations[line["task"]]
        assert line["value"] == pytest.approx(record.results[f"{line['metric']},none"], rel=1e-9, abs=1e-12)


def test_another_seed_of_a_row_is_another_line(tmp_path: Path) -> None:
    alone = frame_of(tmp_path / "one", STUDY[1])
    both = frame_of(tmp_path / "two", STUDY[1], replace(STUDY[1], seed=1))
    assert len(both) == 2 * len(alone)
