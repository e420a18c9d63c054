"""Killed workers, killed parents, two runs at once: nothing finished is lost, nothing half made counts."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import medcot_bench
from medcot_bench.results.folder import load

from .conftest import Start

pytestmark = pytest.mark.slow
STEPS = {"max_steps": 12, "batch_size": 2}


def numbers(folder: Path) -> dict[str, Any]:
    """Everything of a result folder that a run must repeat bit for bit."""
    results = load(folder)
    return {
        cell.cell.name: (
            cell.record and cell.record.training,
            cell.record and dict(cell.record.placement),
            {task: (dict(score.results), score.samples_sha256) for task, score in cell.evaluations.items()},
        )
        for cell in results.cells
    }


@pytest.fixture
def reference(study_fields: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """What an undisturbed run gives."""
    fields = study_fields | {
        "adapters": "none,lora,full",
        "training": STEPS,
        "output_dir": str(tmp_path / "reference"),
    }
    medcot_bench.run(fields)
    return numbers(tmp_path / "reference")


def test_kills_at_every_phase_end_in_the_same_numbers(
    start: Start, study_file: Callable[..., Path], tmp_path: Path, reference: dict[str, Any]
) -> None:
    study, out = study_file(adapters="none,lora,full", training=STEPS), tmp_path / "out"

    running = start(str(study))
    running.until(lambda event: event["event"] == "progress" and (event["unit"], event["done"]) == ("step", 3))
    running.worker().send_signal(signal.SIGKILL)
    failed = running.until(lambda event: event["event"] == "failed")
    assert (failed["status"], failed["title"]) == ("killed", "lora × k8s_qa × seed 0")
    assert "SIGKILL" in failed["error"]
    assert running.wait() == 1
    [lost] = [cell for cell in load(out).cells if cell.record is None]
    assert lost.cell.adapter == "lora"
    assert lost.failure is not None
    assert lost.failure.status == "killed"
    assert "killed" in (out / "leaderboard.md").read_text()
    others = {path: path.stat().st_mtime_ns for path in out.glob("cells/*/*.json")}
    assert len(others) == 2

    running = start(str(study))
    running.until(lambda event: event["event"] == "phase" and event["phase"] == "score")
    worker = running.worker()
    running.process.kill()
    running.process.wait()
    psutil.wait_procs([worker], timeout=30)
    assert not worker.is_running()

    running = start(str(study))
    assert running.wait() == 0
    assert numbers(out) == reference
    assert all(path.stat().st_mtime_ns == then for path, then in others.items())
    assert not list(out.glob("cells/*/.making-*"))

    running = start(str(study))
    assert running.wait() == 0
    assert [event["to_run"] for event in running.events if event["event"] == "planned"] == [0]
    assert not [event for event in running.events if event["event"] == "cell_started"]


def test_a_training_that_is_killed_goes_on_where_it_was_saved(
    start: Start, study_file: Callable[..., Path], tmp_path: Path
) -> None:
    training = {"max_steps": 30, "batch_size": 2, "accumulation": 2, "warmup": 0.2, "select_by": "val_nll"}
    study = study_file(adapters="lora:dropout=0.1,full", training=training, keep_weights="all")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert start(str(study), "-o", str(whole), "--checkpoint-every", "none").wait() == 0

    command = [str(study), "-o", str(parts), "--checkpoint-every", "0.3s"]
    went_on = []
    for title, whom in (("lora:dropout=0.1 × k8s_qa × seed 0", "worker"), ("full × k8s_qa × seed 0", "run")):
        running = start(*command)
        place = {"event": "progress", "done": 20, "title": title}
        running.until(lambda event, place=place: place.items() <= event.items())
        went_on += [event for event in running.events if event["event"] == "resumed"]
        worker = running.worker()
        (worker if whom == "worker" else running.process).send_signal(signal.SIGKILL)
        if whom == "worker":  # the rest of the run goes on without the training that it took with it
            running.until(lambda event: event["event"] == "failed")
            running.process.kill()
        running.process.wait()
        psutil.wait_procs([worker], timeout=30)

    running = start(*command)
    assert running.wait() == 0
    went_on += [event for event in running.events if event["event"] == "resumed"]
    assert [event["title"].partition(":")[0].partition(" ")[0] for event in went_on] == ["lora", "full"]
    assert all(0 < event["step"] < 20 for event in went_on)
    assert not [event for event in running.events if event["event"] == "noted"]
    assert numbers(parts) == numbers(whole)
    for pattern in ("train_log.jsonl", "adapter/*.safetensors", "samples/*.jsonl"):
        made, expected = (
            {path.relative_to(out): path.read_bytes() for path in out.glob(f"cells/*/{pattern}")}
            for out in (parts, whole)
        )
        assert expected
        assert made == expected
    assert not [*parts.glob("cells/*/training_state"), *parts.glob("cells/*/.making-*")]


@pytest.mark.parametrize(
    ("number", "status", "said"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_ctrl_c_and_sigterm_end_the_worker_and_say_how_to_go_on(
    start: Start, study_file: Callable[..., Path], tmp_path: Path, number: signal.Signals, status: int, said: str
) -> None:
    study = study_file(training={"max_steps": 500, "batch_size": 2})
    running = start(str(study))
    running.until(lambda event: event["event"] == "progress" and event["unit"] == "step")
    worker = running.worker()
    running.process.send_signal(number)
    assert running.wait() == status
    assert running.errors() == f"medcot-bench: {said}; the same command goes on where it stopped\n"
    assert not worker.is_running()
    assert not (tmp_path / "out" / ".lock.owner").exists()
    assert start(str(study), "--max-steps", "1").wait() == 0


def test_a_second_run_is_kept_out_and_told_by_whom(
    start: Start, study_file: Callable[..., Path], tmp_path: Path
) -> None:
    study = study_file(training={"max_steps": 500, "batch_size": 2})
    first = start(str(study))
    first.until(lambda event: event["event"] == "cell_started")
    second = start(str(study))
    assert second.wait() == 3
    assert f"{tmp_path / 'out'} is in use by process {first.process.pid} on" in second.errors()
    first.process.kill()
    first.process.wait()
    third = start(str(study), "--max-steps", "1")
    assert third.wait() == 0


def test_missing_weights_are_trained_again_for_new_scores(
    start: Start, study_file: Callable[..., Path], tmp_path: Path
) -> None:
    study, out = study_file(adapters="lora,full"), tmp_path / "out"
    assert start(str(study)).wait() == 0
    kept = {path.parent.name.split("__")[1] for path in out.glob("cells/*/adapter")}
    assert kept == {"lora"}  # a full model is dropped once it is scored
    records = {path: path.read_bytes() for path in out.glob("cells/*/cell.json")}
    before = numbers(out)

    running = start(str(study), "--eval-tasks", "manuals_qa")
    assert running.wait() == 0
    trained = [event["cell"] for event in running.events if event.get("phase") == "train"]
    assert len(trained) == 1  # full again; lora was loaded
    assert [event["phase"] for event in running.events if event["event"] == "phase"].count("restore") == 1
    assert {path: path.read_bytes() for path in out.glob("cells/*/cell.json")} == records
    after = numbers(out)
    for name, (training, placement, scores) in before.items():
        assert after[name][:2] == (training, placement)
        assert after[name][2]["k8s_qa"] == scores["k8s_qa"]
        assert "manuals_qa" in after[name][2]


def test_a_folder_moved_elsewhere_goes_on_there(
    start: Start, study_file: Callable[..., Path], tmp_path: Path
) -> None:
    study = study_file(adapters="none,lora")
    assert start(str(study)).wait() == 0
    moved = tmp_path / "moved"
    shutil.copytree(tmp_path / "out", moved, ignore=shutil.ignore_patterns("adapter", ".lock*"))
    running = start(str(study), "-o", os.fspath(moved))
    assert running.wait() == 0
    assert [event["to_run"] for event in running.events if event["event"] == "planned"] == [0]
