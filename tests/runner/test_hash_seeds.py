"""The order in which a process keeps its sets is in nothing that it writes."""

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


def contents(root: Path, pattern: str = "**/*") -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.glob(pattern) if path.is_file()}


def program(seed: str, *arguments: object) -> None:
    command = [sys.executable, "-m", "medcot_bench", *map(str, arguments)]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": seed})


def test_records_saved_models_and_exports_are_the_same_bytes(
    study_file: Callable[..., Path], tmp_path: Path
) -> None:
    path = study_file(
        threads=1,
        adapters="none,full,lora,peft:type=ia3",
        baselines="cot",
        keep_weights="all",
        training={"max_steps": 2, "batch_size": 2, "checkpoints": 1},
    )
    roots, merged, exported = [], [], []
    for seed in ("1", "2"):
        roots.append(tmp_path / f"out{seed}")
        merged.append(tmp_path / f"merged{seed}")
        exported.append(tmp_path / f"exported{seed}")
        program(seed, "run", path, "-q", "-o", roots[-1])
        program(seed, "merge", roots[-1], "lora__s0", merged[-1])
        formats = "md,csv,summary,json,html,latex,latex-all,model-card"
        program(seed, "export", roots[0], "--format", formats, "-o", exported[-1])
    first, second = map(records, roots)
    assert first == second
    assert len(first) >= 20
    saved, again = (contents(root, "cells/*/adapter/**/*") for root in roots)
    assert saved == again
    assert sum(name.endswith("adapter_config.json") for name in saved) == 2
    models = [contents(root) for root in merged]
    assert all(model.pop("README.md") for model in models)  # it holds measured seconds
    assert models[0] == models[1]
    assert contents(exported[0]) == contents(exported[1])
