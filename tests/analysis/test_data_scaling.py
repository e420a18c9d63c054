"""Gaps against the number of training items: planted lines, and a real run over two numbers."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy
import pytest
from planted import Made, write
from sealed import write_sealed

import medcot_bench
from medcot_bench.analysis.data_scaling import estimate_size_trends
from medcot_bench.analysis.per_item import references, rows_of
from medcot_bench.errors import ConfigErrors
from medcot_bench.planning.build import make_plan
from medcot_bench.results.folder import Results, load
from medcot_bench.study.loading import load_study
from medcot_bench.study.schema import Study

SIZES = {10: 0.3, 100: 0.2, 1000: 0.1}
"""Training items -> the gap that is planted."""


def plant(root: Path) -> Results:
    made = []
    for count, gap in SIZES.items():
        for adapter, mean in (("full", 0.8), ("lora:r=8", 0.8 - gap)):
            colon = "," if ":" in adapter else ":"
            for seed in range(3):
                rng = random.Random(f"{adapter} {count} {seed}")
                row = {str(n): mean + rng.gauss(0, 0.02) for n in range(20)}
                label = f"{adapter}{colon}train_items={count}"
                made.append(Made(adapter=label, seed=seed, scores={"k8s_qa": {"answer": row}}))
    write(root, *made)
    for count in SIZES:
        for path in root.glob(f"cells/*train_items{count}__*/cell.json"):
            text = path.read_text().replace('"request": {', f'"request": {{"train": "{count}", ')
            write_sealed(path, json.loads(text.replace('"items": 4', f'"items": {count}')))
    return load(root)


def test_every_size_has_its_own_reference(tmp_path: Path) -> None:
    found = references(rows_of(plant(tmp_path)))
    for count in SIZES:
        lora, full = f"lora:r=8,train_items={count}", f"full:train_items={count}"
        assert found[lora, "k8s_qa"] == found[full, "k8s_qa"] == (full, "k8s_qa")


def test_the_line_is_the_one_through_the_gaps(tmp_path: Path) -> None:
    (found,) = estimate_size_trends(plant(tmp_path))
    assert (found.trained, found.adapter, found.task, found.score) == ("k8s_qa", "lora:r=8", "k8s_qa", "answer")
    assert [*found.gaps] == [10, 100, 1000]
    gaps = [gap.value for gap in found.gaps.values()]
    assert gaps == pytest.approx([*SIZES.values()], abs=0.02)
    assert found.slope.value == pytest.approx(numpy.polyfit([1, 2, 3], gaps, 1)[0])
    low, high = found.slope.interval() or (0, 0)
    assert low < -0.1 < high
    assert (found.p_value or 0) < 0.001


def test_one_size_is_no_trend(tmp_path: Path) -> None:
    row = {"k8s_qa": {"answer": dict.fromkeys("abcd", 1.0)}}
    assert (
        estimate_size_trends(load(write(tmp_path, *(Made(adapter=a, scores=row) for a in ("full", "lora"))))) == ()
    )


def test_sizes_make_a_cell_each_on_nested_items(study_fields: dict[str, Any]) -> None:
    fields = study_fields | {"adapters": "none,full,lora:r=8,qlora:train_items=3", "data": {}}
    plan = make_plan(Study.model_validate(fields | {"training": {"train_items": "4,8,all"}}))
    assert [cell.adapter for cell in plan.cells] == [
        "none",
        *(f"full:train_items={n}" for n in (4, 8, "all")),
        *(f"lora:r=8,train_items={n}" for n in (4, 8, "all")),
        "qlora:train_items=3",
    ]
    few, more, whole = (plan.train_items("k8s_qa", f"full:train_items={n}") for n in (4, 8, "all"))
    assert (len(few), len(more)) == (4, 8)
    assert whole[:8] == more
    assert more[:4] == few
    assert len(whole) > 8
    typed = make_plan(Study.model_validate(fields | {"adapters": "full", "training": {"train_items": 8}}))
    assert typed.cells[0].id == plan.cells[2].id  # however it is written


def test_hypotheses_name_adapters_with_or_without_a_size(study_fields: dict[str, Any]) -> None:
    fields = study_fields | {"adapters": "full,lora,qlora:train_items=3", "training": {"train_items": "4,all"}}
    named = ["lora", "lora:train_items=4", "qlora", "qlora:train_items=3"]
    assert make_plan(Study.model_validate(fields | {"data": {}, "analysis": {"adapters": named}})).cells
    with pytest.raises(ConfigErrors, match=r"analysis\.adapters: lora:train_items=8 is not in the study"):
        make_plan(Study.model_validate(fields | {"data": {}, "analysis": {"adapters": ["lora:train_items=8"]}}))


@pytest.mark.parametrize("given", ["0", "-3", "4,4", "some", "4,none", [], [4, 0], 2.5])
def test_wrong_sizes_are_an_error_of_one_line(given: Any) -> None:
    _, errors = load_study(None, [("training.train_items", given)])
    assert [error.split(": ")[0] for error in errors] == ["training.train_items"]


def test_wrong_sizes_of_an_adapter_are_an_error(study_fields: dict[str, Any]) -> None:
    for given in ("0", "many"):
        with pytest.raises(ConfigErrors, match="train_items"):
            make_plan(Study.model_validate(study_fields | {"adapters": f"lora:train_items={given}"}))


@pytest.mark.slow
@pytest.mark.usefixtures("warm_workers")
def test_a_real_run_over_two_sizes_shows_the_trend(study_fields: dict[str, Any]) -> None:
    fields = study_fields | {"adapters": "full,lora", "data": {}, "scoring": {"scores": ("gold_nll",)}}
    fields |= {"training": {"train_items": "4,12", "batch_size": 2}, "seeds": (0, 1)}
    results = medcot_bench.run(fields)
    assert {cell.record.training.items for cell in results.cells if cell.record} == {4, 12}
    assert {tuple(trend.gaps) for trend in estimate_size_trends(results)} == {(4, 12)}
    assert "Does the gap depend on the number of training items?" in (results.root / "leaderboard.md").read_text()
