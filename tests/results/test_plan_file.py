"""plan.json: what is written is read again, and sentences of schema 1 are read as the facts that they state."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.errors import ConfigError, StoreError
from medcot_bench.results import plan_file
from medcot_bench.results.cells import FINAL, CellKey, EvaluationKey
from medcot_bench.results.plan_file import (
    LeftOutBaseline,
    MadeWith,
    PlanFile,
    PlannedCell,
    PlannedTask,
)
from medcot_bench.results.trials import Trial

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
COUNTS = st.integers(0, 10**6)
SHARES = st.floats(0, 1e6, allow_nan=False)


@st.composite
def cells(draw: st.DrawFn) -> PlannedCell:
    key = draw(st.builds(CellKey, id=TEXTS, task=TEXTS | st.none(), adapter=TEXTS, seed=COUNTS | st.none()))
    evaluation = st.builds(
        EvaluationKey,
        id=TEXTS,
        cell=st.just(key.id),
        task=TEXTS,
        checkpoint=st.sampled_from([FINAL, "1/3", "2/3"]),
        baseline=st.sampled_from(["", "few_shot=5", "cot"]),
    )
    return PlannedCell(key=key, evaluations=tuple(draw(st.lists(evaluation, max_size=3))))


def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=3).map(tuple)


PLANS = st.builds(
    PlanFile,
    base=st.fixed_dictionaries({"name": TEXTS, "origin": TEXTS, "digest": TEXTS}),
    tasks=st.dictionaries(
        TEXTS,
        st.builds(
            PlannedTask,
            source=TEXTS,
            domain=TEXTS,
            left_out=st.dictionaries(TEXTS, COUNTS, max_size=2),
            notes=some(TEXTS),
            items_of=TEXTS | st.none(),
        ),
        max_size=3,
    ),
    made_with=st.none()
    | st.builds(
        MadeWith,
        split=st.sampled_from(["eval", "validation", "train"]),
        limit=COUNTS | st.none(),
        generate_items=COUNTS | st.none(),
        num_fewshot=COUNTS,
        shuffled_labels=st.booleans(),
        chat_template=st.booleans(),
        system_prompt=st.booleans(),
    ),
    baselines=some(TEXTS),
    left_out_baselines=some(st.builds(LeftOutBaseline, task=TEXTS, baseline=TEXTS, reason=TEXTS)),
    general_text=TEXTS,
    analysis=st.just({})
    | st.just({"primary": "gold_nll", "margins": {"answer": 0.1}, "adapters": [], "shifts": []}),
    trials=some(
        st.builds(
            Trial,
            adapter=TEXTS,
            task=TEXTS,
            seed=COUNTS,
            rate=SHARES,
            loss=SHARES | st.none(),
            seconds=SHARES,
            reused=SHARES,
            chosen=st.booleans(),
            kept=st.booleans(),
            losses=st.dictionaries(TEXTS, st.dictionaries(TEXTS, SHARES, max_size=3), max_size=3),
        )
    ),
    cells=some(cells()),
    other_rates=some(cells()),
    kept_rates=some(cells()),
    remarks=some(TEXTS),
)


@given(PLANS)
def test_what_is_written_is_read_again(plan: PlanFile) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, plan_file.FILE).write_bytes(plan_file.written(plan))
        assert plan_file.read(Path(folder)) == plan


def test_a_plan_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / plan_file.FILE
    path.write_text(json.dumps({"schema": plan_file.SCHEMA + 1, "tasks": "in another form"}))
    for reader in (plan_file.read, plan_file.refuse_newer):
        with pytest.raises(StoreError, match=r"written by a newer medcot-bench; update to read it"):
            reader(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": 1}', '{"schema": null}', "[" * 100_000])
def test_a_plan_that_says_no_newer_schema_is_none_of_a_newer_version(content: str, tmp_path: Path) -> None:
    (tmp_path / plan_file.FILE).write_text(content)
    plan_file.refuse_newer(tmp_path)


def test_a_folder_without_a_plan_says_where_there_is_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"^{tmp_path}: no study was run here \(no plan.json\)$"):
        plan_file.read(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "plan.json").touch()
    with pytest.raises(ConfigError, match=rf"; there is one in {tmp_path}/out$"):
        plan_file.read(tmp_path)


# --- schema 1 ---

SCORED = "scored on the 'eval' split, at most 36 items a task, 0 solved examples before each"
UNSAID = {
    "split": "eval",
    "limit": None,
    "generate_items": None,
    "num_fewshot": 0,
    "shuffled_labels": False,
    "chat_template": False,
    "system_prompt": False,
}


def read_1(folder: Path, **fields: Any) -> PlanFile:
    raw = {"schema": 1, "base": {"name": "tiny"}, "tasks": {}, "cells": [], **fields}
    (folder / "plan.json").write_text(json.dumps(raw), encoding="utf-8")
    return plan_file.read(folder)


@pytest.mark.parametrize(
    ("sentences", "facts"),
    [
        ([SCORED], {"limit": 36}),
        (
            ["scored on the 'validation' split, every item, 5 solved examples before each"],
            {"split": "validation", "num_fewshot": 5},
        ),
        (
            [
                "scored on the 'eval' split, at most 200 items a task, answers written for 60 of them, "
                "2 solved examples before each"
            ],
            {"limit": 200, "generate_items": 60, "num_fewshot": 2},
        ),
        (
            [
                "scored on the 'train' split, every item, answers written for 8 of them, "
                "0 solved examples before each"
            ],
            {"split": "train", "generate_items": 8},
        ),
        ([SCORED, "prompts in training and scoring: no chat template"], {"limit": 36}),
        (
            [SCORED, "prompts in training and scoring: the model's chat template, a system prompt"],
            {"limit": 36, "chat_template": True, "system_prompt": True},
        ),
        (
            [SCORED, "prompts in training and scoring: no chat template, a system prompt"],
            {"limit": 36, "system_prompt": True},
        ),
        ([SCORED, "trained on shuffled answers: a control, not a method"], {"limit": 36, "shuffled_labels": True}),
        (
            [SCORED, "'train' items are for looking at: this table says nothing about new items"],
            {"limit": 36},
        ),
    ],
)
def test_sentences_on_how_models_were_scored_are_read(
    sentences: list[str], facts: dict[str, Any], tmp_path: Path
) -> None:
    plan = read_1(tmp_path, settings=sentences, num_fewshot=facts.get("num_fewshot", 0))
    assert plan.made_with
    assert asdict(plan.made_with) == {**UNSAID, **facts}
    assert (plan.left_out_baselines, plan.remarks) == ((), ())


@pytest.mark.parametrize(
    ("sentence", "left_out"),
    [
        (
            "k8s_qa: no baseline zero_shot: its prompt is that of the base's own row",
            ("k8s_qa", "zero_shot", "its prompt is that of the base's own row"),
        ),
        (
            "k8s_qa:level=hard: no baseline few_shot=5: only 3 training items share no group or question with "
            "what is scored",
            (
                "k8s_qa:level=hard",
                "few_shot=5",
                "only 3 training items share no group or question with what is scored",
            ),
        ),
        (
            "lm_eval:arc_easy,limit=9: no baselines: it has prompts of its own",
            ("lm_eval:arc_easy,limit=9", "", "it has prompts of its own"),
        ),
    ],
)
def test_sentences_on_baselines_left_out_are_read(
    sentence: str, left_out: tuple[str, str, str], tmp_path: Path
) -> None:
    plan = read_1(tmp_path, settings=[SCORED, sentence])
    assert [(one.task, one.baseline, one.reason) for one in plan.left_out_baselines] == [left_out]
    assert plan.remarks == ()


@given(st.lists(TEXTS.filter(lambda text: ": no baseline" not in text), max_size=3))
def test_other_sentences_are_kept_as_they_are(sentences: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plan = read_1(Path(folder), settings=[SCORED, *sentences])
    assert list(plan.remarks) == sentences
    assert plan.made_with


def test_a_plan_that_says_nothing_of_scoring_has_no_facts_on_it(tmp_path: Path) -> None:
    assert read_1(tmp_path).made_with is None
    assert read_1(tmp_path, settings=["made by hand"]).made_with is None
    of_shots = read_1(tmp_path, num_fewshot=4).made_with
    assert of_shots
    assert of_shots.num_fewshot == 4


def test_cells_of_schema_1_are_keys_with_their_evaluations(tmp_path: Path) -> None:
    cell = {
        "id": "c0ffee",
        "name": "k8s_qa__lora__s0-c0ffee",
        "task": "k8s_qa",
        "adapter": "lora",
        "seed": 0,
        "scores": {"a1": "k8s_qa"},
        "checkpoints": {"b2": ["1/3", "k8s_qa"]},
        "baselines": {"c3": ["cot", "k8s_qa"]},
    }
    plan = read_1(tmp_path, cells=[cell], other_rates=[{**cell, "scores": {}, "baselines": {}}])
    [found] = plan.cells
    assert found.key == CellKey(id="c0ffee", task="k8s_qa", adapter="lora", seed=0)
    assert found.key.name == cell["name"]
    assert [(one.id, one.cell, one.checkpoint, one.baseline) for one in found.evaluations] == [
        ("a1", "c0ffee", "final", ""),
        ("b2", "c0ffee", "1/3", ""),
        ("c3", "c0ffee", "final", "cot"),
    ]
    assert [one.id for one in plan.other_rates[0].evaluations] == ["b2"]


def test_what_schema_1_said_of_a_task_beyond_today_is_left_aside(tmp_path: Path) -> None:
    task = {"source": "bundled-v1", "domain": "kubernetes", "colour": "red"}
    assert read_1(tmp_path, tasks={"k8s_qa": task}).tasks == {
        "k8s_qa": PlannedTask(source="bundled-v1", domain="kubernetes")
    }
