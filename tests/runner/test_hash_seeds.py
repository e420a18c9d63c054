"""The order in which a process keeps its sets is in no record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MEASURED = {"host", "started", "seconds", "peak_bytes", "measure_seconds", "times", "saved", "sha256"}

pytestmark = pytest.mark.slow


def records(root: Path) -> dict[str, str]:
    """The text of each record without what is measured; samples as they are."""
    found = {
        str(path.relative_to(root)): json.dumps(_unmeasured(json.loads(path.read_text())))
        for pattern in ("cells/*/cell.json", "cells/*/scores/*.json")
        for path in root.glob(pattern)
    }
    return found | {str(path.relative_to(root)): path.read_text() for path in root.glob("cells/*/samples/*")}


def _unmeasured(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unmeasured(inner) for key, inner in value.items() if key not in MEASURED}
    return [_unmeasured(inner) for inner in value] if isinstance(value, list) else value


def test_records_are_the_same_bytes(study_file: Callable[..., Path], tmp_path: Path) -> None:
    path = study_file(threads=1, baselines="cot", training={"max_steps": 2, "batch_size": 2, "checkpoints": 1})
    roots = []
    for seed in ("1", "2"):
        roots.append(tmp_path / f"out{seed}")
        command = [sys.executable, "-m", "medcot_bench", "run", str(path), "-q", "-o", str(roots[-1])]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": seed})
    first, second = map(records, roots)
    assert first == second
    assert len(first) >= 8
