"""Cells that fail leave their reason, and the others run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import medcot_bench
from medcot_bench.results.folder import load

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
