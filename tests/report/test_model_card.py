"""The model card: huggingface_hub reads it back, and a task's own items go by no public benchmark's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results
from pydantic import TypeAdapter

from medcot_bench.errors import ConfigErrors
from medcot_bench.plugins.manager import installed
from medcot_bench.report.exporters.model_card import PUBLIC_BENCHMARKS
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.testing.example_leaderboards import whole

GOLDEN = (Path(__file__).parent / "golden" / "leaderboard.json").read_text(encoding="utf-8")


@pytest.fixture
def leaderboard() -> Leaderboard:
    return TypeAdapter(Leaderboard).validate_json(GOLDEN)


def called(task: str, source: str) -> Leaderboard:
    """Return the golden leaderboard with its first task called so, its items from there."""
    text = GOLDEN.replace("manuals_qa", "other").replace("file:k8s_qa.jsonl", source).replace("k8s_qa", task)
    return TypeAdapter(Leaderboard).validate_json(text)


def exported(board: Leaderboard) -> str:
    card: str = installed().make_exporter("model-card").export(board)
    return card


def front_of(board: Leaderboard) -> dict[str, Any]:
    _, front, _ = re.split("^---\n", exported(board), maxsplit=2, flags=re.MULTILINE)
    found: dict[str, Any] = yaml.safe_load(front)
    return found


def data_sets(board: Leaderboard) -> list[Mapping[str, str]]:
    return [entry["dataset"] for model in front_of(board)["model-index"] for entry in model["results"]]


def test_huggingface_hub_reads_the_scores_of_every_trained_model(leaderboard: Leaderboard) -> None:
    models = front_of(leaderboard)["model-index"]
    assert [model["name"] for model in models] == [
        "tiny, full trained on k8s_qa[file:k8s_qa.jsonl]",
        "tiny, lora trained on k8s_qa[file:k8s_qa.jsonl]",
    ]
    for model, row in zip(models, leaderboard.rows, strict=True):
        name, results = model_index_to_eval_results([model])
        assert eval_results_to_model_index(name, results) == [model]
        found = {(r.dataset_type, r.metric_type): r for r in results}
        assert len(found) == len(results)
        assert set(found) == {
            (f"medcot-bench/{task}", score) for task, part in row.tasks.items() for score in part.scores
        }
        for task, part in row.tasks.items():
            for score, value in part.scores.items():
                result = found[f"medcot-bench/{task}", score]
                assert result.metric_value == value.value
                assert result.metric_args == {
                    "stderr": value.stderr,
                    "items": value.items,
                    "groups": value.groups,
                    "seeds": value.seeds,
                }
                assert result.dataset_name == leaderboard.tasks[task]
                assert result.metric_name is not None
                assert f"{row.adapter} trained on " in result.metric_name
                assert ("lower is better" in result.metric_name) == (score == "gold_nll")


def test_it_is_a_card_of_the_hub(leaderboard: Leaderboard) -> None:
    card = ModelCard(exported(leaderboard))
    scores = sum(len(part.scores) for row in leaderboard.rows for part in row.tasks.values())
    assert len(card.data.eval_results) == scores  # every model's, under one name
    assert card.data.pipeline_tag == "text-generation"
    assert "\n# Models trained from tiny\n" in card.text
    for title in ("Models", "Answer", "Data", "Scores", "Costs", "How to make it again", "Limits"):
        assert f"\n## {title}\n" in card.text
    assert "0.625 ±0.375" in card.text


def test_only_a_model_of_the_hub_is_named_as_the_base(leaderboard: Leaderboard) -> None:
    assert "base_model" not in front_of(leaderboard)
    hub = {"name": "org/base@main", "origin": "hub, revision 0123", "digest": "hub:org/base@0123"}
    assert front_of(replace(leaderboard, base=hub))["base_model"] == "org/base"


def test_no_data_set_and_no_licence_is_claimed(leaderboard: Leaderboard) -> None:
    assert set(front_of(leaderboard)) == {"pipeline_tag", "tags", "model-index"}


def test_a_study_without_scores_has_no_index(leaderboard: Leaderboard) -> None:
    rows = tuple(replace(row, tasks={}, costs=None, seeds=()) for row in leaderboard.rows)
    assert "model-index" not in front_of(replace(leaderboard, rows=rows))


def test_the_base_is_no_model_of_the_study(leaderboard: Leaderboard) -> None:
    rows = (replace(leaderboard.rows[0], adapter="none", task=None), leaderboard.rows[1])
    (model,) = front_of(replace(leaderboard, rows=rows))["model-index"]
    assert "lora" in model["name"]


# --- names of data sets ---


@pytest.mark.parametrize(
    "task",
    [
        "MedQA",
        "medqa",
        "Med-QA",
        "PubMedQA",
        "pubmed_qa",
        "ＭｅｄＱＡ",
        "MedMCQA",
        "MMLU",
        "MedQA:level=hard",
        "MedQA@x",
    ],
)
def test_a_task_s_own_items_are_never_listed_as_a_public_benchmark(task: str) -> None:
    with pytest.raises(
        ConfigErrors, match="is called after a public benchmark, but its items are its own"
    ) as caught:
        exported(called(task, "bundled-v1"))
    name = re.split("[:@]", task)[0]
    (line,) = caught.value.errors
    assert line.startswith(f"model-card: task '{name}' ")
    assert line.endswith(f"--data {name}=file:PATH")


@pytest.mark.parametrize(("file", "name"), [("medqa_4options.yaml", "pods"), ("pods.yaml", "medqa_4options")])
def test_a_file_in_lm_eval_s_form_is_never_listed_as_a_public_benchmark(file: str, name: str) -> None:
    task = f"lm_eval:{file}"
    board = replace(whole(), tasks={task: f"{task}[file:{file}]"}, domains={task: "lm_eval"}, rows=())
    with pytest.raises(ConfigErrors) as caught:
        exported(replace(board, names_in_files={task: name}))
    assert [*caught.value.errors] == [
        f"model-card: {file} is called 'medqa_4options' after a public benchmark, but its items are its own; "
        "rename it, or score on lm-eval's own task"
    ]
    assert exported(replace(board, names_in_files={}))


def test_the_direction_of_lm_eval_s_scores_is_told() -> None:
    card = exported(whole())
    assert "and what is marked so." in card
    assert re.search(
        r"^\| method .*\| word_perplexity \(lower is better\) +\|", card.replace("\\", ""), re.MULTILINE
    )
    results = [result for model in front_of(whole())["model-index"] for result in model["results"]]
    own = [m for result in results for m in result["metrics"] if m["type"] == "word_perplexity"]
    assert {metric["name"].partition(" of ")[0] for metric in own} == {"word_perplexity (lower is better)"}
    assert all(metric["args"] == {"stderr": 0.5, "items": 4, "seeds": 2} for metric in own)


def test_rows_of_a_file_are_named_by_it() -> None:
    found = data_sets(called("MedQA", "file:medqa_test.jsonl"))[0]
    assert found == {"name": "MedQA[file:medqa_test.jsonl]", "type": "medcot-bench/MedQA"}


BUNDLED = [
    entry.name
    for entry in installed().of("task")
    if entry.distribution == "medcot-bench" and "bundled" in installed().make_task(entry.name).spec.sources
]


def test_the_project_has_tasks_with_items_of_their_own() -> None:
    assert {"medqa_cot", "k8s_qa", "manuals_qa"} <= set(BUNDLED)


@pytest.mark.parametrize("task", BUNDLED)
def test_the_built_in_tasks_are_listed_by_task_and_source(task: str) -> None:
    found = data_sets(called(task, "bundled-v1"))[0]
    assert found == {"name": f"{task}[bundled-v1]", "type": f"medcot-bench/{task}"}
    for text in (*found.values(), task):
        assert re.sub("[^a-z0-9]", "", text.casefold()) not in PUBLIC_BENCHMARKS


def test_a_card_says_that_a_task_s_own_items_are_no_benchmark() -> None:
    card = exported(called("medqa_cot", "bundled-v1"))
    assert "| medqa_cot\\[bundled-v1\\]" in card
    assert "not to be taken for a public benchmark" in card
    assert "from file:other.jsonl" in card


@pytest.mark.parametrize(("task", "kind"), [("k8s_qa:level=hard", "k8s_qa-level-hard"), ("k8s_qa@x", "k8s_qa-x")])
def test_a_task_with_options_is_a_data_set_of_its_own(task: str, kind: str) -> None:
    assert data_sets(called(task, "bundled-v1"))[0]["type"] == f"medcot-bench/{kind}"
