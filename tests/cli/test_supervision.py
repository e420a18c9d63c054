"""The flags of supervision: what they say, what they refuse, and what the last lines of a run say of it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted import Script, ScriptedExecutor, finished, leave_records, started

from medcot_bench.cli import main
from medcot_bench.planning.build import make_plan
from medcot_bench.results.store import Store
from medcot_bench.runner.events import Ready
from medcot_bench.study.schema import Study

Run = Callable[..., int]


@pytest.fixture
def run(study_fields: dict[str, Any], study_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the little study, of the base model and lora, by scripted workers."""
    plan = make_plan(Study.model_validate(study_fields))
    leave = leave_records(plan, Store(Path(study_fields["output_dir"])))

    def run(*flags: str, dies: bool = False, works: bool = True, leaves: bool = True) -> int:
        base, lora = plan.cells
        ends = [started(lora)] if dies else finished(lora)
        script = Script([Ready(), *finished(base), *ends], status=-signal.SIGKILL if dies else 0)
        executor = ScriptedExecutor([script] if works else [])
        executor.leave = leave if leaves else executor.leave
        monkeypatch.setattr("medcot_bench.runner.run.LocalExecutor", lambda: executor)
        return main(["run", str(study_file()), *flags])

    return run


def test_what_is_not_tried_again_is_counted(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(dies=True) == 1
    assert "1 training run finished, 1 failed of 2\n" in capsys.readouterr().out
    assert run("--retry", "oom,timeout", works=False) == 1
    output = capsys.readouterr().out
    assert "plan: 2 runs, 0 to do" in output
    assert "0 training runs finished, 1 not tried again (--retry) of 2\n" in output


def test_the_first_failure_is_one_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--fail-fast", dies=True) == 1
    said = "stopped at the first failed training run (--fail-fast); the same command runs it again, and the rest"
    assert capsys.readouterr().err == f"medcot-bench: {said}\n"


def test_results_that_are_not_there_in_the_end_are_said(
    run: Run, capsys: pytest.CaptureFixture[str], study_fields: dict[str, Any]
) -> None:
    assert run(leaves=False) == 1
    said = (
        f"of 2 training runs some results are not in {study_fields['output_dir']}; the same command makes them\n"
    )
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "flags", "said"),
    [
        ("run", ("--timeout", "soon"), "--timeout soon: write a time as 90s, 30m or 2h, or none"),
        ("plan", ("--timeout", "fit=3m"), "--timeout fit=3m: no phase 'fit'; phases are plan, load, train, score"),
        ("run", ("--timeout", "train=0"), "--timeout train=0: write a time as 90s, 30m or 2h, or none"),
        ("plan", ("--timeout", "load=2h, score=1"), "--timeout score=1: write a time as 90s, 30m or 2h, or none"),
        ("run", ("--checkpoint-every", "0"), "--checkpoint-every 0: write a time as 90s, 30m or 2h, or none"),
        ("validate", ("--timeout", ""), "--timeout : write a time as"),
        (
            "run",
            ("--retry", "hung"),
            "--retry hung: no status 'hung'; write none, or some of oom,diverged,timeout",
        ),
    ],
)
def test_a_wrong_flag_is_one_line(
    study_file: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    command: str,
    flags: tuple[str, ...],
    said: str,
) -> None:
    assert main([command, str(study_file()), *flags]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"medcot-bench: {said}")
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", ["run", "plan", "validate", "show", "export", "predict", "merge"])
def test_the_help_says_what_the_limits_are(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "(default: plan 30 min, load 1 h, train 30 min, score 30 min)" in said
