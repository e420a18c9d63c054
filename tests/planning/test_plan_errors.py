"""What can't be planned: every error at once, with what to do."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from medcot_bench.base_model.resolve import resolve
from medcot_bench.errors import ConfigErrors
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.study.schema import Study

Fields = dict[str, Any]


def plan_of(fields: Fields, **changes: Any) -> Plan:
    return make_plan(Study.model_validate(fields | changes))


def errors_of(fields: Fields, **changes: Any) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        plan_of(fields, **changes)
    return list(caught.value.errors)


def test_every_error_of_reading_tasks_adapters_data_and_model_is_told_at_once(
    study_fields: Fields, tmp_path: Path
) -> None:
    study = Study.model_validate(
        study_fields
        | {
            "tasks": "nonesuch,k8s_qa,manuals_qa:x=1",
            "adapters": "lora:q=1,full,loora",
            "data": {"k8s_qa": f"file:{tmp_path / 'no.jsonl'}", "medqa": "file:a"},
            "model": str(tmp_path / "no model"),
            "scoring": {"scores": ["beauty"], "engine": "fasst"},
            "analysis": {
                "primary": "charm",
                "margins": {"answer": 0.1, "wit": 0.1},
                "adapters": ["full", "qlora"],
                "shifts": "kubectl",
            },
        }
    )
    with pytest.raises(ConfigErrors) as caught:
        make_plan(study, ["limit: an error of reading"])
    beginnings = [
        "limit: an error of reading",
        "no task 'nonesuch'; known: ",
        f"{tmp_path / 'no.jsonl'}: no such file",
        "task manuals_qa: no option 'x'; known: level, seed",
        "adapter lora: no option 'q'; known: r, alpha, dropout, dora, rslora, pissa, ",
        "no adapter 'loora'; did you mean lora",
        f"model '{tmp_path / 'no model'}': not a model folder and not a GGUF file",
        "data.medqa: no task of this name",
        "scoring.engine: no engine 'fasst'; did you mean fast?",
        "scoring.scores: no metric 'beauty'; known: answer, ",
        "analysis.primary: no metric 'charm'; known: answer, ",
        "analysis.margins: no metric 'wit'; known: answer, ",
        "analysis.adapters: qlora is not in the study, which has: ",
        "analysis.shifts: kubectl is not in the study, which has: ",
    ]
    errors = caught.value.errors
    assert [error[: len(start)] for error, start in zip(errors, beginnings, strict=True)] == beginnings


def test_one_error_is_told_once(study_fields: Fields) -> None:
    errors = errors_of(study_fields, tasks="k8s_qa,k8s_qa:context=none", data={})
    assert errors == ["task k8s_qa: no data given; add --data k8s_qa=hub or --data k8s_qa=file:PATH"]


def test_a_study_without_tasks_and_adapters_says_how_to_name_some(study_fields: Fields) -> None:
    errors = errors_of(study_fields, tasks="", adapters="")
    assert [error.partition(":")[0] for error in errors] == ["no adapter", "no task"]


def test_what_only_follows_from_an_unknown_name_is_not_told(study_fields: Fields) -> None:
    errors = errors_of(study_fields, tasks="k8s_qu", data={"k8s_qu": "file:rows.jsonl"})
    assert errors == ["no task 'k8s_qu'; did you mean k8s_qa?"]
    errors = errors_of(study_fields, adapters="nonee,full", baselines="cot")
    assert errors == ["no adapter 'nonee'; did you mean none?"]
    errors = errors_of(study_fields, adapters="full", baselines="cot")
    assert errors == ["baselines: they are prompts of the base model; add it to --adapters (none)"]


def test_the_name_that_is_wrong_comes_before_those_that_are_missing(study_fields: Fields) -> None:
    errors = errors_of(study_fields, tasks="wrong", adapters="", data={"k8s_qaa": "bundled"})
    assert [error.partition("; ")[0] for error in errors] == [
        "no task 'wrong'",
        "no adapter: name some with --adapters (see medcot-bench list)",
        "data.k8s_qaa: no task of this name",
    ]
    assert errors[-1].endswith("; did you mean k8s_qa?")


def test_an_adapter_without_a_training_task_is_an_error(study_fields: Fields) -> None:
    errors_of(study_fields, tasks="", eval_tasks="k8s_qa", adapters="lora")


def test_placements_and_recipes_that_do_not_fit_are_told_for_every_adapter(study_fields: Fields) -> None:
    typed = "layer_lora:k=9,lora:targets=nothing,full:batch_size=0,lora:select=layers,layers=7,none"
    assert errors_of(study_fields, adapters=typed) == [
        "select: k=9 is not from 0 to 4, the model's number of blocks",
        "adapter lora:targets=nothing: targets=nothing matches no module of this model",
        "adapter full:batch_size=0: batch_size: Input should be greater than 0 (given: 0)",
        "selector layers: block 7 of a model with blocks 0 to 3",
    ]


def test_a_task_without_items_to_train_on_or_to_score_says_what_was_left_out(
    study_fields: Fields, tmp_path: Path
) -> None:
    row = {"question": "q", "answer": "a", "split": "eval"}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row))
    left_out = "; left out: 1 eval without context"
    assert errors_of(study_fields, data={"k8s_qa": f"file:{path}"}) == [
        f"task k8s_qa: file:rows.jsonl has no training item{left_out}",
        f"task k8s_qa: file:rows.jsonl has no item to score in 'eval'{left_out}",
    ]
    path.write_text(json.dumps(row | {"context": "c"}))
    assert plan_of(study_fields, data={"k8s_qa": f"file:{path}"}, adapters="none").cells


def test_overlap_is_an_error_where_the_study_says_so(study_fields: Fields, tmp_path: Path) -> None:
    rows = {
        "k8s_qa": [("Why?", "train"), ("How?", "train"), ("When?", "eval")],
        "manuals_qa": [("WHY", "eval"), ("Where?", "eval")],
    }
    for task, questions in rows.items():
        lines = [{"question": q, "split": split, "answer": "a", "context": "c"} for q, split in questions]
        (tmp_path / f"{task}.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    data = {task: f"file:{tmp_path / task}.jsonl" for task in rows}
    changes = {"tasks": "k8s_qa", "eval_tasks": "manuals_qa", "data": data}
    (error,) = errors_of(study_fields, **changes, on_overlap="error")
    assert error.startswith(
        "1 training item of k8s_qa shares a group or a question with the evaluation of manuals_qa"
    )
    assert len(plan_of(study_fields, **changes).items.train("k8s_qa")) == 1


def test_a_chat_template_that_refuses_the_system_prompt_is_an_error_of_the_plan(
    study_fields: Fields, tiny_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "gemma")
    template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    )
    (folder / "chat_template.jinja").write_text(template)
    fields = study_fields | {"model": str(folder), "system_prompt": "Be brief."}
    assert errors_of(fields, chat_template=True) == [
        f"model '{folder}': its chat template takes no system prompt (it says: System role not supported); "
        "leave out system_prompt, or chat_template"
    ]
    assert plan_of(fields).cells


def test_a_model_that_can_t_read_flat_batches_is_an_error_of_the_plan(
    study_fields: Fields, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = dataclasses.replace(resolve(study_fields["model"]), flat=False)
    monkeypatch.setattr("medcot_bench.planning.build.resolve", lambda model: base)
    [error] = errors_of(study_fields, scoring={"engine": "hf"})
    assert "llama can't read flat batches, so it can't be trained here; " in error
    assert errors_of(study_fields, tasks=[], eval_tasks="k8s_qa", adapters="none") == [error]
    scored = plan_of(study_fields, tasks=[], eval_tasks="k8s_qa", adapters="none", scoring={"engine": "hf"})
    assert scored.evaluations
