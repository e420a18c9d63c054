"""Plugins of other packages are planned with in a child first: one that ends or hangs it is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lanes import slow

from medcot_bench.cli import main
from medcot_bench.errors import USAGE, PluginError
from medcot_bench.runner import rehearsal
from medcot_bench.runner.rehearsal import rehearse_plan
from medcot_bench.study.schema import Study

Install = Callable[..., None]
QUICK = str(Path(__file__).parents[2] / "docs" / "results" / "quick")
ME = "task 'troubled' (acme 1.0)"


@pytest.fixture
def study(study_fields: dict[str, Any]) -> Study:
    return Study.model_validate(study_fields | {"tasks": "troubled", "data": {}})


@pytest.mark.parametrize(
    ("place", "code", "said"),
    [
        ("imported", "os._exit(0)", "in its import: the process that was planning ended with status 0"),
        slow(
            "made",
            "ctypes.string_at(0)",
            "in medcot_make_task: the process that was planning was ended by SIGSEGV",
        ),
        slow(
            "examples",
            "os.kill(os.getpid(), 9)",
            "in examples: the process that was planning was ended by SIGKILL (the",
        ),
        ("made", "time.sleep(100)", "in medcot_make_task: no progress for 1 s while planning; raise --timeout if"),
        slow(
            "examples", "while True: pass", "in examples: no progress for 1 s while planning; raise --timeout if"
        ),
    ],
)
def test_a_plugin_that_ends_or_hangs_the_planning_is_named(
    install: Install, study: Study, place: str, code: str, said: str
) -> None:
    install(**{place: code})
    with pytest.raises(PluginError) as caught:
        rehearse_plan(study, 1.0 if "progress" in said else 60.0)
    assert str(caught.value).startswith(f"{ME} {said}")
    assert caught.value.exit_code == USAGE


@pytest.mark.parametrize(
    "code",
    [
        {},
        {"examples": "raise KeyboardInterrupt"},
        slow({"imported": "raise SystemExit(3)"}),
        {"made": "print('noise'); os.write(1, b'null'); subprocess.Popen(['sleep', '60'])"},
        slow({"made": "sys.stdin.read(); input"}),
        slow({"examples": "import threading; threading.Thread(target=time.sleep, args=(60,)).start()"}),
    ],
)
def test_what_comes_to_an_end_is_left_to_the_parent(install: Install, study: Study, code: dict[str, str]) -> None:
    install(**code)
    rehearse_plan(study, 60.0)


def test_what_ends_the_planning_outside_of_a_hook_is_near_the_last_one(install: Install, study: Study) -> None:
    bad = "class Bad(K8sQA):\n    spec = property(lambda self: os._exit(7), lambda self, spec: None)\n"
    install(made=f"{bad}return Bad(**options)")
    with pytest.raises(PluginError, match=rf"^after {re.escape(ME)} in medcot_make_task: .* ended with status 7"):
        rehearse_plan(study, 60.0)


def test_with_plugins_of_this_package_alone_no_process_is_started(
    install: Install, study_fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(imported="os._exit(0)")  # which this study does not name
    monkeypatch.setattr(rehearsal, "PluginProcess", None)
    rehearse_plan(Study.model_validate(study_fields), 60.0)


@pytest.mark.parametrize("command", ["run", slow("plan"), slow("validate")])
def test_each_command_that_plans_says_it_in_one_line_and_writes_nothing(
    install: Install,
    study_fields: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    install(examples="time.sleep(100)")
    study = tmp_path / "study.yaml"
    study.write_text(json.dumps(study_fields | {"tasks": "troubled", "data": {}}))
    assert main([command, str(study), "--timeout", "plan=1s"]) == USAGE
    said = f"{ME} in examples: no progress for 1 s while planning; raise --timeout if it is only slow"
    assert capsys.readouterr() == ("", f"medcot-bench: {said}\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("command", "place", "code", "said"),
    [
        (
            ("show", "task:troubled"),
            "examples",
            "os._exit(0)",
            f"{ME} in show: the process that was showing it ended with status 0",
        ),
        slow(
            ("show", "task:troubled", "--timeout", "plan=1s"),
            "made",
            "time.sleep(100)",
            f"{ME} in medcot_make_task: no progress for 1 s while showing it; raise --timeout if it is only slow",
        ),
        slow(
            ("export", QUICK, "--format", "csv,troubled", "--timeout", "plan=1s"),
            "export",
            "time.sleep(100)",
            "exporter 'troubled' (acme 1.0) in export: no progress for 1 s while exporting; raise --timeout if it "
            "is only slow",
        ),
    ],
)
def test_other_commands_that_call_plugins_say_it_in_one_line(
    install: Install,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    place: str,
    code: str,
    said: str,
) -> None:
    install(**{place: code})
    into = ("-o", str(tmp_path / "tables")) if command[0] == "export" else ()
    assert main([*command, *into]) == USAGE
    assert capsys.readouterr() == ("", f"medcot-bench: {said}\n")
    assert not (tmp_path / "tables").exists()


def test_an_exporter_of_another_package_that_works_writes_its_file(install: Install, tmp_path: Path) -> None:
    install(export="pass")
    assert main(["export", QUICK, "--format", "troubled", "-o", str(tmp_path / "tables")]) == 0
    assert [path.name for path in (tmp_path / "tables").iterdir()] == ["leaderboard.txt"]
