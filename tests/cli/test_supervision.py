"""The flags of supervision: what they say, what they refuse, and what the last lines of a run say of it."""

from __future__ import annotations

import json
import math
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
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


def test_a_dry_run_shows_what_a_run_with_the_same_flags_does(
    run: Run, study_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run(dies=True)
    capsys.readouterr()

    def shown(*flags: str) -> str:
        assert main(["run", str(study_file()), "--dry-run", *flags]) == 0
        return capsys.readouterr().out

    def lora(*flags: str) -> tuple[str, str]:
        _, cell = json.loads(shown("--json", *flags))["cells"]
        return cell["action"], cell["reason"]

    output = shown("--retry", "oom,timeout")
    assert ": 0 to train, 0 to score only, 1 done, 1 left as they are\n" in output
    assert "\ntime: " not in output
    assert "\ndisk: 0 B kept (adapters), 0 B more during a training run\n" in output
    assert lora("--retry", "none") == ("left", "last attempt: killed; not tried again (--retry)")

    for flags in ((), ("--retry", "killed")):
        output = shown(*flags)
        assert ": 1 to train, 0 to score only, 1 done\n" in output
        assert "\ntime: " in output
        assert lora(*flags) == ("train", "last attempt: killed")


def test_the_saved_states_of_a_training_take_disk(
    tiny_model: Path, study_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with safe_open(tiny_model / "model.safetensors", "pt") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    weights = 4 * sum(math.prod(shape) for shape in shapes.values())
    last = 4 * sum(math.prod(shape) for name, shape in shapes.items() if name.startswith("model.layers.3."))
    projections = [shape for name, shape in shapes.items() if ".layers." in name and len(shape) == 2]
    factors = 4 * 8 * sum(sum(shape) for shape in projections)

    def disk(adapter: str, *flags: str, **fields: Any) -> tuple[int, int, int]:
        study = study_file(adapters=(adapter,), **fields)
        assert main(["run", str(study), "--dry-run", "--json", *flags]) == 0
        found: dict[str, int] = json.loads(capsys.readouterr().out)["disk"]
        return found["kept_bytes"], found["temporary_bytes"], found["state_bytes"]

    two = 2 * 3  # the parameters and two moments, in the new state and in the one before
    assert disk("full") == (0, weights + two * weights, two * weights)
    assert disk("full", training={"select_by": "val_nll"})[2] == 2 * 4 * weights  # and the best so far
    assert disk("full:select=top,k=1")[2] == two * last
    assert disk("lora:r=8") == (factors, two * factors, two * factors)
    assert disk("full", "--checkpoint-every", "none") == (0, weights, 0)
    assert disk("none") == (0, 0, 0)


def test_the_first_failure_is_one_line(
    run: Run, study_fields: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--fail-fast", dies=True) == 1
    said = "stopped at the first failed training run (--fail-fast); the same command runs it again, and the rest"
    assert capsys.readouterr().err == f"medcot-bench: {said}\n"
    shutil.rmtree(study_fields["output_dir"])
    assert run("--fail-fast", "--retry", "oom", dies=True) == 1
    assert "; the same command without --retry runs it again, and the rest\n" in capsys.readouterr().err


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
