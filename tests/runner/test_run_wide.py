"""Run-wide plugins in a process of their own: one that ends it, or hangs, is named, and the run goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import planted
import pytest

from medcot_bench.errors import USAGE, PluginError
from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import Cell
from medcot_bench.results.records import CellRecord
from medcot_bench.runner.run_wide import RunWidePlugins

pytestmark = pytest.mark.slow
Install = Callable[..., Path]
ME = r"plugin 'watcher' \(acme 1.0\)"


@pytest.fixture
def cell(plan: Plan) -> Cell:
    return plan.cells[1]


@pytest.fixture
def record(cell: Cell) -> CellRecord:
    made = planted.Made(adapter=cell.adapter, task=cell.task, seed=cell.seed)
    return planted.cell_record(cell, cell.request, made, planted.TRAIN)


def test_both_hooks_are_called_in_one_process_with_what_is_known(
    install: Install, cell: Cell, record: CellRecord, tmp_path: Path
) -> None:
    install(
        skip="global seen\nseen = [cell.id, os.getpid()]\nprint('hello')\nreturn f'{cell.adapter}: half \\ud83d'",
        finished=f"open('{tmp_path / 'told'}', 'w').write(repr([*seen, os.getpid(), record.name]))",
    )
    said: list[str] = []
    with RunWidePlugins(60.0, said.append) as plugins:
        assert plugins.skip_reason(cell) == f"{cell.adapter}: half \\ud83d"
        plugins.cell_finished(record)
    known, asked, told, name = eval((tmp_path / "told").read_text())
    assert (known, name) == (cell.id, record.name)
    assert asked == told
    assert said == ["hello"]


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("os._exit(0)", "the process that was calling run-wide plugins ended with status 0"),
        ("os.kill(os.getpid(), 11)", "the process that was calling run-wide plugins was ended by SIGSEGV"),
        (
            "time.sleep(100)",
            "no progress for 2 s while calling run-wide plugins; raise --timeout if it is only slow",
        ),
    ],
)
def test_what_ends_or_hangs_the_process_is_named(
    install: Install, cell: Cell, record: CellRecord, code: str, how: str
) -> None:
    install(skip=code, finished=code)
    limit = 2.0 if "sleep" in code else 60.0
    with (
        RunWidePlugins(limit) as plugins,
        pytest.raises(PluginError, match=f"^{ME} in medcot_skip_cell: {how}$") as caught,
    ):
        plugins.skip_reason(cell)
    assert caught.value.exit_code == USAGE
    with RunWidePlugins(limit) as plugins:
        said = f"^{ME} in medcot_cell_finished: {how}; run-wide plugins are told of no other training run$"
        with pytest.warns(UserWarning, match=said):
            plugins.cell_finished(record)
        plugins.cell_finished(record)  # says no more


def test_what_raises_is_warned_about_and_asked_again(install: Install, cell: Cell, record: CellRecord) -> None:
    install(skip="raise KeyboardInterrupt", finished="raise SystemExit(0)")
    with RunWidePlugins(60.0) as plugins:
        with pytest.warns(UserWarning, match=f"^{ME} failed in medcot_skip_cell: KeyboardInterrupt"):
            assert plugins.skip_reason(cell) == ""
        for _ in range(2):
            with pytest.warns(UserWarning, match=f"^{ME} failed in medcot_cell_finished: SystemExit: 0$"):
                plugins.cell_finished(record)
