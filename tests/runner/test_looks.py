"""Seeds that are added to a study whose results could be seen are counted, and the report says so."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from scripted import Part, Script, ScriptedExecutor, finished, leave_records

import medcot_bench
from medcot_bench.analysis.build import build
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.status import cell_statuses, run_order
from medcot_bench.report.notes import write_notes
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.results.plan_file import FILE
from medcot_bench.results.store import Store
from medcot_bench.runner.events import Ready
from medcot_bench.runner.run import run_study
from medcot_bench.study.schema import Study


def stop() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def run(study_fields: dict[str, Any]) -> Any:
    """Run a study of two adapters on some seeds, or so many of its missing cells; return its leaderboard."""

    def run(*seeds: int, cells: int | None = None, **changes: Any) -> Leaderboard:
        study = Study.model_validate(study_fields | {"adapters": ("full", "lora"), "seeds": seeds} | changes)
        plan, store = make_plan(study), Store(Path(study.output_dir))
        missing = [status.cell for status in run_order(cell_statuses(plan, store), plan)]
        parts: list[Part] = [Ready(), *(part for cell in missing[:cells] for part in finished(cell))]
        parts += [] if cells is None else [stop]
        executor = ScriptedExecutor([Script(parts)] if missing else [], leave=leave_records(plan, store))
        with pytest.raises(KeyboardInterrupt) if cells is not None else nullcontext():
            run_study(study, executor=executor)
        return build(medcot_bench.load(study.output_dir))

    return run


def said(board: Leaderboard) -> list[str]:
    return [note for note in write_notes(board) if note.startswith("Seeds were added")]


def test_each_growth_by_seeds_after_results_is_a_look(run: Any) -> None:
    assert said(run(0, 1)) == []
    for _ in range(2):
        [once] = said(run(0, 1, 2))
        assert once == "Seeds were added once after results were there: p-values don't account for that"
    board = run(0, 1, 2, 3, 4)
    assert said(board) == ["Seeds were added 2 times after results were there: p-values don't account for that"]
    assert board.looks == 2


@pytest.mark.parametrize("second", [(0, 1, 2), (2, 1, 0), (0, 1), (1,)])
def test_the_same_or_fewer_seeds_are_no_look(run: Any, second: tuple[int, ...]) -> None:
    run(0, 1, 2)
    assert run(*second).looks == 0
    assert run(0, 1, 2).looks == 0  # their results were there before


def test_a_study_without_a_result_grows_unseen(run: Any) -> None:
    assert run(0, 1, cells=0).looks == 0
    assert run(0, 1, 2).looks == 0


def test_a_stopped_study_that_goes_on_has_no_look(run: Any) -> None:
    run(0, 1, 2, cells=2)
    assert run(0, 1, 2).looks == 0


def test_seeds_added_to_a_stopped_study_are_a_look(run: Any) -> None:
    run(0, 1, cells=1)
    assert run(0, 1, 2).looks == 1


def test_another_study_in_the_folder_begins_anew(run: Any) -> None:
    run(0)
    assert run(0, 1).looks == 1
    assert run(0, 1, 2, training={"max_steps": 3}).looks == 0


def test_a_new_adapter_is_no_look(run: Any) -> None:
    run(0, 1, adapters=("full",))
    assert run(0, 1, adapters=("full", "lora")).looks == 0


def test_a_plan_of_before_or_a_damaged_one_begins_at_none(run: Any, study_fields: dict[str, Any]) -> None:
    run(0)
    (Path(study_fields["output_dir"]) / FILE).write_text("{")
    assert run(0, 1).looks == 0
