"""A folder of the version before plan.json held facts: it is read, shown, planned and gone on with as it stands.

`folders/schema_1` was run by that version (plan.json of schema 1, records that do not say their `update`), with
checkpoints, tuned rates and prompting baselines, and packed by benchmarks/publish.py. `leaderboard.json.bz2` holds
the numbers that it exported then. Other folders stand for still older versions, which wrote less into plan.json.
"""

from __future__ import annotations

import bz2
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from renamed_columns import path_today

from medcot_bench.analysis.build import build
from medcot_bench.base_model.resolve import resolve
from medcot_bench.cli import main
from medcot_bench.results import plan_file
from medcot_bench.results.folder import load

CHANGED = ("difference", "equivalence", "p_value", "margin")
OLD = Path(__file__).parent / "folders" / "schema_1"
Flags = list[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy to write into."""
    return Path(shutil.copytree(OLD, tmp_path / "old"))


@pytest.fixture
def study(tiny_model: Path, examples: Path, folder: Path) -> Flags:
    """The arguments that go on with the old folder's study in the copy."""
    now, then = resolve(str(tiny_model)).digest, plan_file.read(OLD).base["digest"]
    if now != then:
        pytest.skip("this version of torch or transformers writes other bytes for the tiny model")
    data = [
        part for name in ("k8s_qa", "manuals_qa") for part in ("--data", f"{name}=file:{examples / name}.jsonl")
    ]
    return [str(OLD / "study.yaml"), "--model", str(tiny_model), *data, "-o", str(folder)]


def numbers(part: Any) -> Any:
    """A JSON document without its texts."""
    if isinstance(part, int | float):
        return part
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return {str(key): kept for key, value in inner if (kept := numbers(value)) not in (None, {})} or None


def flat(part: Any, path: str = "") -> dict[str, float]:
    if not isinstance(part, dict):
        return {path: part}
    return {place: value for key, inner in part.items() for place, value in flat(inner, f"{path}/{key}").items()}


def place_today(place: str) -> str:
    return "/" + "/".join(path_today(tuple(place.split("/")[1:])))


def test_the_leaderboard_has_the_numbers_that_it_had_then(folder: Path) -> None:
    assert main(["export", str(folder), "--format", "json"]) == 0
    found = flat(numbers(json.loads((folder / "leaderboard.json").read_text(encoding="utf-8"))))
    then = flat(json.loads(bz2.decompress((OLD / "leaderboard.json.bz2").read_bytes())))
    # P-values of two seeds are computed otherwise now, gaps at matched score leave early seeds out, and margins
    # have other defaults: the folder names none.
    then = {
        path: value
        for path, value in then.items()
        if path.rpartition("/")[2] not in CHANGED and not path.startswith(("/matched/", "/margins/"))
    }
    assert len(then) > 1000
    assert {place: found.get(place_today(place)) for place in then} == pytest.approx(then, rel=1e-9)


def test_facts_are_read_from_its_sentences() -> None:
    plan = plan_file.read(OLD)
    assert plan.made_with == plan_file.MadeWith(
        split="eval",
        limit=3,
        generate_items=None,
        num_fewshot=0,
        shuffled_labels=False,
        chat_template=False,
        system_prompt=False,
    )
    assert plan.remarks == ()
    assert {left.task for left in plan.left_out_baselines} == set(plan.tasks)
    assert {(left.baseline, left.reason) for left in plan.left_out_baselines} == {
        ("zero_shot", "its prompt is that of the base's own row")
    }
    assert plan.tasks["manuals_qa@other_prompt"].items_of == "manuals_qa"
    evaluations = [one for cell in plan.cells for one in cell.evaluations]
    assert {one.checkpoint for one in evaluations} == {"final", "1/2"}
    assert {one.baseline for one in evaluations} == {"", "no_context"}
    assert len(plan.trials) == 6
    assert len(plan.other_rates) == 3


def test_records_that_do_not_say_their_update_have_that_of_their_adapter() -> None:
    records = {cell.cell.adapter: cell.record for cell in load(OLD).cells if cell.record}
    assert {adapter: (record.update, record.updates) for adapter, record in records.items()} == {
        "none": ("", "none"),
        "full": ("", "full"),
        "lora:r=4": ("", "low_rank"),
        "layer_lora:k=1": ("", "low_rank"),
    }
    assert [adapter for adapter, record in records.items() if record.updates_all] == ["full"]


def test_nothing_is_left_to_run(study: Flags, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *study, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["stage"] == "study"
    assert {cell["action"] for cell in plan["cells"]} == {"done"}
    assert {cell["id"] for cell in plan["cells"]} == {cell.key.id for cell in plan_file.read(OLD).cells}


@pytest.mark.slow
def test_going_on_trains_only_what_is_missing(
    study: Flags, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in folder.glob("cells/*/**/*.bz2")}
    assert main(["run", *study, "--seeds", "0,1,2", "-q"]) == 0
    assert {path: path.read_bytes() for path in before} == before
    made = {path.parent.name.rpartition("-")[0] for path in folder.glob("cells/*/cell.json")}
    assert made == {f"k8s_qa__{adapter}__s2" for adapter in ("full", "lora.r4", "layer_lora.k1")}
    results = load(folder)
    assert all(cell.whole for cell in results.cells)
    assert {cell.cell.seed for cell in results.cells} == {None, 0, 1, 2}
    assert results.plan.schema == plan_file.SCHEMA
    old = load(OLD)
    # What is kept was not said then: of trials without losses per item, the chosen one.
    assert results.trials == tuple(replace(trial, kept=trial.chosen) for trial in old.trials)
    assert {cell.cell.id for cell in old.cells} < {cell.cell.id for cell in results.cells}
    assert [row.adapter for row in build(results).rows] == [row.adapter for row in build(old).rows]


def without(*fields: str) -> Callable[[dict[str, Any]], None]:
    def change(plan: dict[str, Any]) -> None:
        for field in fields:
            del plan[field]

    return change


def without_in_cells(*fields: str) -> Callable[[dict[str, Any]], None]:
    def change(plan: dict[str, Any]) -> None:
        for cell in plan["cells"]:
            for field in fields:
                del cell[field]

    return change


@pytest.mark.parametrize(
    "change",
    [
        without("settings"),
        without("settings", "num_fewshot"),
        without("analysis"),
        without("general_text"),
        without("trials", "other_rates"),
        without("baselines"),
        without("schema"),
        without_in_cells("checkpoints", "baselines"),
    ],
    ids=[
        "settings",
        "settings and shots",
        "analysis",
        "text",
        "trials",
        "asked baselines",
        "schema",
        "parts of cells",
    ],
)
def test_still_older_plans_lack_a_field_and_change_no_score(
    change: Callable[[dict[str, Any]], None], folder: Path
) -> None:
    raw = json.loads((OLD / "plan.json").read_text(encoding="utf-8"))
    change(raw)
    (folder / "plan.json").write_text(json.dumps(raw), encoding="utf-8")
    expected = {(row.adapter, row.task): row.tasks for row in build(load(OLD)).rows if not row.baseline}
    found = {(row.adapter, row.task): row.tasks for row in build(load(folder)).rows if not row.baseline}
    assert found.keys() == expected.keys()
    for row, tasks in found.items():
        assert {task: part.scores for task, part in tasks.items()} == {
            task: part.scores for task, part in expected[row].items()
        }


def test_what_an_older_plan_does_not_say_is_not_made_up(folder: Path) -> None:
    raw = json.loads((OLD / "plan.json").read_text(encoding="utf-8"))
    for field in ("settings", "num_fewshot", "analysis", "general_text", "trials", "other_rates"):
        del raw[field]
    (folder / "plan.json").write_text(json.dumps(raw), encoding="utf-8")
    plan = plan_file.read(folder)
    assert plan.made_with is None
    assert (plan.general_text, plan.trials, plan.other_rates, plan.left_out_baselines) == ("", (), (), ())
    analysis = load(folder).analysis
    assert (analysis.primary, analysis.adapters, analysis.shifts) == ("answer", (), ())
    assert main(["export", str(folder), "--format", "md,csv,json,html"]) == 0


def test_a_plan_of_a_newer_version_is_refused_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = json.loads((OLD / "plan.json").read_text(encoding="utf-8"))
    (folder / "plan.json").write_text(json.dumps(raw | {"schema": plan_file.SCHEMA + 1}), encoding="utf-8")
    for command in (["export", str(folder)], ["compare", str(folder)], ["predict", str(folder), "lora", "Why?"]):
        assert main(command) == 3
        said = capsys.readouterr()
        assert said.out == ""
        assert "newer medcot-bench" in said.err
        assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"schema": 1',
        "[]",
        "{}",
        '{"schema": "two"}',
        '{"schema": 2}',
        '{"schema": 1, "base": {}, "tasks": [], "cells": []}',
        '{"schema": 1, "base": {}, "tasks": {}, "cells": [{"id": "x"}]}',
        '{"schema": 2, "base": {}, "tasks": {}, "made_with": null, "cells": [], "analysis": {"primary": 3}}',
        "[" * 100_000,
        "\ud800",
    ],
    ids=range(11),
)
def test_a_damaged_plan_is_refused_in_one_line(
    content: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "plan.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    assert main(["export", str(folder)]) == 3
    said = capsys.readouterr().err
    assert said == f"medcot-bench: {folder / 'plan.json'}: can't be read; run the study again to make it\n"
