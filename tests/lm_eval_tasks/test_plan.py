"""Tasks of lm-eval in a plan: how they are typed, what their scores ask for, and what is refused at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from harness_tasks import write_tasks

from medcot_bench.cli import main
from medcot_bench.errors import ConfigErrors
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.pinned_study import dump_study
from medcot_bench.planning.plan import Plan
from medcot_bench.study.schema import Study


def plan_of(fields: dict[str, Any], *specs: str, **changes: Any) -> Plan:
    return make_plan(Study.model_validate(fields | {"eval_tasks": list(specs)} | changes))


def errors_of(fields: dict[str, Any], *specs: str, **changes: Any) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        plan_of(fields, *specs, **changes)
    return list(caught.value.errors)


def requests(plan: Plan, label: str) -> list[dict[str, Any]]:
    return [dict(score.request) for score in plan.evaluations if score.task == label]


def test_a_name_is_typed_as_it_is_on_the_command_line_and_in_files(study_fields: dict[str, Any]) -> None:
    one = plan_of(study_fields, "lm_eval:arc_easy")
    assert {score.task for score in one.evaluations} == {"k8s_qa", "lm_eval:arc_easy"}
    assert {score.relation for score in one.evaluations if score.task == "lm_eval:arc_easy"} == {"base", "lm_eval"}
    for typed in (
        "manuals_qa,lm_eval:arc_easy,num_fewshot=5,limit=9",
        "lm_eval:arc_easy:num_fewshot=5,limit=9 manuals_qa",
    ):
        plan = make_plan(Study.model_validate(study_fields | {"eval_tasks": typed}))
        [label] = plan.lm_eval_tasks
        assert label == "lm_eval:arc_easy,num_fewshot=5,limit=9"
        assert requests(plan, label)[0]["task"]["num_fewshot"] == 5
        assert requests(plan, label)[0]["items"] == {"limit": 9}


def test_other_scores_keep_their_ids_beside_it(study_fields: dict[str, Any]) -> None:
    without, beside = plan_of(study_fields), plan_of(study_fields, "lm_eval:mmlu")
    assert [cell.id for cell in beside.cells] == [cell.id for cell in without.cells]
    assert {score.id for score in without.evaluations} < {score.id for score in beside.evaluations}


def test_the_id_of_a_score_changes_with_what_is_asked(study_fields: dict[str, Any], tmp_path: Path) -> None:
    folder = write_tasks(tmp_path)
    label = f"lm_eval:{folder}/colours.yaml"

    def score(spec: str = label, **changes: Any) -> str:
        return next(
            s.id for s in plan_of(study_fields, spec, **changes).evaluations if s.task.startswith("lm_eval:")
        )

    first = score()
    assert score() == first
    assert score(label, trust_task_code=True) == first
    others = [score(f"{label},limit=2"), score(f"{label},num_fewshot=2"), score(label, system_prompt="Answer.")]
    (folder / "colours.jsonl").write_text((folder / "colours.jsonl").read_text() + "\n")
    assert len({first, score(), *others}) == 5


def test_learning_rates_and_checkpoints_leave_it_out(study_fields: dict[str, Any]) -> None:
    training = study_fields["training"]
    trials = plan_of(study_fields, "lm_eval:arc_easy", training=training | {"tune_lr": 2})
    assert not requests(trials, "lm_eval:arc_easy")
    plan = plan_of(study_fields, "lm_eval:arc_easy", training=training | {"checkpoints": 1})
    scored = [(score.task, score.checkpoint) for score in plan.evaluations_of(plan.cells[-1])]
    assert scored == [("k8s_qa", "final"), ("lm_eval:arc_easy", "final"), ("k8s_qa", "1/2")]


def test_what_is_wrong_is_told_with_all_other_errors(study_fields: dict[str, Any], tmp_path: Path) -> None:
    folder = write_tasks(tmp_path)
    (folder / "coded.yaml").write_text(
        "include: colours.yaml\ntask: coded\nprocess_docs: !function utils.prepare\n"
    )
    lines = errors_of(
        study_fields,
        *("lm_eval:arc_eazy", "lm_eval:mmlu,shots=5", "lm_eval:mmlu,limit=0", f"lm_eval:{folder}/coded.yaml"),
        adapters="lorra",
    )
    beginnings = [
        "lm-eval has no task, group or tag 'arc_eazy'; did you mean arc_easy, arc_eu_easy or arc_ca_easy?",
        "task lm_eval:mmlu: no option 'shots'; known: num_fewshot, limit",
        "task lm_eval:mmlu: limit=0: give a number from 1 up",
        f"{folder}/coded.yaml: !function utils.prepare runs code; read it, then add --trust-task-code",
        "no adapter 'lorra'",
    ]
    assert len(lines) == len(beginnings)
    for line, beginning in zip(lines, beginnings, strict=True):
        assert line.startswith(beginning)
    assert plan_of(study_fields, f"lm_eval:{folder}/coded.yaml", trust_task_code=True).lm_eval_tasks


def test_it_is_not_trained_on_and_needs_a_name(study_fields: dict[str, Any]) -> None:
    assert errors_of(study_fields, tasks="k8s_qa,lm_eval:arc_easy") == [
        "task lm_eval:arc_easy: tasks of lm-eval are scored, not trained on; add it to --eval-tasks"
    ]
    for typed in ("lm_eval", "lm_eval:limit=3"):
        with pytest.raises(ValueError, match="name one of lm-eval's tasks or a file"):
            Study.model_validate(study_fields | {"eval_tasks": typed})


def test_a_written_study_finds_its_files_from_anywhere(
    study_fields: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tasks(tmp_path)
    monkeypatch.chdir(tmp_path)
    study = Study.model_validate(study_fields | {"eval_tasks": "lm_eval:./colours.yaml,limit=2,lm_eval:arc_easy"})
    written = yaml.safe_load(dump_study(study))
    assert written["eval_tasks"] == [f"lm_eval:{tmp_path}/colours.yaml,limit=2", "lm_eval:arc_easy"]


def test_a_file_goes_by_its_name_from_any_folder(
    study_fields: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tasks(tmp_path)
    monkeypatch.chdir(tmp_path)
    plans = [
        plan_of(study_fields, f"lm_eval:{path},limit=2")
        for path in ("colours.yaml", "./colours.yaml", f"{tmp_path}/colours.yaml")
    ]
    for plan in plans:
        assert [*plan.lm_eval_tasks] == ["lm_eval:colours.yaml,limit=2"]
        assert plan.source("lm_eval:colours.yaml,limit=2") == "file:colours.yaml"
        assert plan.evaluations == plans[0].evaluations
    both = plan_of(study_fields, "lm_eval:colours.yaml", f"lm_eval:{tmp_path}/colours.yaml,limit=2")
    assert [*both.lm_eval_tasks] == ["lm_eval:colours.yaml", "lm_eval:colours.yaml,limit=2"]


def test_two_files_of_one_name_are_an_error(study_fields: dict[str, Any], tmp_path: Path) -> None:
    folders = [write_tasks(tmp_path / name) for name in ("a", "b")]
    one, other = (f"{folder}/colours.yaml" for folder in folders)
    assert errors_of(study_fields, f"lm_eval:{one}", f"lm_eval:{other},limit=2") == [
        f"task files {one}, {other}: tables show file names only; rename one"
    ]


def test_plan_names_it(study_fields: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", study_fields["model"], "--tasks", "k8s_qa", "--adapters", "none", "--limit", "5"]
    assert main(["plan", *arguments, "--eval-tasks", "lm_eval:ai2_arc"]) == 0
    output = capsys.readouterr().out
    assert "task: lm_eval:ai2_arc[lm-eval " in output
    assert "], lm_eval: the first 5 documents per task" in " ".join(output.split())
