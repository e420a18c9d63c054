"""Secrets of the environment, and tokens known by their form, are in no message, no log and no record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import planted
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scripted import Script, ScriptedExecutor

from medcot_bench.cli import main
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.pinned_study import dump_study
from medcot_bench.report.export import export
from medcot_bench.results.store import Store
from medcot_bench.runner.events import CellStarted, Ready
from medcot_bench.runner.protocol import RunCells
from medcot_bench.runner.run import run_study
from medcot_bench.security.secrets import MASK, scrub
from medcot_bench.study.schema import Study
from medcot_bench.worker.run_cells import run_cells

VALUE = "qv7-Zr.1x/+9"
TYPED = "hf_" + "aB3" * 11
ENVIRONMENT = {"ACME_API_KEY": VALUE, "https_proxy": "http://me:pa%2Fss-word@proxy.example:8080"}
SECRETS = (VALUE, TYPED, "pa%2Fss-word", "pa/ss-word")
SAID = f"401 for token {TYPED}: key {VALUE}; http://me:pa%2Fss-word@proxy.example refused, password pa/ss-word"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def tells(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def everything_in(folder: Path) -> str:
    return "\n".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "name", ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "wandb_api_key", "DB_PASSWORD", "PGPASSWD", "GOOGLE_CREDENTIALS"]
)
def test_values_of_variables_that_look_secret_are_masked(name: str) -> None:
    assert scrub(f"sent {VALUE}!", {name: VALUE}) == f"sent {MASK}!"


@pytest.mark.parametrize("text", [TYPED, "ghp_" + "x" * 36, "sk-" + "a1" * 16, "sk-proj-" + "a1" * 16])
def test_tokens_are_known_by_their_form(text: str) -> None:
    assert scrub(f"token={text}.", {}) == f"token={MASK}."


def test_each_line_of_a_key_is_masked_also_where_lines_were_joined() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"
    said = scrub(" ".join(f"bad key: {key}".split()), {"SIGNING_KEY": key})
    assert "MIIE" not in said
    assert "hkiG" not in said


def test_logins_in_urls_are_masked() -> None:
    assert scrub("http://a:b@host/x and ftp://tok@h, mail me@there", {}) == (
        f"http://{MASK}@host/x and ftp://{MASK}@h, mail me@there"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKENIZERS_PARALLELISM", "false"),
        ("MEDCOT_TRAINING__TRAIN_TOKENS", "10000000"),
        ("KEY", "key"),
        ("SSL_KEY_FILE", "/etc/passwd"),
        ("HOME", "/home/me/x"),
    ],
)
def test_words_and_paths_are_no_secrets(name: str, value: str) -> None:
    assert scrub(f"{value} stays", {name: value}) == f"{value} stays"


@given(st.text(), st.text(min_size=8).filter(lambda value: not value.startswith(("/", "~"))))
def test_a_secret_is_found_in_any_text(text: str, value: str) -> None:
    assert value not in scrub(f"{text}{value}{text}", {"X_TOKEN": value}).replace(MASK, "")


def test_a_message_on_the_terminal_tells_none(capsys: pytest.CaptureFixture[str]) -> None:
    for typed in (VALUE, TYPED):
        assert main(["show", typed]) == 2
        assert main(["show", "lora", typed]) == 2
    assert main(["run", "--set", f"limit={TYPED}", "--tasks", "k8s_qa"]) == 2
    printed = capsys.readouterr()
    assert tells(printed.err + printed.out) == []
    assert printed.err.count(MASK) >= 5


@pytest.fixture
def study(study_fields: dict[str, Any]) -> Study:
    return Study.model_validate(study_fields)


def test_a_failed_run_leaves_none_in_records_logs_events_and_tables(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Runner:
        seconds = 1.0

        def __init__(self, *_: Any) -> None: ...

        def check(self, cells: Any) -> None: ...

        def run(self, cell: Any, fail: Callable[..., None]) -> None:
            raise RuntimeError(SAID)

    monkeypatch.setattr("medcot_bench.worker.run_cells.CellRunner", Runner)
    events: list[Any] = []
    cells = tuple(cell.id for cell in make_plan(study).cells)
    run_cells(
        RunCells(study=study.model_dump(mode="json"), output_dir=study.output_dir, cells=cells), 1, events.append
    )
    assert "401 for token" in str(events)
    assert tells(str(events)) == []
    written = everything_in(Path(study.output_dir))
    assert written.count("401 for token") >= 2 * len(cells)  # in the record and in the log
    assert tells(written) == []


def test_the_log_of_a_killed_worker_tells_none(study: Study) -> None:
    plan = make_plan(study)
    scripts = [Script([Ready(), CellStarted(cell=cell.id)], status=-9, log=[SAID]) for cell in plan.cells]
    run_study(study, executor=ScriptedExecutor(scripts))
    written = everything_in(Path(study.output_dir))
    assert "401 for token" in written
    assert tells(written) == []


def test_tables_show_failures_as_they_were_recorded(tmp_path: Path) -> None:
    failure = planted.failed("failed", scrub(SAID))
    scores = {"k8s_qa": {"answer": planted.answers(0, 0, 1, 1)}}
    root = planted.write(
        tmp_path, planted.Made(adapter="full", scores=scores), planted.Made(adapter="lora", attempts=(failure,))
    )
    files = export(root, ["md", "csv", "json", "html"])
    assert all("401 for token" in path.read_text() for path in files[::2])
    assert tells("".join(path.read_text() for path in files)) == []


def test_what_the_user_wrote_is_kept_as_it_is(study_fields: dict[str, Any], study: Study) -> None:
    given = Study.model_validate(study_fields | {"system_prompt": f"Say {VALUE} and {TYPED}."})
    assert yaml.safe_load(dump_study(given))["system_prompt"] == given.system_prompt
    scripts = [Script([Ready(), CellStarted(cell=cell.id)], status=-9) for cell in make_plan(given).cells]
    run_study(given, executor=ScriptedExecutor(scripts))
    store = Store(Path(given.output_dir))
    assert yaml.safe_load((store.root / "study.yaml").read_text())["system_prompt"] == given.system_prompt


def test_a_models_answer_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    from medcot_bench.security.terminal import safe_output

    with safe_output():
        print(f"the key is {VALUE}")
    assert capsys.readouterr().out == f"the key is {VALUE}\n"
