"""Cells that fail leave their reason, and the others run."""

from __future__ import annotations

import dataclasses
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import medcot_bench
from medcot_bench.errors import Diverged, StoreError
from medcot_bench.planning.build import make_plan
from medcot_bench.results.folder import load
from medcot_bench.results.records import Attempt
from medcot_bench.results.store import Store
from medcot_bench.study.schema import Study
from medcot_bench.worker.main import status_of

from .conftest import Start


@pytest.mark.slow
def test_a_diverged_cell_is_recorded_and_the_next_one_runs(
    start: Start, study_file: Callable[..., Path], tmp_path: Path
) -> None:
    study = study_file(adapters=["full:lr=1e30", "lora"], training={"max_steps": 6, "batch_size": 2})
    running = start(str(study))
    assert running.wait() == 1
    bad, good = load(tmp_path / "out").cells
    assert bad.record is None
    assert bad.failure is not None
    assert bad.failure.status == "diverged"
    assert "try a lower lr" in bad.failure.error
    assert bad.failure.seconds
    assert good.record is not None
    assert "diverged" in (tmp_path / "out" / "leaderboard.md").read_text()
    [log] = (tmp_path / "out").glob("cells/*/attempts/1/log")
    assert "Traceback" in log.read_text()
    assert "Traceback" not in running.errors()


@pytest.mark.slow
def test_an_evaluation_that_fails_leaves_the_others(study_fields: dict[str, Any], tmp_path: Path) -> None:
    fields = study_fields | {
        "adapters": "none",
        "eval_tasks": "medqa_cot",
        "scoring": {"max_new_tokens": 8, "max_length": 440, "overlong": "error"},
    }
    results = medcot_bench.run(fields)
    [cell] = results.cells
    assert cell.record is not None
    assert set(cell.evaluations) == {"medqa_cot"}
    assert cell.failure is not None
    assert cell.failure.score == "k8s_qa"
    assert "is longer than 440 tokens" in cell.failure.error


def test_statuses_of_exceptions() -> None:
    import torch

    assert status_of(Diverged("loss nan")) == "diverged"
    assert status_of(MemoryError()) == "oom"
    assert status_of(torch.OutOfMemoryError("CUDA out of memory")) == "oom"
    assert status_of(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")) == "oom"
    assert status_of(ValueError("x")) == "failed"


@pytest.fixture
def store_and_cell(study_fields: dict[str, Any], tmp_path: Path) -> tuple[Store, Any]:
    plan = make_plan(Study.model_validate(study_fields | {"adapters": ("none",)}))
    return Store(tmp_path / "out"), plan.cells[0]


def attempt(cell: Any) -> Attempt:
    return Attempt(cell_id=cell.id, status="failed", error="x", started="2026-01-01T00:00:00+00:00")


def test_a_full_disk_is_an_error_and_leaves_no_half_record(
    store_and_cell: tuple[Store, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, cell = store_and_cell
    store.add_attempt(cell, attempt(cell), "log")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device") as caught:
        store.add_attempt(cell, attempt(cell), "log")
    assert caught.value.exit_code == 3
    assert not list(store.root.rglob(".writing-*"))
    assert [found.status for found in store.attempts(cell)] == ["failed"]


def test_a_damaged_record_is_named_with_what_to_do(store_and_cell: tuple[Store, Any]) -> None:
    store, cell = store_and_cell
    folder = store.add_attempt(cell, attempt(cell), "log")
    whole = (folder / "error.json").read_bytes()
    (folder / "error.json").write_bytes(whole[:-20])
    with pytest.raises(StoreError, match=r"error\.json can't be read .*; delete it to have it made again"):
        store.attempts(cell)
    (folder / "error.json").write_bytes(whole.replace(b'"schema": 1', b'"schema": 99'))
    with pytest.raises(StoreError, match="written by a newer medcot-bench"):
        store.attempts(cell)


def test_records_are_written_once(store_and_cell: tuple[Store, Any], tmp_path: Path) -> None:
    store, _ = store_and_cell
    store._write_once(tmp_path / "record.json", b"first")
    with pytest.raises(StoreError, match="was written by another run in the meantime"):
        store._write_once(tmp_path / "record.json", b"second")
    assert (tmp_path / "record.json").read_bytes() == b"first"


def test_weights_that_a_killed_run_left_without_a_record_give_way(store_and_cell: tuple[Store, Any]) -> None:
    store, cell = store_and_cell
    for content in ("left behind", "new"):
        made = store.temporary_folder(cell)
        (made / "weights").write_text(content)
        place = store.commit_weights(cell, made)
        assert (place / "weights").read_text() == content
    assert [path.name for path in place.parent.iterdir()] == ["adapter"]
    store.drop_weights(cell)
    assert list(place.parent.iterdir()) == []


def test_not_a_number_is_never_written(store_and_cell: tuple[Store, Any]) -> None:
    store, cell = store_and_cell
    bad = dataclasses.replace(attempt(cell), error=float("nan"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Out of range float"):
        store.add_attempt(cell, bad, "log")
