"""Trust in a task's code is given on the command line, by no file and by no variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import planted
import pytest
import yaml

from medcot_bench.cli import main
from medcot_bench.planning.pinned_study import dump_study
from medcot_bench.study.loading import load_study
from medcot_bench.study.schema import Study
from medcot_bench.trained.find import find

REFUSED = "trust_task_code: a file can't grant trust to code; read the code, then add --trust-task-code"
VARIABLE = {"MEDCOT_TRUST_TASK_CODE": "1"}


def study_of(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("value", ["true", "yes", "1", "'on'", "null", "[true]"])
def test_a_file_that_grants_it_is_an_error(value: str, tmp_path: Path) -> None:
    study, errors = load_study(study_of(tmp_path, f"trust_task_code: {value}"))
    assert errors == [REFUSED]
    assert study.trust_task_code is False


def test_a_variable_that_grants_it_is_an_error() -> None:
    study, errors = load_study(None, (), VARIABLE)
    assert errors == [
        "environment variable MEDCOT_TRUST_TASK_CODE: only the command line grants trust: --trust-task-code"
    ]
    assert study.trust_task_code is False


@pytest.mark.parametrize("text", ["", "trust_task_code: false", "trust_task_code: true"])
def test_the_command_line_decides(text: str, tmp_path: Path) -> None:
    for given in (True, False):
        study, errors = load_study(study_of(tmp_path, text), [("trust_task_code", given)])
        assert (study.trust_task_code, errors) == (given, [])


def test_a_study_that_a_run_wrote_grants_nothing_and_is_read(tmp_path: Path) -> None:
    study = Study(model="m", tasks=("k8s_qa",), trust_task_code=True)
    text = dump_study(study)
    assert "trust" not in text
    assert load_study(study_of(tmp_path, text))[1] == []


def test_a_folder_of_an_older_version_is_read(tmp_path: Path) -> None:
    scores = {"k8s_qa": {"answer": planted.answers(0, 0, 1, 1)}}
    root = planted.write(tmp_path / "out", planted.Made(adapter="none", seed=None, task=None, scores=scores))
    study_of(root, "model: m\ntasks: k8s_qa\nadapters: none\ntrust_task_code: true\n")
    assert find(root, "base__none").study.trust_task_code is False


def test_code_beside_a_study_file_is_not_run(
    study_fields: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    task = {
        "task": "evil",
        "dataset_path": "json",
        "doc_to_text": "x",
        "dataset_kwargs": {"data_files": "rows.jsonl"},
    }
    (tmp_path / "evil.yaml").write_text(f"{yaml.safe_dump(task)}doc_to_target: !function evil.f\n")
    (tmp_path / "rows.jsonl").write_text("{}\n")
    monkeypatch.chdir(tmp_path)
    file = study_of(
        tmp_path, yaml.safe_dump(study_fields | {"eval_tasks": "lm_eval:evil.yaml", "trust_task_code": True})
    )
    assert main(["run", str(file)]) == 2
    said = capsys.readouterr().err
    assert REFUSED in said
    assert "runs code; read it, then add --trust-task-code" in said
    for name, value in VARIABLE.items():
        monkeypatch.setenv(name, value)
    assert main(["run", "--model", study_fields["model"], "--eval-tasks", "lm_eval:evil.yaml"]) == 2
    assert not (tmp_path / "ran").exists()
    assert not Path(study_fields["output_dir"]).exists()
