"""Files of a user that are called like libraries: the command imports none of them from its working directory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

NAMES = ("evaluate", "csv", "json", "re", "typing", "datasets", "torch", "yaml", "pluggy", "numpy")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of such files."""
    made = tmp_path / "work"
    made.mkdir()
    for name in NAMES:
        (made / f"{name}.py").write_text("print('my own script')\nraise SystemExit(3)\n")
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", [["medcot_bench", "doctor"], ["medcot_bench", "list"], ["medcot_bench.worker", "--help"]]
)
def test_a_module_run_by_python_does_not(module: list[str], folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *module], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert "my own script" not in done.stdout + done.stderr
    assert done.returncode == 0


@pytest.mark.slow
def test_a_run_does_not_and_neither_does_its_worker(folder: Path, study_file: Callable[..., Path]) -> None:
    study = study_file(adapters="none")
    done = subprocess.run(
        [sys.executable, "-m", "medcot_bench", "run", str(study), "-v"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert "my own script" not in done.stdout + done.stderr
    assert done.returncode == 0
    assert (study.parent / "out" / "leaderboard.md").is_file()
