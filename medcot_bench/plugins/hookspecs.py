"""Every hook of medcot-bench. All plugins but run-wide ones implement the `make` hook of their kind only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from medcot_bench.interfaces import Adapter, Engine, Exporter, FilesExporter, RunsExporter, Selector, Task
    from medcot_bench.results.cells import Cell
    from medcot_bench.results.records import CellRecord
    from medcot_bench.types import LoadedModel

PROJECT = "medcot_bench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a plugin's implementation of a hook."""


@hookspec(firstresult=True)
def medcot_make_task(name: str, options: Mapping[str, Any]) -> Task | None:
    """Build the task registered under `name`.

    `options` holds every option that the task declares; one called `seed` is the study's data seed where nobody
    typed it. They are empty when only `spec` is to be read. A graded shift is made as `NAME@SHIFT`, with a shift
    of `spec.shifts`.
    """


@hookspec(firstresult=True)
def medcot_make_adapter(name: str, options: Mapping[str, Any]) -> Adapter | None:
    """Build the adapter registered under `name`; `options` as for tasks."""


@hookspec(firstresult=True)
def medcot_make_selector(name: str, options: Mapping[str, Any]) -> Selector | None:
    """Build the selector registered under `name`; `options` as for tasks."""


@hookspec(firstresult=True)
def medcot_make_engine(name: str, loaded: LoadedModel, batch_size: int | None) -> Engine | None:
    """Build the engine registered under `name` for one model in memory.

    `batch_size` is the study's `scoring.batch_size`; None leaves it to the engine. The module is imported when a
    study is planned, this hook is called where a model is scored: import torch in here.
    """


@hookspec(firstresult=True)
def medcot_make_exporter(name: str) -> Exporter | RunsExporter | FilesExporter | None:
    """Build the exporter registered under `name`: one file of the leaderboard, or a folder of files."""


@hookspec(firstresult=True)
def medcot_skip_cell(cell: Cell) -> str | None:
    """Give the reason to leave `cell` out, or None to run it. Asked before any cell runs.

    Both run-wide hooks are called in one process of their own, which lasts as long as the run.
    """


@hookspec
def medcot_cell_finished(record: CellRecord) -> None:
    """Observe a cell whose training was just committed. An exception is warned about, and never fatal."""
