"""An adapter that also observes the run, which only run-wide plugins may."""

from collections.abc import Mapping
from typing import Any

from medcot_bench import hookimpl


@hookimpl
def medcot_make_adapter(name: str, options: Mapping[str, Any]) -> object:
    return object()


@hookimpl
def medcot_cell_finished(record: object) -> None:
    raise AssertionError("an adapter was told of a cell")
