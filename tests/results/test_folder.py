"""Reading a result folder: each sample file once, the folders of cells listed once, items without their texts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from planted import Made, answers, write

from medcot_bench.analysis.build import build
from medcot_bench.errors import ConfigError, StoreError
from medcot_bench.results.folder import load
from medcot_bench.results.items import read_items
from medcot_bench.results.store import Store

SCORES = {
    task: {"answer": answers(1, 0, 1, 0), "gold_nll": answers(1, 2, 1, 2)} for task in ("k8s_qa", "manuals_qa")
}
STUDY = [
    Made(adapter="none", seed=None, task=None, scores=SCORES),
    *(
        Made(adapter=a, seed=s, scores=SCORES, checkpoints={"1/2": SCORES})
        for a in ("full", "lora")
        for s in (0, 1)
    ),
]


def test_a_leaderboard_reads_each_sample_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, *STUDY)
    read: Counter[str] = Counter()
    samples = Store.samples

    def counted(store: Store, cell: Any, evaluation: Any, record: Any) -> Any:
        read[evaluation.id] += 1
        return samples(store, cell, evaluation, record)

    monkeypatch.setattr(Store, "samples", counted)
    board = build(load(tmp_path))
    assert board.persistence
    assert board.matched
    assert len(read) == 2 + 4 * 4
    assert set(read.values()) == {1}


def test_the_folders_of_cells_are_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, *STUDY)
    listed: list[str] = []
    iterdir, glob = Path.iterdir, Path.glob
    monkeypatch.setattr(Path, "iterdir", lambda path: listed.append(path.name) or iterdir(path))
    monkeypatch.setattr(Path, "glob", lambda path, *args: listed.append(path.name) or glob(path, *args))
    build(load(tmp_path))
    assert listed.count("cells") == 2  # to read the records, and the samples


def test_a_cell_is_found_by_its_id_whatever_its_folder_is_called(tmp_path: Path) -> None:
    write(tmp_path, *STUDY)
    before = load(tmp_path)
    for folder in [*(tmp_path / "cells").iterdir()]:
        folder.rename(folder.with_name(f"other-{folder.name.rpartition('-')[2]}"))
    assert load(tmp_path) == before
    assert build(load(tmp_path)) == build(before)


def test_evaluations_whose_training_run_has_no_record_are_no_results(tmp_path: Path) -> None:
    write(tmp_path, *STUDY)
    before = load(tmp_path).cells
    (tmp_path / "cells" / before[1].cell.name / "cell.json").unlink()
    lost, *others = [cell for cell in load(tmp_path).cells if cell.record is None]
    assert (others, lost.cell) == ([], before[1].cell)
    assert (lost.evaluations, lost.checkpoints, lost.whole) == ({}, {}, False)


def test_items_hold_what_analyses_need_and_no_text() -> None:
    samples = [
        {
            "id": "a",
            "group": "1",
            "prediction": "x",
            "option_loglikelihoods": {"A": 0.1, "B": 0.2},
            "scores": {"answer": 1.0},
        },
        {"id": "b", "group": "1", "prediction": "y", "option_loglikelihoods": {}, "scores": {"choice": 0.0}},
    ]
    samples = [sample | {"group": "1"} for sample in samples]
    items = read_items(samples)
    assert items.groups == {"a": "1", "b": "1"}
    assert items.scores == {"answer": {"a": 1.0}, "choice": {"b": 0.0}}
    assert items.options == (2,)
    assert set(items.answers) == {"prediction", "option_loglikelihoods"}
    other = read_items([samples[0], samples[1] | {"prediction": "z"}])
    assert {name for name in items.answers if items.answers[name] != other.answers[name]} == {"prediction"}
    assert read_items([]).answers == {}


def test_samples_are_found_by_names(tmp_path: Path) -> None:
    other = [Made(adapter="lora:r=2", seed=seed, task="manuals_qa", scores=SCORES) for seed in (0, 1)]
    results = load(write(tmp_path, *STUDY, *other))
    by_name = {(cell.row, cell.cell.task, cell.cell.seed): cell for cell in results.cells}
    for names, wanted in (
        ({"cell": "none"}, ("none", None, None)),
        ({"cell": "full"}, ("full", "k8s_qa", 0)),
        ({"cell": "full", "seed": 1, "trained_on": "k8s_qa"}, ("full", "k8s_qa", 1)),
        ({"cell": "lora:r=2"}, ("lora:r=2", "manuals_qa", 0)),
    ):
        assert results.samples(task="k8s_qa", **names) == results.samples(by_name[wanted], "k8s_qa")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"cell": "ful"}, "no row 'ful'; did you mean full?"),
        ({"cell": "full", "seed": 7}, "full has no seed 7; seeds: 0, 1"),
        ({"cell": "full", "trained_on": "medqa_cot"}, "full was not trained on medqa_cot, but on k8s_qa"),
        ({"cell": "lora"}, "lora was trained on k8s_qa, manuals_qa; name one by trained_on="),
        ({"cell": "full", "task": "k8s"}, "full is not scored on 'k8s'; did you mean k8s_qa?"),
    ],
)
def test_names_that_mean_no_samples_are_an_error(tmp_path: Path, names: dict[str, Any], said: str) -> None:
    other = Made(adapter="lora", task="manuals_qa", scores=SCORES)
    with pytest.raises(ConfigError) as raised:
        load(write(tmp_path, *STUDY, other)).samples(**{"task": "k8s_qa", **names})
    assert str(raised.value) == said


def test_samples_without_a_record_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, STUDY[1])
    (path,) = tmp_path.glob("cells/*/samples/k8s_qa-*0k8s*")
    path.unlink()
    results = load(tmp_path)
    with pytest.raises(StoreError, match=r"k8s_qa.*is not there, though its evaluation is"):
        results.samples(results.cells[0], "k8s_qa")
