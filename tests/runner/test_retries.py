"""What failed before is tried again or left, what fails may end the run, and what is missing is said."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from scripted import (
    Script,
    ScriptedExecutor,
    asked_for,
    events,
    finished,
    ids,
    leave_records,
    started,
    usable,
)

from medcot_bench.errors import ConfigError, MedcotError
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.estimates.duration import Eta
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.status import cell_statuses
from medcot_bench.results.cells import Cell
from medcot_bench.results.records import Attempt, now
from medcot_bench.results.store import Store
from medcot_bench.runner.events import CellFinished, Failed, Ready
from medcot_bench.runner.notices import Planned
from medcot_bench.runner.protocol import RunCells
from medcot_bench.runner.run import run_study
from medcot_bench.runner.run_wide import RunWidePlugins
from medcot_bench.runner.supervision import Supervision, is_tried, read_statuses
from medcot_bench.runner.supervisor import Supervisor
from medcot_bench.study.schema import Study
from medcot_bench.study.spec_strings import Spec

from .conftest import Run

KILLED = -signal.SIGKILL


def test_what_failed_with_a_status_that_is_not_to_be_retried_is_left(
    run: Run, cells: list[Cell], store: Store
) -> None:
    base, lora, full = cells
    first = Script([Ready(), *finished(base), started(lora)], status=KILLED)
    fails = Failed(cell=full.id, status="failed", task=None, error="x", log="log")

    def leave_attempt() -> None:
        store.add_attempt(full, Attempt(cell_id=full.id, status="failed", error="x", started=now()), "log")

    second = Script([Ready(), started(full), leave_attempt, fails, CellFinished(cell=full.id, failed=True)])
    outcome, _ = run(ScriptedExecutor([first, second]))
    assert (outcome.failed, outcome.missing, outcome.left_out) == (2, 2, 0)

    executor = ScriptedExecutor([])
    outcome, told = run(executor, retry=frozenset[str]())
    assert (outcome.ran, outcome.left_out, outcome.missing, outcome.exit_code) == (0, 2, 2, 1)
    assert [event.to_run for event in events(told, Planned)] == [0]

    executor = ScriptedExecutor([Script([Ready(), *finished(lora)])])
    outcome, _ = run(executor, retry=frozenset({"oom", "killed"}))
    assert asked_for(executor) == [ids([lora])]
    assert (outcome.ran, outcome.failed, outcome.left_out, outcome.missing) == (1, 0, 1, 1)

    executor = ScriptedExecutor([Script([Ready(), *finished(full)])])
    outcome, _ = run(executor)
    assert asked_for(executor) == [ids([full])]
    assert outcome.exit_code == 0


@pytest.mark.parametrize("retry", [None, frozenset[str]()])
def test_damaged_weights_of_a_finished_run_are_made_again_whatever_is_retried(
    run: Run, plan: Plan, cells: list[Cell], store: Store, retry: frozenset[str] | None
) -> None:
    run(ScriptedExecutor([Script([Ready(), *(part for cell in cells for part in finished(cell))])]))
    lora = cells[1]
    (store.weights_folder(lora)).mkdir()  # empty, as `verify --repair` leaves it
    again = [Ready(), started(lora), CellFinished(cell=lora.id, failed=False)]
    executor = ScriptedExecutor([Script(again)])
    outcome, _ = run(executor) if retry is None else run(executor, retry=retry)
    assert asked_for(executor) == [ids([lora])]
    assert (outcome.ran, outcome.exit_code) == (1, 1)  # the script made no weights: something is missing


def test_an_evaluation_that_failed_is_left_but_a_new_one_is_made(
    run: Run, study: Study, plan: Plan, cells: list[Cell], store: Store
) -> None:
    parts = [Ready(), *finished(cells[0])[:5]]
    rest = [part for cell in cells[1:] for part in finished(cell)]
    run(ScriptedExecutor([Script(parts, status=KILLED), Script([Ready(), *rest])]))
    [attempt] = store.attempts(cells[0])
    assert (attempt.status, attempt.score) == ("killed", "k8s_qa")
    outcome, _ = run(ScriptedExecutor([]), retry=frozenset({"oom"}))
    assert outcome.left_out == 1
    more = make_plan(study.model_copy(update={"eval_tasks": (Spec("manuals_qa", {}),)}))
    todos = {todo.cell.id: todo for todo in cell_statuses(more, store)}
    assert is_tried(todos[cells[0].id], store, frozenset({"oom"}))


def test_the_first_failure_ends_the_run_where_that_is_asked_for(run: Run, cells: list[Cell], store: Store) -> None:
    failed = Failed(cell=cells[0].id, status="failed", task="k8s_qa", error="too long", log="log")
    parts = [Ready(), started(cells[0]), failed, CellFinished(cell=cells[0].id, failed=True), started(cells[1])]
    executor = ScriptedExecutor([Script(parts)])
    with pytest.raises(
        MedcotError, match=r"^stopped at the first failed training run \(--fail-fast\); "
    ) as caught:
        run(executor, fail_fast=True)
    assert caught.value.exit_code == 1
    assert usable(store)

    executor = ScriptedExecutor([Script([Ready(), started(cells[0])], status=KILLED)])
    with pytest.raises(MedcotError, match="stopped at the first failed training run"):
        run(executor, fail_fast=True)


def test_a_learning_rate_that_diverges_in_a_search_is_no_reason_to_stop(study: Study, store: Store) -> None:
    tuned = study.model_copy(update={"training": study.training.model_copy(update={"tune_lr": (1e-3, 1e-2)})})
    plan = make_plan(tuned)
    first, second, *_ = cells = [cell for cell in plan.cells if cell.adapter == "lora"]
    diverged = Failed(cell=first.id, status="diverged", task=None, error="loss nan", log="log")
    parts = [Ready(), started(first), diverged, CellFinished(cell=first.id, failed=True), *finished(second)]
    supervision = Supervision(fail_fast=True)
    executor = ScriptedExecutor([Script(parts)])
    plugins = RunWidePlugins(None)
    supervisor = Supervisor(plan, store, executor, lambda _: None, Eta([]), lambda: None, supervision, plugins)
    assert supervisor.run(cells) == 1


def test_what_is_gone_from_the_folder_in_the_end_is_missing(
    run: Run, cells: list[Cell], store: Store, study: Study
) -> None:
    def lose() -> None:
        shutil.rmtree(store.root / "cells")

    parts = [Ready(), *finished(cells[0]), *finished(cells[1]), lose, *finished(cells[2])]
    outcome, _ = run(ScriptedExecutor([Script(parts)]))
    assert (outcome.failed, outcome.missing, outcome.lost, outcome.exit_code) == (0, 2, 2, 1)


def test_a_relative_folder_is_the_same_wherever_a_plugin_goes(
    study: Study, plan: Plan, cells: list[Cell], store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    parts = [Ready(), lambda: os.chdir("elsewhere"), *(part for cell in cells for part in finished(cell))]
    executor = ScriptedExecutor([Script(parts)], leave=leave_records(plan, store))
    outcome = run_study(study.model_copy(update={"output_dir": "out"}), executor=executor)
    assert outcome.exit_code == 0
    assert isinstance(executor.jobs[0].work, RunCells)
    assert executor.jobs[0].work.output_dir == str(tmp_path / "out")
    assert not [*(tmp_path / "elsewhere").iterdir()]


@pytest.mark.parametrize("text", ["", "skipped", "oom,", "OOM", "none,oom"])
def test_what_is_no_status_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--retry .*: no status '.*'; write none, or some of oom,diverged,"):
        read_statuses(text)
