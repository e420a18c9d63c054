"""Real runs with a plugin that does something wrong: one line or one failed run each, no endless wait."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import troubled

from medcot_bench.results.folder import load

pytestmark = pytest.mark.slow
IN_WORKER = "if IN_WORKER: "
FRUITLESS = "2 workers in a row finished no training run: "
ME = "task 'troubled' (acme 1.0)"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(study_fields: dict[str, Any], tmp_path: Path) -> Run:
    """Run the little study on the task of acme, with a relative folder; return exit status and errors."""
    study = tmp_path / "study.yaml"
    study.write_text(json.dumps(study_fields | {"tasks": "troubled", "data": {}, "output_dir": "out"}))

    def run(*flags: str, **code: str) -> tuple[int, str]:
        folder = troubled.install(tmp_path / "acme", **code)
        done = subprocess.run(
            [sys.executable, "-m", "medcot_bench", "run", str(study), "-q", *flags],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(folder)},
            timeout=500,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr

    return run


def failures(folder: Path) -> dict[str, tuple[str, str]]:
    """Adapter -> status and error of what failed."""
    found = {cell.cell.adapter: cell.failure for cell in load(folder).cells}
    return {adapter: (one.status, one.error) for adapter, one in found.items() if one}


def test_a_hang_is_a_timeout_of_one_run_that_names_the_hook(run: Run, tmp_path: Path) -> None:
    once = "if IN_WORKER and not os.path.exists('{0}'): open('{0}', 'w'); time.sleep(1000)"
    status, errors = run("--timeout", "score=5s", score=once.format(tmp_path / "hung"))
    assert status == 1
    [(adapter, (how, error))] = failures(tmp_path / "out").items()
    assert (adapter, how) == ("none", "timeout")
    assert error.startswith(f"no progress for 5 s while scoring troubled; last at {ME} in score of item '")
    assert errors.startswith("timeout: none, scoring troubled: no progress for 5 s")


@pytest.mark.timeout(400)  # who waits for the children waits longer
def test_children_of_a_plugin_do_not_hold_up_a_run_and_chdir_does_not_move_it(run: Run, tmp_path: Path) -> None:
    status, _ = run(
        imported="os.chdir('/')",
        made="os.chdir('/')\nif IN_WORKER: subprocess.Popen(['sleep', '600'])",
        prompt="os.chdir('/')",
        score="os.chdir('/')\nif IN_WORKER and os.fork() == 0:\n    os.setsid(); time.sleep(450); os._exit(0)",
    )
    assert status == 0
    assert len(load(tmp_path / "out").cells) == 2
    assert not failures(tmp_path / "out")


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("os._exit(0)", 1, f"{FRUITLESS}the worker ended with status 0; last at {ME} in examples; -v shows"),
        ("raise MemoryError", 1, f"{FRUITLESS}the worker ended with status 1; MemoryError: {ME} in examples"),
        ("raise KeyboardInterrupt", 2, f"{ME} failed in examples: KeyboardInterrupt in examples"),
    ],
)
def test_what_ends_each_worker_before_its_first_run_is_one_line(
    run: Run, tmp_path: Path, code: str, status: int, said: str
) -> None:
    ended, errors = run(examples=IN_WORKER + code)
    assert (ended, errors.count("\n")) == (status, 1)
    assert errors.startswith(f"medcot-bench: {said}")


def test_what_code_raises_in_a_run_is_a_failure_of_that_run(run: Run, tmp_path: Path) -> None:
    raises = "if example.id.endswith('-1'): raise KeyboardInterrupt\nraise ValueError('half \\ud83d')"
    status, _ = run(score=raises)
    assert status == 1
    found = failures(tmp_path / "out")
    assert {how for how, _ in found.values()} == {"failed"}
    assert all("half \\ud83d" in error or "KeyboardInterrupt" in error for _, error in found.values())
