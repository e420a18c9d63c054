"""A run without models: a scripted executor says what workers say, and the supervisor has to cope."""

from __future__ import annotations

import json
import os
import signal
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted import (
    Part,
    Script,
    ScriptedExecutor,
    asked_for,
    events,
    finished,
    ids,
    started,
    usable,
)

from medcot_bench import hookimpl
from medcot_bench.cli import main
from medcot_bench.errors import MedcotError, StoreError
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.estimates.duration import Eta, Phase
from medcot_bench.plugins.entries import PluginEntry
from medcot_bench.plugins.manager import Plugins
from medcot_bench.results import plan_file
from medcot_bench.results.cells import Cell
from medcot_bench.results.store import Store
from medcot_bench.runner.events import (
    CellFinished,
    CellStarted,
    Failed,
    Fatal,
    PhaseStarted,
    Progress,
    Ready,
    Resumed,
    Scored,
    Trained,
)
from medcot_bench.runner.notices import LogLine, Notice, Planned, Restarted, Skipped
from medcot_bench.runner.plugin_process import PluginProcess
from medcot_bench.runner.protocol import RECYCLED, MalformedEvent, RunCells
from medcot_bench.runner.run import run_study
from medcot_bench.runner.run_wide import RunWidePlugins
from medcot_bench.runner.supervision import Supervision
from medcot_bench.runner.supervisor import Supervisor
from medcot_bench.study.schema import Study

from .conftest import Run

KILLED = -signal.SIGKILL


def observer(monkeypatch: pytest.MonkeyPatch, *hooks: Callable[..., Any]) -> None:
    """Install a run-wide plugin, and no other."""
    module = types.ModuleType("_plugin_watcher")
    for hook in hooks:
        setattr(module, hook.__name__, hookimpl(hook))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    plugins = Plugins([PluginEntry("plugin", "watcher", module.__name__, "acme", "1.0")])
    monkeypatch.setattr("medcot_bench.runner.run_wide.installed", lambda: plugins)
    monkeypatch.setattr(PluginProcess, "call", call_here)


def call_here(process: PluginProcess, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call what the other process would, on what would get there."""
    return json.loads(json.dumps(function(*json.loads(json.dumps(arguments)))))


# --- a run in which all goes well ---


def test_one_worker_runs_all_cells_in_order(run: Run, cells: list[Cell], study: Study) -> None:
    executor = ScriptedExecutor([Script([Ready(), *(part for cell in cells for part in finished(cell))])])
    outcome, told = run(executor)
    assert (outcome.ran, outcome.failed, outcome.skipped, outcome.exit_code) == (3, 0, 0, 0)
    assert [cell.adapter for cell in cells] == ["none", "lora", "full"]
    [job] = executor.jobs
    assert (job.threads, job.offline, job.trusting) == (2, True, False)
    assert isinstance(job.work, RunCells)
    assert (job.work.cells, job.work.output_dir) == (ids(cells), study.output_dir)
    assert Study.model_validate(job.work.study) == study
    [planned] = events(told, Planned)
    assert (planned.stage, planned.cells, planned.to_run) == ("study", 3, 3)
    assert [event.cell for event in events(told, CellStarted)] == [*ids(cells)]


def test_code_of_a_task_is_trusted_where_the_study_says_so(study: Study, cells: list[Cell]) -> None:
    parts = [Ready(), *(part for cell in cells for part in finished(cell))]
    executor = ScriptedExecutor([Script(parts)])
    run_study(study.model_copy(update={"trust_task_code": True, "threads": None}), executor=executor)
    assert (executor.jobs[0].trusting, executor.jobs[0].threads) == (True, None)


def test_a_cell_that_failed_by_its_own_account_counts(run: Run, cells: list[Cell]) -> None:
    base, *others = cells
    failed = Failed(cell=base.id, status="failed", task="k8s_qa", error="too long", log="log")
    parts = [Ready(), started(base), failed, CellFinished(cell=base.id, failed=True)]
    outcome, told = run(ScriptedExecutor([Script([*parts, *(p for cell in others for p in finished(cell))])]))
    assert (outcome.ran, outcome.failed, outcome.exit_code) == (3, 1, 1)
    assert events(told, Failed) == [failed]


def test_titles_and_the_time_left_are_passed_on(
    run: Run, cells: list[Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = types.SimpleNamespace(now=100.0)
    monkeypatch.setattr("medcot_bench.runner.supervisor.time", types.SimpleNamespace(monotonic=lambda: clock.now))
    even = [Phase(cell.id, task, "x", 1.0) for cell in cells for task in (None, "k8s_qa")]
    monkeypatch.setattr("medcot_bench.runner.run.phases", lambda plan, statuses: even)

    def tick() -> None:
        clock.now += 10.0

    parts: list[Part] = [Ready()]
    for cell in cells:
        for part in finished(cell):
            parts += [tick, part] if isinstance(part, Trained | Scored) else [part]
    _, told = run(ScriptedExecutor([Script(parts)]))
    assert told[0].eta_s is None
    trained = [notice for notice in told if isinstance(notice.event, Trained | Scored)]
    assert [notice.eta_s for notice in trained] == [50, 40, 30, 20, 10, 0]
    titles = ["none", "lora × k8s_qa × seed 0", "full × k8s_qa × seed 0"]
    assert [notice.title for notice in told if isinstance(notice.event, CellFinished)] == titles
    assert {notice.title for notice in told if isinstance(notice.event, Planned | Ready)} == {None}


def test_what_a_resumed_training_took_before_counts_for_the_time_left(
    run: Run, cells: list[Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = types.SimpleNamespace(now=100.0)
    monkeypatch.setattr("medcot_bench.runner.supervisor.time", types.SimpleNamespace(monotonic=lambda: clock.now))
    even = [Phase(cell.id, None, "x", 1.0) for cell in cells]
    monkeypatch.setattr("medcot_bench.runner.run.phases", lambda plan, statuses: even)

    def tick() -> None:
        clock.now += 10.0

    first = cells[0].id
    begun = [Ready(), started(cells[0]), PhaseStarted(cell=first, phase="train"), tick]
    parts = [*begun, Resumed(cell=first, step=8, steps=10, seconds=80.0), tick]
    parts += [Progress(cell=first, done=9, total=10), Trained(cell=first, steps=10, loss=1.0, seconds=100.0)]
    parts += [CellFinished(cell=first, failed=False), *(part for cell in cells[1:] for part in finished(cell))]
    _, told = run(ScriptedExecutor([Script(parts)]))
    [progress] = [notice for notice in told if isinstance(notice.event, Progress) and notice.event.done == 9]
    assert progress.eta_s == 10 + 2 * 100


def test_the_job_says_how_often_to_save_a_training(study: Study, cells: list[Cell]) -> None:
    for every in (90.0, None):
        executor = ScriptedExecutor([Script([Ready(), *(part for cell in cells for part in finished(cell))])])
        run_study(study, executor=executor, supervision=Supervision(checkpoint_every=every))
        [work] = [job.work for job in executor.jobs]
        assert isinstance(work, RunCells)
        assert work.checkpoint_every == every


def test_a_try_of_a_learning_rate_has_the_rate_in_its_title(study: Study, store: Store) -> None:
    tuned = study.model_copy(update={"training": study.training.model_copy(update={"tune_lr": (1e-3, 1e-2)})})
    plan = make_plan(tuned)
    cells = [cell for cell in plan.cells if cell.adapter == "lora"]
    told: list[Notice] = []
    executor = ScriptedExecutor([Script([Ready(), *(part for cell in cells for part in finished(cell))])])
    plugins = RunWidePlugins(None)
    Supervisor(plan, store, executor, told.append, Eta([]), lambda: None, Supervision(), plugins).run(cells)
    rates = [notice.title for notice in told if isinstance(notice.event, CellStarted)]
    assert rates == [f"lora × k8s_qa × seed 0 × lr {rate}" for rate in ("0.001", "0.01")]


def test_what_libraries_write_is_passed_on(run: Run, cells: list[Cell]) -> None:
    parts = [Ready(), *(part for cell in cells for part in finished(cell))]
    _, told = run(ScriptedExecutor([Script(parts, log=["a warning", "another"])]))
    assert [event.line for event in events(told, LogLine)] == ["a warning", "another"]


def test_the_plan_is_written_once_the_worker_is_ready(run: Run, cells: list[Cell], store: Store) -> None:
    seen: list[bool] = []

    def look() -> None:
        seen.append((store.root / "plan.json").exists() and (store.root / "study.yaml").exists())

    run(ScriptedExecutor([Script([look, Ready(), look, *(part for cell in cells for part in finished(cell))])]))
    assert seen == [False, True]


def test_a_run_with_nothing_to_do_starts_no_worker_and_writes_the_plan(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medcot_bench.runner.growth.cell_statuses", lambda plan, store, read=False: [])
    outcome, _ = run(ScriptedExecutor([]))
    assert (outcome.ran, outcome.exit_code) == (0, 0)
    assert (store.root / "plan.json").exists()


# --- run-wide plugins ---


def test_an_observer_is_told_of_each_training_that_is_in_the_folder(
    run: Run, cells: list[Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    observed: list[str] = []

    def medcot_cell_finished(record: Any) -> None:
        observed.append(record.cell_id)

    observer(monkeypatch, medcot_cell_finished)
    run(ScriptedExecutor([Script([Ready(), *(part for cell in cells for part in finished(cell))])]))
    assert observed == [*ids(cells)]


def test_what_a_plugin_leaves_out_is_recorded_and_not_asked_for(
    run: Run, cells: list[Cell], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def medcot_skip_cell(cell: Any) -> str | None:
        return "no room" if cell.adapter == "full" else None

    observer(monkeypatch, medcot_skip_cell)
    base, lora, full = cells
    executor = ScriptedExecutor([Script([Ready(), *finished(base), *finished(lora)])])
    outcome, told = run(executor)
    assert (outcome.ran, outcome.failed, outcome.skipped, outcome.exit_code) == (2, 0, 1, 0)
    assert asked_for(executor) == [ids([base, lora])]
    assert [(notice.title, notice.event) for notice in told if isinstance(notice.event, Skipped)] == [
        ("full × k8s_qa × seed 0", Skipped(cell=full.id, reason="no room"))
    ]
    assert [(one.status, one.error) for one in store.attempts(full)] == [("skipped", "no room")]


def test_half_a_surrogate_pair_in_a_reason_can_be_written(
    run: Run, cells: list[Cell], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def medcot_skip_cell(cell: Any) -> str | None:
        return "half \ud83d"

    observer(monkeypatch, medcot_skip_cell)
    outcome, _ = run(ScriptedExecutor([]))
    assert (outcome.skipped, outcome.missing, outcome.exit_code) == (3, 0, 0)
    assert [one.error for one in store.attempts(cells[0])] == ["half \\ud83d"]


def test_an_observer_that_raises_is_warned_about_and_stops_nothing(
    run: Run, cells: list[Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def medcot_cell_finished(record: Any) -> None:
        told.append(record.adapter)
        raise OSError(f"no room for {record.adapter}")

    observer(monkeypatch, medcot_cell_finished)
    executor = ScriptedExecutor([Script([Ready(), *(part for cell in cells for part in finished(cell))])])
    said = r"plugin 'watcher' \(acme 1.0\) failed in medcot_cell_finished: OSError: no room for (none|lora|full)$"
    with pytest.warns(UserWarning, match=said) as caught:
        outcome, _ = run(executor)
    assert len(caught) == 3
    assert (told, outcome.exit_code) == (["none", "lora", "full"], 0)


# --- workers that end early ---


def test_another_worker_goes_on_after_one_whose_memory_has_grown(run: Run, cells: list[Cell]) -> None:
    scripts = [Script([Ready(), *finished(cell)], status=RECYCLED) for cell in cells[:-1]]
    executor = ScriptedExecutor([*scripts, Script([Ready(), *finished(cells[-1])])])
    outcome, _ = run(executor)
    assert (outcome.ran, outcome.failed) == (3, 0)
    assert asked_for(executor) == [ids(cells), ids(cells[1:]), ids(cells[2:])]


@pytest.mark.parametrize("status", [0, 1, RECYCLED, KILLED])
def test_workers_that_finish_nothing_are_started_twice_and_not_for_ever(
    run: Run, store: Store, status: int
) -> None:
    script = Script([Ready()], status=status, log=["Traceback", "KeyError: 'x'", ""])
    executor = ScriptedExecutor([script, script])
    how = "was ended by SIGKILL .*" if status == KILLED else f"ended with status {status}"
    raised = "; KeyError: 'x'" if status == 1 else ""
    said = rf"^2 workers in a row finished no training run: the worker {how}{raised}; -v shows"
    with pytest.raises(MedcotError, match=said) as caught:
        run(executor)
    assert caught.value.exit_code == 1
    assert len(executor.jobs) == 2
    assert usable(store)


def test_what_is_finished_in_between_starts_the_count_anew(run: Run, cells: list[Cell]) -> None:
    base, lora, full = cells
    dead = Script([Ready()], status=KILLED)
    scripts = [dead, Script([Ready(), *finished(base)], status=1), dead, Script([Ready(), *finished(lora)])]
    executor = ScriptedExecutor([*scripts, Script([Ready(), *finished(full)])])
    outcome, told = run(executor)
    assert (outcome.ran, outcome.failed, outcome.exit_code) == (3, 0, 0)
    assert len(executor.jobs) == 5
    reasons = [event.reason for event in events(told, Restarted)]
    assert [reason.partition(" (")[0] for reason in reasons] == [
        "the worker was ended by SIGKILL",
        "the worker ended with status 1",
        "the worker was ended by SIGKILL",
        "the worker ended with status 0",
    ]


def test_a_cell_in_which_a_worker_is_killed_is_recorded_and_the_others_go_on(
    run: Run, cells: list[Cell], store: Store
) -> None:
    base, lora, full = cells

    def half_made() -> None:
        (store.temporary_folder(lora) / "weights").write_text("half")

    parts = [Ready(), *finished(base), started(lora), PhaseStarted(cell=lora.id, phase="train"), half_made]
    first = Script(parts, status=KILLED, log=["a warning", "the last line"])
    executor = ScriptedExecutor([first, Script([Ready(), *finished(full)])])
    outcome, told = run(executor)
    assert (outcome.ran, outcome.failed, outcome.exit_code) == (3, 1, 1)
    assert asked_for(executor) == [ids(cells), ids([full])]
    [attempt] = store.attempts(lora)
    assert attempt.status == "killed"
    assert attempt.error == ("the worker was ended by SIGKILL (the system kills processes that run out of memory)")
    log = store.cell_folder(lora) / "attempts" / "1" / "log"
    assert log.read_text() == "a warning\nthe last line\n"
    assert not [*store.cell_folder(lora).glob(".making-*")]
    [failed] = events(told, Failed)
    assert (failed.cell, failed.status, failed.error, failed.log) == (
        lora.id,
        "killed",
        attempt.error,
        str(log),
    )
    ends = [(notice.title, notice.event.failed) for notice in told if isinstance(notice.event, CellFinished)]
    assert ends == [("none", False), ("lora × k8s_qa × seed 0", True), ("full × k8s_qa × seed 0", False)]


def test_the_time_left_does_not_count_what_died(
    run: Run, cells: list[Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    even = [Phase(cell.id, task, "x", 1.0) for cell in cells for task in (None, "k8s_qa")]
    monkeypatch.setattr("medcot_bench.runner.run.phases", lambda plan, statuses: even)
    base, lora, full = cells
    scripts = [
        Script([Ready(), *finished(base), started(lora)], status=KILLED),
        Script([Ready(), *finished(full)[:-1]], status=KILLED),
    ]
    _, told = run(ScriptedExecutor(scripts))
    assert told[-1].eta_s == 0


def test_an_event_that_was_cut_off_is_the_end_of_a_killed_worker(
    run: Run, cells: list[Cell], store: Store
) -> None:
    base, lora, full = cells
    first = Script([Ready(), *finished(base), started(lora), '{"event": "progress", "ce'], status=KILLED)
    outcome, _ = run(ScriptedExecutor([first, Script([Ready(), *finished(full)])]))
    assert outcome.failed == 1
    assert [attempt.status for attempt in store.attempts(lora)] == ["killed"]


def test_a_worker_that_fails_without_a_word_in_a_cell_leaves_its_log(
    run: Run, cells: list[Cell], store: Store
) -> None:
    base, lora, full = cells
    first = Script([Ready(), *finished(base), started(lora)], status=1, log=["Traceback", "KeyError: 'x'"])
    outcome, _ = run(ScriptedExecutor([first, Script([Ready(), *finished(full)])]))
    assert outcome.failed == 1
    [attempt] = store.attempts(lora)
    assert (attempt.status, attempt.error) == ("killed", "the worker ended with status 1")
    assert "KeyError: 'x'" in (store.cell_folder(lora) / "attempts" / "1" / "log").read_text()


@pytest.mark.parametrize("done", [0, 1])
def test_a_worker_that_is_killed_before_or_between_cells_is_followed_by_another(
    run: Run, cells: list[Cell], store: Store, done: int
) -> None:
    parts = [Ready(), *(part for cell in cells[:done] for part in finished(cell))]
    rest = [Ready(), *(part for cell in cells[done:] for part in finished(cell))]
    executor = ScriptedExecutor([Script(parts, status=-signal.SIGTERM), Script(rest)])
    outcome, told = run(executor)
    assert (outcome.failed, outcome.missing, outcome.exit_code) == (0, 0, 0)
    assert asked_for(executor) == [ids(cells), ids(cells[done:])]
    assert [event.reason for event in events(told, Restarted)] == ["the worker was ended by SIGTERM"]
    assert not any(store.attempts(cell) for cell in cells)


def test_where_no_worker_got_ready_no_plan_is_written(run: Run, store: Store) -> None:
    with pytest.raises(MedcotError, match="finished no training run"):
        run(ScriptedExecutor([Script([], status=1)] * 2))
    assert not store.root.exists()


def test_a_line_that_is_no_event_ends_the_run_and_is_shown(run: Run, cells: list[Cell], store: Store) -> None:
    executor = ScriptedExecutor([Script([Ready(), started(cells[0]), '{"event": "coffee"}\n'])])
    with pytest.raises(MalformedEvent, match=r"Input tag 'coffee' .*: \{\"event\": \"coffee\"\}$"):
        run(executor)
    assert executor.workers[0].ended
    assert usable(store)


@pytest.mark.parametrize("exit_code", [2, 3])
def test_a_worker_that_refuses_gives_its_error_and_no_plan_is_written(
    run: Run, store: Store, exit_code: int
) -> None:
    executor = ScriptedExecutor([Script([Fatal(message="device 'cuda:7' is not there", exit_code=exit_code)])])
    with pytest.raises(MedcotError, match=r"^device 'cuda:7' is not there$") as caught:
        run(executor)
    assert caught.value.exit_code == exit_code
    assert executor.workers[0].ended
    assert not store.root.exists()  # nor is the folder left, which was made for the lock


# --- the run itself is ended, or kept out ---


def test_a_folder_that_a_newer_version_wrote_is_left_as_it_is(run: Run, store: Store) -> None:
    store.root.mkdir(parents=True)
    plan = store.root / plan_file.FILE
    plan.write_text('{"schema": 99}')
    executor = ScriptedExecutor([])
    with pytest.raises(StoreError, match=r"written by a newer medcot-bench") as caught:
        run(executor)
    assert caught.value.exit_code == 3
    assert not executor.workers
    assert plan.read_text() == '{"schema": 99}'
    assert not (store.root / "study.yaml").exists()


@pytest.mark.parametrize(
    ("number", "status", "said"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]
)
def test_a_run_that_is_told_to_end_ends_its_worker_and_can_go_on(
    study_file: Callable[..., Path],
    cells: list[Cell],
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
    status: int,
    said: str,
) -> None:
    parts = [Ready(), started(cells[0]), lambda: os.kill(os.getpid(), number)]
    executor = ScriptedExecutor([Script(parts)])
    monkeypatch.setattr("medcot_bench.runner.run.LocalExecutor", lambda: executor)
    on_term = signal.getsignal(signal.SIGTERM)
    on_ctrl_c = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
    try:
        assert main(["run", str(study_file(adapters="none,full,lora")), "--json"]) == status
    finally:
        signal.signal(signal.SIGINT, on_ctrl_c)
    assert signal.getsignal(signal.SIGTERM) == on_term
    told = f"medcot-bench: {said}; the same command goes on where it stopped\n"
    assert capsys.readouterr().err == told
    assert executor.workers[0].ended
    assert usable(store)
    assert not store.attempts(cells[0])


def test_the_name_that_a_dead_process_left_in_the_folder_stops_no_run(
    run: Run, cells: list[Cell], store: Store
) -> None:
    store.root.mkdir()
    (store.root / ".lock").touch()
    (store.root / ".lock.owner").write_text("process 4194304 on another-host")
    outcome, _ = run(ScriptedExecutor([Script([Ready(), *(part for cell in cells for part in finished(cell))])]))
    assert outcome.ran == 3
    assert not (store.root / ".lock.owner").exists()
