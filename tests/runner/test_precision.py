"""A study that adds seeds by its precision rule, for real: killed on the way, it ends in the same records."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from medcot_bench.cli import main

from .conftest import Start
from .test_interruptions import numbers

pytestmark = pytest.mark.slow
RULE = {"effect": "in_domain", "half_width": 5.0, "max_seeds": 8}
TIMES = {"spent", "next_seed"}


def looks(folder: Path) -> list[dict[str, Any]]:
    """The looks of a folder's rule, without what depends on the machine's speed."""
    found = json.loads((folder / "plan.json").read_text())["precision_looks"]
    return [{name: value for name, value in look.items() if name not in TIMES} for look in found]


def test_a_run_killed_between_its_looks_ends_in_the_same_records(
    start: Start, study_file: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = study_file(
        adapters="none,full,lora",
        data={},  # bundled items, with groups enough for an interval
        limit=8,
        training={"max_steps": 2, "batch_size": 2},
        scoring={"scores": ["gold_nll"]},
        analysis={"primary": "gold_nll", "precision": RULE},
    )
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert start(str(study), "-o", str(whole)).wait() == 0
    assert [(look["seeds"], look["stop"]) for look in looks(whole)] == [(5, None), (6, None), (7, "narrow")]

    running = start(str(study), "-o", str(parts))
    running.until(lambda event: event["event"] == "progress" and event["title"] == "lora × k8s_qa × seed 5")
    worker = running.worker()
    running.process.kill()
    running.process.wait()
    psutil.wait_procs([worker], timeout=30)
    assert [look["seeds"] for look in looks(parts)] == [5]

    running = start(str(study), "-o", str(parts))
    assert running.wait() == 0
    assert numbers(parts) == numbers(whole)
    assert looks(parts) == looks(whole)
    told = [event["precision"]["looks"] for event in running.events if event["event"] == "looked"]
    assert [look["stop"] for [look] in told] == [None, "narrow"]

    assert main(["export", str(parts), "--format", "md"]) == 0
    assert "Stopped at 7 seeds by its precision rule: half width" in (parts / "leaderboard.md").read_text()
    assert main(["plan", str(study), "-o", str(parts)]) == 0
    assert "0 to train, 0 to score only, 15 done" in capsys.readouterr().out
    assert main(["predict", str(parts), "lora__s5", "Which port?", "--context", "Port 80."]) == 0
