"""What a worker does with its cells: one after another, until its memory has grown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from lanes import slow

from medcot_bench.errors import OK, ConfigError, Diverged, StoreError
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import Cell
from medcot_bench.results.store import Store
from medcot_bench.runner.events import Alive, CellFinished, CellStarted, Failed, Ready, WorkerEvent
from medcot_bench.runner.protocol import RECYCLED, RunCells
from medcot_bench.study.schema import Study
from medcot_bench.worker.run_cells import run_cells, status_of

GIGABYTE = 1 << 30


def test_statuses_of_exceptions() -> None:
    assert status_of(Diverged("loss nan")) == "diverged"
    assert status_of(MemoryError()) == "oom"
    assert status_of(torch.OutOfMemoryError("CUDA out of memory")) == "oom"
    assert status_of(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")) == "oom"
    assert status_of(ValueError("x")) == "failed"


class Runner:
    """Stands for what trains and scores: cells fail by what is written for them."""

    def __init__(self, errors: dict[str, Exception]):
        self.errors = errors
        self.seconds = 1.5

    def check(self, cells: Any) -> None:
        list(cells)

    def run(self, cell: Cell, fail: Callable[..., None]) -> None:
        if error := self.errors.get(cell.adapter):
            raise error


@pytest.fixture
def plan(study_fields: dict[str, Any]) -> Plan:
    return make_plan(Study.model_validate(study_fields | {"adapters": ("none", "lora", "full")}))


Work = Callable[..., tuple[int, list[WorkerEvent]]]


@pytest.fixture
def work(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Run the plan's cells with these sizes of the process after each; return the status and the events."""

    def work(
        *sizes: int, errors: dict[str, Exception] | None = None, cells: tuple[str, ...] = ()
    ) -> tuple[int, list[WorkerEvent]]:
        runner = Runner(errors or {})
        left = iter(sizes or [GIGABYTE] * 3)
        monkeypatch.setattr("medcot_bench.worker.run_cells.CellRunner", lambda *_: runner)
        memory = type("Memory", (), {"rss": property(lambda self: next(left))})
        monkeypatch.setattr(psutil.Process, "memory_info", lambda self: memory())
        events: list[WorkerEvent] = []
        study = plan.study.model_dump(mode="json")
        asked = cells or tuple(cell.id for cell in plan.cells)
        job = RunCells(study=study, output_dir=plan.study.output_dir, cells=asked)
        status = run_cells(job, 1, events.append)
        return status, [event for event in events if not isinstance(event, Alive)]

    return work


def test_cells_are_told_one_after_another(work: Work, plan: Plan) -> None:
    status, events = work()
    assert status == OK
    each = [(CellStarted(cell=cell.id), CellFinished(cell=cell.id, failed=False)) for cell in plan.cells]
    assert events == [Ready(), *(event for pair in each for event in pair)]


@pytest.mark.parametrize(
    ("sizes", "finished", "status"),
    [
        slow((1, 2, 3), 3, OK),
        slow((1, 3, 3), 3, OK),  # twice as large and one gigabyte more is still fine
        ((1, 4, 4), 2, RECYCLED),
        slow((1, 1, 9), 3, OK),  # nothing is left to do
    ],
)
def test_a_worker_whose_memory_has_grown_leaves_the_rest_to_another(
    work: Work, sizes: tuple[int, ...], finished: int, status: int
) -> None:
    ended, events = work(*(size * GIGABYTE for size in sizes))
    assert ended == status
    assert len([event for event in events if isinstance(event, CellFinished)]) == finished


def test_a_cell_that_fails_is_an_attempt_and_the_others_run(work: Work, plan: Plan) -> None:
    _, events = work(errors={"lora": ValueError("no\nluck"), "full": ConfigError("too long")})
    store = Store(Path(plan.study.output_dir))
    failed = {event.cell: event for event in events if isinstance(event, Failed)}
    errors = {cell.adapter: failed[cell.id].error for cell in plan.cells if cell.id in failed}
    assert errors == {"lora": "ValueError: no luck", "full": "too long"}
    for cell in plan.cells[1:]:
        [attempt] = store.attempts(cell)
        assert (attempt.error, attempt.seconds, attempt.score) == (failed[cell.id].error, 1.5, None)
        assert "Traceback" in Path(failed[cell.id].log).read_text()
    ends = [event.failed for event in events if isinstance(event, CellFinished)]
    assert ends == [False, True, True]


def test_a_failure_that_can_not_be_written_is_told_with_its_cause(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Path:
        raise StoreError("can't write out/attempts/1/log: No space left on device")

    monkeypatch.setattr(Store, "add_attempt", full)
    told = (
        r"^can't write out/attempts/1/log: No space left on device; it was to say of lora .*: ValueError: no luck$"
    )
    with pytest.raises(StoreError, match=told):
        work(errors={"lora": ValueError("no luck")})


def test_a_plan_that_came_out_otherwise_is_refused(work: Work) -> None:
    with pytest.raises(StoreError, match="the data or the model changed while the run was starting"):
        work(cells=("000000000000",))
