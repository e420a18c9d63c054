"""Real runs with a plugin that does something wrong: one line or one failed run each, no endless wait."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
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
def run(study_fields: dict[str, Any], tmp_path: Path) -> Iterator[Run]:
    """Run the little study on the task of acme, with a relative folder; return exit status and errors.

    At the end nothing is left of what the task started.
    """
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

    yield run
    troubled.end_strays(tmp_path / "acme")


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
    left = troubled.strays(tmp_path / "acme")  # a child is ended with its worker, unless it has left the session
    assert left
    assert {os.getsid(process.pid) for process in left} == {process.pid for process in left}
    troubled.end_strays(tmp_path / "acme")
    assert not troubled.strays(tmp_path / "acme")


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


@pytest.mark.parametrize(
    ("code", "how"), [("os._exit(0)", "ended with status 0"), ("os.abort()", "was ended by SIG")]
)
def test_a_run_wide_plugin_that_ends_its_process_is_named_and_the_run_goes_on(
    run: Run, tmp_path: Path, code: str, how: str
) -> None:
    status, errors = run(finished=code)
    assert status == 0
    said = (
        f"plugin 'watcher' (acme 1.0) in medcot_cell_finished: the process that was calling run-wide plugins {how}"
    )
    assert [line for line in errors.splitlines() if said in line] == [errors.strip()]
    assert len(load(tmp_path / "out").cells) == 2
    assert not failures(tmp_path / "out")


PREDICT = ("predict", "out", "lora", "Which port?", "--context", "The port is 80.")
MERGE = ("merge", "out", "lora", "model")
SLOW = "; raise --timeout if it is only slow"
HANGS = "time.sleep(1000)"


def test_a_plugin_that_hangs_or_ends_a_command_on_a_trained_model_is_named(run: Run, tmp_path: Path) -> None:
    trouble = tmp_path / "trouble"
    later = "if os.path.exists('{0}-{1}'): exec(open('{0}-{1}').read())"
    status, errors = run(**{place: later.format(trouble, place) for place in ("made", "prompt")})
    assert status == 0, errors
    for command, place, code, right, said in [
        (
            PREDICT,
            "prompt",
            HANGS,
            1,
            f"no progress for 4 s while answering; last at {ME} in prompt or target{SLOW}",
        ),
        (PREDICT, "prompt", "os._exit(0)", 1, f"the worker ended with status 0; last at {ME} in prompt or target"),
        (
            PREDICT,
            "made",
            HANGS,
            2,
            f"{ME} in medcot_make_task: no progress for 4 s while looking for the model{SLOW}",
        ),
        (
            MERGE,
            "prompt",
            HANGS,
            1,
            f"no progress for 4 s while scoring troubled; last at {ME} in prompt or target{SLOW}",
        ),
    ]:
        asked = tmp_path / f"trouble-{place}"
        asked.write_text(code)
        done = subprocess.run(
            [sys.executable, "-m", "medcot_bench", *command, "--timeout", "score=4s,plan=4s"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path / "acme")},
            timeout=500,
        )
        asked.unlink()
        errors = re.sub(" of item '[^']*'", "", done.stderr)
        assert (done.returncode, done.stdout, errors) == (right, "", f"medcot-bench: {said}\n")
        assert not (tmp_path / "model").exists()
        assert not troubled.strays(tmp_path / "acme")
