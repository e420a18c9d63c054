"""The commands on a terminal, in a pipe, and as a module."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medcot_bench.cli import main
from medcot_bench.study.schema import Study, Training


def study_arguments(fields: dict[str, Any]) -> list[str]:
    """The little study as flags."""
    data = [part for name, source in fields["data"].items() for part in ("--data", f"{name}={source}")]
    return [
        *("--model", fields["model"], "--tasks", "k8s_qa", "--adapters", "none,lora:lr=1e-3", *data),
        *("--max-steps", "2", "--batch-size", "2", "--limit", "2", "--set", "scoring.max_new_tokens=4"),
        *("--set", "threads=1", "-o", fields["output_dir"]),
    ]


def test_plan_shows_cells_reasons_and_disk(
    study_fields: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *study_arguments(study_fields)]) == 0
    output = capsys.readouterr().out
    assert "task: k8s_qa[file:k8s_qa.jsonl], kubernetes: 12 to train on, 2 to score" in output
    assert "not trained yet" in output
    assert "2 training runs, 2 evaluations: 1 to train, 1 to score only, 0 done" in output
    assert "kept (adapters)" in output
    assert not Path(study_fields["output_dir"]).exists()


def test_plan_as_json_names_recipes_and_relations(
    study_fields: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *study_arguments(study_fields), "--eval-tasks", "medqa_cot", "--json"]) == 0
    base, lora = json.loads(capsys.readouterr().out)["cells"]
    assert base["recipe"] is None
    assert lora["recipe"]["lr"] == 1e-3
    assert lora["recipe"]["max_steps"] == 2
    assert lora["scores"] == {"k8s_qa": "same_task", "medqa_cot": "shift"}


def test_several_rates_are_tried_as_with_tune_lr(
    study_fields: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    bundled = [*study_arguments(study_fields | {"data": {}}), "--adapters", "none,full,lora", "--json"]

    def planned(*flags: str) -> dict[str, Any]:
        assert main(["plan", *bundled, *flags]) == 0
        plan: dict[str, Any] = json.loads(capsys.readouterr().out)
        return plan

    tried = planned("--lr", "1e-4,1e-3")
    assert tried["stage"] == "trials"
    rates = [(cell["adapter"], cell["recipe"]["lr"]) for cell in tried["cells"]]
    assert rates == [(adapter, rate) for adapter in ("full", "lora") for rate in (1e-4, 1e-3)]
    assert tried == planned("--tune-lr", "1e-4,1e-3")
    alone = planned("--lr", "1e-3")
    assert alone["stage"] == "study"
    assert [cell["recipe"]["lr"] for cell in alone["cells"] if cell["recipe"]] == [1e-3, 1e-3]


def test_dry_run_is_plan(study_fields: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    main(["plan", *study_arguments(study_fields)])
    expected = capsys.readouterr().out
    assert main(["run", "--dry-run", *study_arguments(study_fields)]) == 0
    assert capsys.readouterr().out == expected


def test_show_prints_options_sources_licence_prompt_and_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "k8s_qa"]) == 0
    output = capsys.readouterr().out
    for part in ("context=given", "file:PATH", "licence:", "| Answer:", "its target:", "CC-BY-4.0"):
        assert part in output
    assert main(["show", "adapter:qlora"]) == 0
    assert "base quantisation nf4" in capsys.readouterr().out
    assert main(["show", "engine:hf"]) == 0
    assert "to score with it: --set scoring.engine=hf" in capsys.readouterr().out
    assert main(["show", "random"]) == 0
    assert "the placebo of every other selector" in capsys.readouterr().out


@pytest.mark.slow
def test_runs_by_flags_then_says_that_nothing_is_left(study_fields: dict[str, Any]) -> None:
    command = [sys.executable, "-m", "medcot_bench", "run", *study_arguments(study_fields)]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (first.returncode, first.stderr) == (0, "")
    lines = first.stdout.splitlines()
    assert lines[0].startswith("plan: 2 runs, 2 to do, into ")
    assert any(re.fullmatch(r"\[1/2\] none \(\d+ s left\)", line) for line in lines)  # by a first guess
    assert any(line.startswith("    trained 2 steps in") for line in lines)
    assert "2 training runs finished of 2" in lines
    assert any(re.match(r"lora:lr=1e-3 +\d\.\d\d +[+-]", line) for line in lines)
    closing = " ".join("\n".join(lines).rpartition("\n\n")[2].split())
    assert closing.startswith(
        "Nothing to recommend for k8s_qa (answer, up to 24 GB): no method is shown to beat the base model"
    )
    assert "Verdict: none. The study has no full fine-tuning to measure a gap against." in closing
    settles = "add full to --adapters, to compare with; at least --seeds 0,1,2; add a task of another domain by"
    assert f"To settle it: {settles} --eval-tasks." in closing
    assert f"Files: {study_fields['output_dir']}/leaderboard.md, also .csv and .json" in closing
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 0
    assert "nothing to run: 2 training runs and 2 evaluations planned, all done" in second.stdout
    quiet = subprocess.run([*command, "-q"], capture_output=True, text=True, check=False)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")

    study = Path(study_fields["output_dir"]) / "study.yaml"
    again = [sys.executable, "-m", "medcot_bench", "run", str(study)]
    third = subprocess.run(again, capture_output=True, text=True, check=False)
    assert "nothing to run" in third.stdout

    leaderboard = study.parent / "leaderboard.md"
    text = leaderboard.read_text()
    leaderboard.unlink()
    exported = subprocess.run(
        [sys.executable, "-m", "medcot_bench", "export", str(study.parent), "--format", "md"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert exported.stdout == f"{leaderboard}\n"
    assert leaderboard.read_text() == text


@pytest.mark.slow
def test_a_terminal_shows_bars_and_the_same_lines(study_fields: dict[str, Any]) -> None:
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "medcot_bench", "run", *study_arguments(study_fields)],
        stdout=child,
        stderr=subprocess.STDOUT,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"},
    )
    os.close(child)
    output = b""
    while True:
        try:
            chunk = os.read(parent, 4096)
        except OSError:  # Linux ends a pseudo-terminal with EIO
            break
        if not chunk:
            break
        output += chunk
    os.close(parent)
    assert process.wait() == 0
    text = output.decode()
    assert "left" in text
    assert "[2/2] lora:lr=1e-3 × k8s_qa × seed 0" in text
    assert "Files: " in text


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m medcot_bench list | head -1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert result.stderr == ""


@pytest.mark.slow
def test_what_only_the_worker_can_find_wrong_is_one_line_and_writes_nothing(
    study_fields: dict[str, Any], tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(study_fields["model"], broken)
    (broken / "tokenizer.json").write_text("{}")
    for change in (["--model", str(broken)], ["--device", "cuda:7"]):
        command = [sys.executable, "-m", "medcot_bench", "run", *study_arguments(study_fields), *change]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 2
        assert result.stderr.startswith("medcot-bench: ")
        assert result.stderr.count("\n") == 1
        assert not Path(study_fields["output_dir"]).exists()


def test_a_study_file_is_validated_with_every_error_at_once(
    study_file: Callable[..., Path], study_fields: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    good = study_file()
    assert main(["validate", str(good)]) == 0
    first, *facts = capsys.readouterr().out.splitlines()
    assert first == f"{good}: OK: 1 training run, 2 evaluations"
    assert facts[0] == "data: k8s_qa: 22 rows in 14 groups of 1 to 2 rows"
    assert " ".join(facts).count("data: ") == " ".join(facts).count("data: k8s_qa: ")
    assert main(["validate", str(study_file(training={"tune_lr": 3}, data={}))]) == 0
    assert "OK: 3 training runs for the learning-rate search" in capsys.readouterr().out
    racing = study_file(training={"tune_lr": 3, "race_seeds": 3}, seeds=[0, 1, 2], data={})
    assert main(["validate", str(racing)]) == 0
    assert "OK: at most 9 training runs for the learning-rate search" in capsys.readouterr().out
    assert main(["plan", str(racing)]) == 0
    planned = capsys.readouterr().out
    assert "3 training runs, 3 evaluations: 3 to train" in planned
    assert "race: rates within the noise of the best go on with more seeds, at most 6 more training runs; " in (
        " ".join(planned.split())
    )
    bad = study_file(tasks="k8s_qu", adapters="none,lorra", seeds=[0, 0])
    assert main(["validate", str(bad)]) == 2
    said = capsys.readouterr().err
    for part in ("no task 'k8s_qu'", "no adapter 'lorra'", "give distinct seeds"):
        assert part in said
    rows = study_file().parent / "rows.csv"
    rows.write_text("question,answer\n" + "".join(f"Which {n}?,a{n}\n" for n in range(40)))
    own = ["validate", "--train", str(rows), "--adapters", "lora", "--model", study_fields["model"]]
    assert main(own) == 0
    assert "study: OK: 3 training runs, 4 evaluations" in capsys.readouterr().out
    assert main([*own, "--max-length", "16"]) == 2
    ended = capsys.readouterr()
    assert (ended.out, ended.err.count("\n")) == ("", 1)
    assert "every training item is longer than training.max_length=16; raise it" in ended.err
    assert main(["validate", "nowhere.yaml"]) == 2
    assert "medcot-bench: nowhere.yaml: No such file or directory" in capsys.readouterr().err


def test_the_schema_names_every_field_of_a_study(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config-schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert set(schema["properties"]) == set(Study.model_fields)
    assert set(schema["$defs"]["Training"]["properties"]) == set(Training.model_fields)
    engine = schema["$defs"]["Scoring"]["properties"]["engine"]
    assert "slower" in engine["description"]
    assert (engine["type"], engine["default"]) == ("string", "fast")  # any package may bring one
    assert schema["additionalProperties"] is False
