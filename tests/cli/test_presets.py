"""Presets: study files that plan, that flags override, and that `init` hands out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medcot_bench.cli import main
from medcot_bench.study import presets
from medcot_bench.study.loading import load_study


@pytest.fixture(autouse=True)
def _in_a_folder_with_a_tiny_model(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDCOT_MODEL", str(tiny_model))


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["plan", "--json", *arguments]) == 0
    plan: dict[str, Any] = json.loads(capsys.readouterr().out)
    return plan


def test_show_prints_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("quick", "preset:quick"):
        assert main(["show", name]) == 0
        assert capsys.readouterr().out == presets.path_of("quick").read_text(encoding="utf-8")
    assert main(["show", "own"]) == 0  # also the name of a task
    shown = capsys.readouterr().out
    assert shown.startswith("task own, from medcot-bench ")
    assert shown.endswith(presets.path_of("own").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name in presets.names() if name not in {presets.OWN, "kaggle-medical"}])
def test_every_preset_is_a_study_without_errors_that_plans(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    study, errors = load_study(presets.path_of(name))
    assert errors == []
    assert study.output_dir == f"out/{name}"
    assert presets.description(name).endswith((".", ")."))
    adapters = {cell["adapter"] for cell in planned(capsys, "--preset", name)["cells"]}
    assert {"full", "layer_lora"} <= adapters


def test_persistence_is_the_question_with_its_hypotheses(capsys: pytest.CaptureFixture[str]) -> None:
    study, errors = load_study(presets.path_of("persistence"))
    assert errors == []
    assert tuple(map(str, study.tasks)) == ("k8s_qa", "medqa_cot")
    assert tuple(map(str, study.eval_tasks)) == ("manuals_qa", "k8s_qa@other_prompt", "medqa_cot@other_prompt")
    assert tuple(map(str, study.adapters)) == ("none", "full", "lora", "layer_lora")
    assert study.seeds == (0, 1, 2, 3, 4)
    assert (study.training.tune_lr, study.training.checkpoints) == (3, 4)
    asked = study.analysis
    assert (asked.primary, *map(str, (*asked.adapters, *asked.shifts))) == ("gold_nll", "layer_lora", "manuals_qa")
    assert asked.margins == {"answer": 0.1, "gold_nll": 0.05}
    assert main(["plan", "--preset", "persistence"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^18 training runs, .*: 18 to train, ", shown, re.MULTILINE)  # adapters by tasks by rates
    assert "LR search first; then the study, at the chosen rates" in shown
    kept = r"overlap: \d+ test items of k8s_qa share a 13-word phrase with the training items of k8s_qa; kept, "
    assert re.search(kept, " ".join(shown.split()))
    assert re.search(r"^time: about \S.* on this machine's CPU; ", shown, re.MULTILINE)
    disk = r"^disk: \S.* kept \(adapters\), \S.* more during a training run, \S.* of\s+it\s+for its saved states$"
    assert re.search(disk, shown, re.MULTILINE)


def test_a_preset_s_hypotheses_hold_on_every_number_of_training_items(capsys: pytest.CaptureFixture[str]) -> None:
    study, _ = load_study(presets.path_of("persistence"))
    smaller = ("--tasks", "k8s_qa", "--eval-tasks", "manuals_qa", "--train-items", "100,all")
    cells = planned(capsys, "--preset", "persistence", *smaller)["cells"]
    declared = {a for cell in cells if study.analysis.declares(a := cell["adapter"], "manuals_qa")}
    assert declared == {"layer_lora:train_items=100", "layer_lora:train_items=all"}


def test_without_a_study_quick_is_run_and_flags_override_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert planned(capsys) == planned(capsys, "--preset", "quick")
    seeds = {cell["seed"] for cell in planned(capsys, "--seeds", "7", "--adapters", "lora,full")["cells"]}
    assert seeds == {None, 7}


def test_a_named_task_is_a_study_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    named = ("--tasks", "kubectl", "--adapters", "lora")
    assert [cell["seed"] for cell in planned(capsys, *named)["cells"]] == [None, 0]
    assert [cell["seed"] for cell in planned(capsys, *named, "--no-base")["cells"]] == [0]
    assert main(["plan", "--tasks", "kubectl"]) == 2
    assert "no adapter" in capsys.readouterr().err
    monkeypatch.setenv("MEDCOT_TASKS", "kubectl")
    assert main(["plan"]) == 2


def test_a_wrong_preset_or_two_studies_are_errors(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["plan", "--preset", "quik"]) == 2
    assert "no preset 'quik'; did you mean quick?" in capsys.readouterr().err
    (tmp_path / "mine.yaml").write_text("tasks: [kubectl]\nadapters: [lora]\n")
    assert main(["plan", "mine.yaml", "--preset", "quick"]) == 2
    assert "give the preset or mine.yaml, not both" in capsys.readouterr().err


def test_init_writes_a_preset_to_edit_and_overwrites_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--preset", "smoke"]) == 0
    assert "medcot-bench run study.yaml" in capsys.readouterr().out
    assert Path("study.yaml").read_text() == presets.path_of("smoke").read_text()
    assert planned(capsys, "study.yaml") == planned(capsys, "--preset", "smoke")
    for arguments in (["init"], ["init", "--preset", "none_such"], ["init", "no/such/folder/study.yaml"]):
        assert main(arguments) == 2
        assert capsys.readouterr().err.startswith("medcot-bench: ")


def test_list_shows_the_presets_with_what_they_are_for() -> None:
    command = [sys.executable, "-m", "medcot_bench", "list", "presets"]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert all(presets.description(name) in " ".join(shown.split()) for name in presets.names())
    found = json.loads(subprocess.run([*command, "--json"], capture_output=True, check=True).stdout)
    assert [entry["name"] for entry in found] == presets.names()
