"""A study becomes cells and scores: their ids, their items and their relations."""

from __future__ import annotations

import dataclasses
import importlib
import json
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from medcot_bench import hookimpl
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.entries import PluginEntry
from medcot_bench.plugins.manager import Plugins, installed
from medcot_bench.study.schema import Study
from medcot_bench.types import AdapterSpec

Fields = dict[str, Any]


def plan_of(fields: Fields, **changes: Any) -> Plan:
    return make_plan(Study.model_validate(fields | changes))


class Everything:
    """An adapter of a third party that updates all weights, as `full` does."""

    def __getattr__(self, name: str) -> Any:
        return getattr(installed().make_adapter("full"), name)

    @property
    def spec(self) -> AdapterSpec:
        return dataclasses.replace(installed().make_adapter("full").spec, name="everything")


@pytest.fixture
def third_party(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """The installed plugins, with an adapter `everything` of a package `acme`."""
    module = types.ModuleType("_everything")
    module.medcot_make_adapter = hookimpl(lambda name, options: Everything())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return Plugins([*installed().entries, PluginEntry("adapter", "everything", module.__name__, "acme", "1.0")])


def test_what_updates_all_weights_of_all_layers_is_the_reference_whatever_its_name(
    study_fields: Fields, third_party: Plugins
) -> None:
    adapters = "full,full:select=top,everything,everything:select=top,lora"
    study = Study.model_validate(study_fields | {"adapters": adapters})
    plan = make_plan(study, plugins=third_party)
    assert [label for label in plan.adapters if plan.updates_all(label)] == ["full", "everything"]


def cell_ids(plan: Plan) -> dict[tuple[str, str | None, int | None], str]:
    return {(cell.adapter, cell.task, cell.seed): cell.id for cell in plan.cells}


def score_ids(plan: Plan) -> set[str]:
    return {score.id for score in plan.evaluations}


def lora_id(plan: Plan) -> str:
    return next(cell.id for cell in plan.cells if cell.adapter.startswith(("lora", "layer_lora")))


def test_equal_requests_have_equal_ids_wherever_the_data_and_the_results_lie(
    study_fields: Fields, examples: Path, tmp_path: Path
) -> None:
    first = plan_of(study_fields)
    shutil.copy(examples / "k8s_qa.jsonl", tmp_path / "copy.jsonl")
    moved = {"k8s_qa": f"file:{tmp_path / 'copy.jsonl'}"}
    again = plan_of(study_fields, data=moved, output_dir="elsewhere", threads=1, device="cpu", keep_weights="all")
    assert cell_ids(again) == cell_ids(first)
    assert score_ids(again) == score_ids(first)


def test_every_id_is_of_its_own(study_fields: Fields) -> None:
    plan = plan_of(
        study_fields, tasks="k8s_qa,medqa_cot", adapters="none,full,lora,layer_lora,qlora", seeds=[0, 1]
    )
    assert len(plan.cells) == len({cell.id for cell in plan.cells}) == 1 + 4 * 2 * 2
    assert len(plan.evaluations) == len(score_ids(plan)) == 17 * 2
    assert [score.task for score in plan.evaluations_of(plan.cells[0])] == ["k8s_qa", "medqa_cot"]


@pytest.mark.parametrize(
    "changes",
    [
        {"training": {"max_steps": 2, "batch_size": 2, "lr": 0.5}},
        {"training": {"max_steps": 2, "batch_size": 2, "train_items": 3}},
        {"training": {"max_steps": 2, "batch_size": 2, "labels": "shuffled"}},
        {"seeds": [1]},
        {"adapters": "none,lora:r=8"},
        {"adapters": "none,lora:lr=0.5"},
        {"adapters": "none,lora:select=top"},
        {"adapters": "none,lora:targets=attention"},
        {"chat_template": True},
        {"system_prompt": "Be brief."},
        {"dtype": "bfloat16"},
    ],
    ids=str,
)
def test_what_changes_the_training_changes_the_id(study_fields: Fields, changes: Fields) -> None:
    first, other = plan_of(study_fields), plan_of(study_fields, **changes)
    assert lora_id(other) != lora_id(first)
    trained = {score.id for score in first.evaluations if score.cell == lora_id(first)}
    assert not trained & score_ids(other)


def test_a_selector_option_changes_the_id(study_fields: Fields) -> None:
    ids = {lora_id(plan_of(study_fields, adapters=f"layer_lora:k={k}")) for k in (0, 1, 2)}
    assert len(ids) == 3


def changed_rows(source: Path, split: str, path: Path) -> dict[str, str]:
    """Write the rows of a file with other answers in one split; return the study's `data`."""
    rows = [json.loads(line) for line in source.read_text().splitlines()]
    for row in rows:
        row["answer"] += " indeed" if row["split"] == split else ""
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return {"k8s_qa": f"file:{path}"}


@pytest.mark.parametrize(
    ("split", "select_by", "trains_anew"),
    [
        ("train", "last", True),
        ("validation", "last", False),
        ("validation", "val_nll", True),
        ("eval", "last", False),
        ("eval", "val_nll", False),
    ],
)
def test_the_content_of_the_data_changes_the_ids_that_it_concerns(
    study_fields: Fields, examples: Path, tmp_path: Path, split: str, select_by: str, trains_anew: bool
) -> None:
    fields = study_fields | {"training": {"select_by": select_by}}
    first = plan_of(fields)
    other = plan_of(fields, data=changed_rows(examples / "k8s_qa.jsonl", split, tmp_path / "changed.jsonl"))
    assert (lora_id(first) != lora_id(other)) == trains_anew
    assert cell_ids(first)["none", None, None] == cell_ids(other)["none", None, None]
    of_base = [{score.id for score in plan.evaluations_of(plan.cells[0])} for plan in (first, other)]
    assert (of_base[0] != of_base[1]) == (split == "eval")


def test_the_model_changes_every_id(study_fields: Fields, tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    assert cell_ids(plan_of(study_fields, model=str(folder))) == cell_ids(plan_of(study_fields))
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        (last,) = file.read()
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))
    first, other = plan_of(study_fields), plan_of(study_fields, model=str(folder))
    assert not set(cell_ids(first).values()) & set(cell_ids(other).values())


@pytest.mark.parametrize(
    "module", ["medcot_tasks.kubernetes.k8s_qa", "medcot_adapters.lora", "medcot_adapters.selectors.all"]
)
def test_the_declared_version_of_a_plugin_changes_the_id(
    study_fields: Fields, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    first = lora_id(plan_of(study_fields))
    spec = importlib.import_module(module).SPEC
    newer = dataclasses.replace(spec, version=spec.version + 1)
    monkeypatch.setattr(f"{module}.SPEC", newer)
    if module.endswith("all"):
        monkeypatch.setattr(f"{module}.All.spec", newer)
    assert lora_id(plan_of(study_fields)) != first


@pytest.mark.parametrize(
    "changes",
    [
        {"limit": 4},
        {"scoring": {"max_new_tokens": 9}},
        {"scoring": {"max_new_tokens": 8, "num_fewshot": 1}},
        {"scoring": {"max_new_tokens": 8, "scores": ["gold_nll"]}},
        {"scoring": {"max_new_tokens": 8, "max_length": 100}},
        {"scoring": {"max_new_tokens": 8, "generate_items": 2}},
        {"scoring": {"max_new_tokens": 8, "split": "validation"}},
    ],
    ids=str,
)
def test_what_changes_the_scoring_changes_every_score_and_no_cell(study_fields: Fields, changes: Fields) -> None:
    first, other = plan_of(study_fields), plan_of(study_fields, **changes)
    assert cell_ids(other) == cell_ids(first)
    assert not score_ids(other) & score_ids(first)


def test_a_limit_takes_the_first_items_of_a_longer_one(study_fields: Fields) -> None:
    short, long = plan_of(study_fields, limit=3), plan_of(study_fields, limit=6)
    assert short.items.scored("k8s_qa") == long.items.scored("k8s_qa")[:3]
    assert [len(plan.items.scored("k8s_qa")) for plan in (short, long)] == [3, 6]
    fewer, more = (plan_of(study_fields, training={"train_items": n}) for n in (2, 5))
    assert fewer.items.train("k8s_qa") == more.items.train("k8s_qa")[:2]


def test_another_evaluation_task_adds_scores_and_leaves_cells_and_other_scores_alone(study_fields: Fields) -> None:
    first = plan_of(study_fields)
    more = plan_of(study_fields, eval_tasks="manuals_qa,medqa_cot")
    assert cell_ids(more) == cell_ids(first)
    assert score_ids(first) < score_ids(more)
    assert len(more.evaluations) == 3 * len(first.evaluations)


def test_one_request_is_one_cell_whatever_it_is_called(study_fields: Fields) -> None:
    typed = "layer_lora,lora:select=top,layer_lora:r=16,lora:alpha=32,select=top,lora:select=top,k=0,lora:lr=0.001"
    plan = plan_of(study_fields, adapters=typed)
    assert [cell.adapter for cell in plan.cells] == ["layer_lora", "lora:lr=0.001"]
    assert lora_id(plan) == lora_id(plan_of(study_fields, adapters="lora:select=top"))


def test_the_base_model_is_one_cell_without_task_and_seed(study_fields: Fields) -> None:
    plan = plan_of(study_fields, tasks="k8s_qa,manuals_qa", adapters="none", seeds=[0, 1, 2])
    (cell,) = plan.cells
    assert (cell.task, cell.seed, cell.adapter) == (None, None, "none")
    other = plan_of(study_fields, training={"lr": 0.5}, system_prompt="Be brief.")
    assert other.cells[0].id == cell.id
    assert not score_ids(other) & score_ids(plan)


def test_a_cell_s_folder_is_named_for_people(study_fields: Fields) -> None:
    plan = plan_of(study_fields, adapters="none,layer_lora:select=top,k=2", seeds=[3])
    base, cell = plan.cells
    assert cell.name == f"k8s_qa__layer_lora.top.k2__s3-{cell.id}"
    assert base.name == f"base__none-{base.id}"
    assert plan.evaluations[0].name == f"k8s_qa-{plan.evaluations[0].id}"


def test_relations_follow_task_and_domain(study_fields: Fields) -> None:
    plan = plan_of(study_fields, eval_tasks="k8s_qa:context=none,manuals_qa")
    relations = {(score.cell == lora_id(plan), score.task): score.relation for score in plan.evaluations}
    assert relations == {
        (True, "k8s_qa"): "same_task",
        (True, "k8s_qa:context=none"): "same_domain",
        (True, "manuals_qa"): "shift",
        (False, "k8s_qa"): "base",
        (False, "k8s_qa:context=none"): "base",
        (False, "manuals_qa"): "base",
    }


def test_shifts_of_a_training_task_are_scored_for_the_base_and_the_cells_trained_on_it(
    study_fields: Fields,
) -> None:
    shifts = "k8s_qa@unseen_range,manuals_qa@unseen_range"
    plan = plan_of(study_fields, tasks="k8s_qa,kubectl", eval_tasks=shifts, data={})
    scored: dict[str, set[str | None]] = {}
    for score in plan.evaluations:
        scored.setdefault(score.task, set()).add(next(c.task for c in plan.cells if c.id == score.cell))
    assert scored["k8s_qa@unseen_range"] == {None, "k8s_qa"}
    assert scored["manuals_qa@unseen_range"] == {None, "k8s_qa", "kubectl"}  # nothing is trained on manuals_qa


def test_tasks_of_one_domain_are_no_shift(study_fields: Fields, monkeypatch: pytest.MonkeyPatch) -> None:
    task = importlib.import_module("medcot_tasks.manuals.manuals_qa").ManualsQA
    monkeypatch.setattr(task, "spec", dataclasses.replace(task.spec, domain="kubernetes"))
    plan = plan_of(study_fields, eval_tasks="manuals_qa", adapters="lora")
    assert [score.relation for score in plan.evaluations] == ["same_task", "same_domain"]


def test_a_task_typed_with_its_defaults_is_the_same_task(study_fields: Fields) -> None:
    plan = plan_of(study_fields, eval_tasks="k8s_qa:context=given")
    assert len({score.id for score in plan.evaluations}) == len(plan.evaluations)


def test_shots_come_from_training_items(study_fields: Fields) -> None:
    plan = plan_of(study_fields, scoring={"num_fewshot": 2})
    assert plan.items.shots("k8s_qa") == plan.items.train("k8s_qa")[:2]


def test_the_worker_makes_an_equal_plan_from_the_study_it_is_sent(study_fields: Fields) -> None:
    changes: Fields = {
        "eval_tasks": "manuals_qa",
        "adapters": "none,full:lr=1e-5,layer_lora:select=top,k=2,qlora",
        "seeds": [0, 1],
        "training": {"lr": 1e-5, "select_by": "val_nll"},
        "scoring": {"scores": ["answer", "gold_nll"], "num_fewshot": 1},
    }
    plan = plan_of(study_fields, **changes)
    sent = json.loads(json.dumps(plan.study.model_dump(mode="json")))
    again = make_plan(Study.model_validate(sent))
    assert again.study == plan.study
    assert again.cells == plan.cells
    assert again.evaluations == plan.evaluations


@pytest.mark.slow
def test_planning_imports_nothing_heavy(study_fields: Fields) -> None:
    fields = study_fields | {"adapters": "none,full,lora,layer_lora,qlora", "eval_tasks": "manuals_qa,medqa_cot"}
    program = (
        "import json, sys\n"
        "from medcot_bench.study.schema import Study\n"
        "from medcot_bench.planning.build import make_plan\n"
        "assert make_plan(Study.model_validate(json.load(sys.stdin))).cells\n"
        "print({'torch', 'transformers', 'peft', 'lm_eval', 'datasets', 'evaluate'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(fields),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.strip() == "set()"
