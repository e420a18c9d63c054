"""The records as lm-eval's results files: its own table maker shows the numbers of the records."""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import published
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lm_eval.result_schema import EvalResults
from lm_eval.utils import get_latest_filename, get_results_filenames, make_table, sanitize_model_name
from planted import Made, answers, write

from medcot_bench.plugins.manager import installed
from medcot_bench.report.export import export
from medcot_bench.results.folder import CellResult, Results, load
from medcot_bench.results.records import EvaluationRecord
from medcot_bench.testing.example_results import MADE_WITH

Line = tuple[str, ...]


@cache
def quick() -> Results:
    return load(published.RESULTS / "quick")


def written(results: Results) -> dict[str, dict[str, Any]]:
    files = installed().make_exporter("lm-eval").files(results)
    return {path: json.loads(text) for path, text in files.items()}


def table(content: dict[str, Any]) -> list[Line]:
    """Return the cells of lm-eval's table, the name of the task in every line."""
    lines = [
        tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
        for line in make_table(content).splitlines()
        if line
    ]
    found: list[Line] = []
    for name, *rest in lines[2:]:
        found.append((name or found[-1][0], *rest))
    return found


def expected(cell: CellResult) -> set[Line]:
    """Return what lm-eval's table should say of one model, from its records."""
    lines = set()
    for task, score in cell.evaluations.items():
        values = {key.partition(",")[0]: value for key, value in score.results.items()}
        for number, name in enumerate(sorted(name for name in values if not name.endswith("_stderr"))):
            version = str(score.request["task"]["version"]) if number == 0 else ""
            arrow = "↓" if name in ("gold_nll", "truncated", "repetition") else "↑"
            error = f"{values[f'{name}_stderr']:.4f}"
            lines.add(
                (f"{task}[{score.source}]", version, "none", "0", name, arrow, f"{values[name]:.4f}", "±", error)
            )
    return lines


def test_lm_eval_s_table_has_the_numbers_of_the_records() -> None:
    files = written(quick())
    assert len(files) == len(quick().cells) == 11
    for (path, content), cell in zip(files.items(), quick().cells, strict=True):
        assert path.startswith(f"{cell.cell.name}/results_")
        found = table(content)
        assert len(found) == sum(len(score.results) // 2 for score in cell.evaluations.values())
        assert set(found) == expected(cell)


def test_it_has_the_keys_that_lm_eval_gives_and_no_others_but_one() -> None:
    content = next(iter(written(quick()).values()))
    assert set(content) - set(EvalResults.__annotations__) == {"medcot_bench"}
    assert {"results", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples"} < set(
        content
    )
    assert {"config", "date", "model_name", "model_name_sanitized", "model_source"} < set(content)
    for task in content["results"]:
        for key in ("configs", "versions", "n-shot", "higher_is_better", "n-samples"):
            assert task in content[key]
        assert content["n-samples"][task] == {"original": 36, "effective": 36}
    assert content["model_name_sanitized"] == sanitize_model_name(content["model_name"])


def test_it_says_which_model_it_is() -> None:
    content = next(
        content for path, content in written(quick()).items() if path.startswith("k8s_qa__layer_lora__s1")
    )
    own = content["medcot_bench"]
    assert (own["adapter"], own["trained_on"], own["seed"]) == ("layer_lora", "k8s_qa[bundled-v1]", 1)
    assert own["relations"] == {"k8s_qa[bundled-v1]": "same_task", "manuals_qa[bundled-v1]": "shift"}
    assert content["config"]["model_args"] == {"pretrained": "smollm2-135m", "dtype": "float32"}


def test_the_files_lie_where_lm_eval_looks_for_them_and_stay_there(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("leaderboard.*", "lm_eval")  # what an export there has left
    shutil.copytree(published.RESULTS / "quick", tmp_path, dirs_exist_ok=True, ignore=ignored)
    paths = export(tmp_path, ["lm-eval"])
    assert export(tmp_path, ["lm-eval"]) == paths
    assert sorted((tmp_path / "lm_eval").rglob("*.json")) == sorted(paths)
    names = [str(path) for path in paths]
    assert get_results_filenames(names) == names
    last = max(quick().cells, key=lambda cell: cell.record.provenance.started if cell.record else "")
    assert Path(get_latest_filename(names)).parent.name == last.cell.name
    assert not (tmp_path / "leaderboard.md").exists()


def with_shots(results: Results, count: int | None) -> Results:
    made = None if count is None else replace(MADE_WITH, num_fewshot=count)
    return replace(results, plan=replace(results.plan, made_with=made))


def test_a_model_that_is_not_scored_has_no_file() -> None:
    first, second, *_ = quick().cells
    part = replace(quick(), cells=(replace(first, evaluations={}), replace(second, record=None)))
    assert written(part) == {}


@pytest.mark.parametrize(("num_fewshot", "shown"), [(3, "3"), (None, "")])
def test_solved_examples_are_counted_where_the_folder_says_how_many(num_fewshot: int | None, shown: str) -> None:
    cell = quick().cells[0]
    score = cell.evaluations["k8s_qa"]
    score = replace(score, request={**score.request, "shots": "0123456789abcdef"})
    cells = (replace(cell, evaluations={"k8s_qa": score}),)
    results = with_shots(replace(quick(), cells=cells), num_fewshot)
    (content,) = written(results).values()
    assert {line[3] for line in table(content)} == {shown}


def test_a_baseline_has_a_file_beside_the_base_s(tmp_path: Path) -> None:
    values = {"none": 0.25, "none (few_shot=5)": 0.5, "none (cot)": 0.75}
    made = Made(
        adapter="none",
        seed=None,
        task=None,
        scores={"k8s_qa": {"answer": answers(0, 0, 0, 1)}},
        baselines={name: {"k8s_qa": {"answer": answers(0, 0, 1, 1)}} for name in ("few_shot=5", "cot")},
    )
    results = with_shots(load(write(tmp_path, made)), 2)
    cells = tuple(
        replace(
            cell,
            evaluations={
                task: replace(score, results={"answer,none": values[cell.row]})
                for task, score in cell.evaluations.items()
            },
        )
        for cell in results.cells
    )
    found = written(replace(results, cells=cells))
    name, task = cells[0].cell.name, "k8s_qa[file:k8s_qa.jsonl]"
    for path, content in found.items():
        assert path.partition("/")[0] == content["model_name"] == sanitize_model_name(content["model_name"])
    assert [
        (
            content["model_name"],
            content["medcot_bench"]["baseline"],
            content["n-shot"][task],
            content["results"][task]["answer,none"],
        )
        for content in found.values()
    ] == [
        (name, None, 2, 0.25),
        (f"{name}__few_shot=5", "few_shot=5", 5, 0.5),
        (f"{name}__cot", "cot", 0, 0.75),
    ]


def test_of_a_task_of_lm_eval_it_says_what_the_record_does() -> None:
    results = {
        "exact_match,first": 0.25,
        "exact_match_stderr,first": 0.1,
        "exact_match,word": 0.5,
        "ter,none": 9.0,
    }
    leaf = {"version": "2.0", "num_fewshot": 3, "documents": "0" * 64, "results": results}
    cell = quick().cells[0]
    score = replace(
        cell.evaluations["k8s_qa"],
        task="lm_eval:own.yaml",
        source="file:own.yaml",
        request={"task": {"name": "own"}, "items": {"limit": None}},
        results=results,
        counts={"items": 7},
        lower_is_better=("ter",),
        subtasks={"own": leaf},
    )

    def content_of(score: EvaluationRecord) -> dict[str, Any]:
        (content,) = written(replace(quick(), cells=(replace(cell, evaluations={score.task: score}),))).values()
        return content

    content, name = content_of(score), "lm_eval:own.yaml[file:own.yaml]"
    assert content["configs"][name] == {
        "task": name,
        "num_fewshot": 3,
        "metric_list": [
            {"metric": "exact_match", "higher_is_better": True},
            {"metric": "ter", "higher_is_better": False},
        ],
        "metadata": {"version": "2.0"},
    }
    assert content["n-samples"][name] == {"original": 7, "effective": 7}
    assert content["medcot_bench"]["subtasks"] == {name: {"own": leaf}}
    assert {(line[2], line[3], line[4], line[5]) for line in table(content)} == {
        ("first", "3", "exact_match", "↑"),
        ("word", "3", "exact_match", "↑"),
        ("none", "3", "ter", "↓"),
    }
    other = {**leaf, "version": "1.0", "num_fewshot": 0}
    limited = {**score.request, "items": {"limit": 7}}
    mixed = content_of(replace(score, request=limited, subtasks={"own": leaf, "other": other}))
    assert (mixed["versions"][name], mixed["n-shot"]) == (None, {})
    assert mixed["n-samples"][name] == {"effective": 7}


HOSTILE = st.text(st.sampled_from("|`\\<>_*[]()\n\r\t\0\u2028\x1b#=:{}%ab1é🙂"), min_size=1, max_size=12)


@settings(max_examples=20)
@given(HOSTILE)
@example("|\n| a | b |\\")
def test_no_text_changes_the_files_or_breaks_out_of_lm_eval_s_table(text: str) -> None:
    cell = quick().cells[1]
    assert cell.record
    one = {key: value for key, value in cell.evaluations["k8s_qa"].results.items() if key.startswith("answer")}
    cell = replace(cell, evaluations={"k8s_qa": replace(cell.evaluations["k8s_qa"], results=one)})
    base = {name: f"{value}{text}" for name, value in cell.record.base.items()}
    scores = {
        task: replace(score, task=f"{text}{task}{text}", source=f"file:{text}.jsonl")
        for task, score in cell.evaluations.items()
    }
    hostile = replace(cell, record=replace(cell.record, base=base, adapter=text), evaluations=scores)
    ((path, content),) = written(replace(quick(), cells=(hostile,))).items()
    assert ".." not in Path(path).parts
    (line,) = table(content)
    assert line[1:] == ("1", "none", "0", "answer", "↑", "0.3333", "±", "0.1421")


def test_the_files_are_strict_json() -> None:
    cell = quick().cells[0]
    broken = {task: replace(score, results={"answer,none": math.nan}) for task, score in cell.evaluations.items()}
    with pytest.raises(ValueError, match="not JSON compliant"):
        written(replace(quick(), cells=(replace(cell, evaluations=broken),)))
