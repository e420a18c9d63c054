"""Run-wide plugins of a run, asked and told in one process of their own, so that none can end or hang the run."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Self

from pydantic import TypeAdapter

from medcot_bench.errors import PluginError
from medcot_bench.plugins.manager import installed
from medcot_bench.results.cells import Cell
from medcot_bench.results.records import CellRecord
from medcot_bench.runner.plugin_process import PluginProcess
from medcot_bench.security.foreign_text import LINE, shorten
from medcot_bench.text import encodable


class RunWidePlugins:
    """Those of this installation; without any no process is started. Leaving the `with` block ends it.

    `on_log` gets each line that they print.
    """

    def __init__(self, timeout: float | None, on_log: Callable[[str], None] = lambda line: None):
        self._process = PluginProcess(timeout, "calling run-wide plugins", on_log)
        self._active = bool(installed().of("plugin"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.__exit__(*error)

    def skip_reason(self, cell: Cell) -> str:
        """Return why a cell is left out, empty where it is not.

        Raises PluginError where a plugin ends the process or does not return: nobody knows then what to leave out.
        """
        reason = self._call(skip_reason, cell) if self._active else None
        return shorten(encodable(reason or ""), LINE)

    def cell_finished(self, record: CellRecord) -> None:
        """Tell of a finished training. One that ends the process or does not return is warned about, once."""
        if not self._active:
            return
        try:
            self._call(cell_finished, record)
        except PluginError as error:
            self._active = False
            warnings.warn(f"{error}; run-wide plugins are told of no other training run", stacklevel=2)

    def _call(self, function: Callable[..., Any], about: Cell | CellRecord) -> Any:
        said = self._process.call(function, asdict(about))
        for text in said["warnings"]:
            warnings.warn(text, stacklevel=3)
        return said["answer"]


def skip_reason(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Ask in the child whether to leave a cell out."""
    cell = TypeAdapter(Cell).validate_python(fields)
    return _with_warnings(lambda: installed().skip_reason(cell))


def cell_finished(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Tell of a finished training in the child."""
    record = TypeAdapter(CellRecord).validate_python(fields)
    return _with_warnings(lambda: installed().cell_finished(record))


def _with_warnings(call: Callable[[], Any]) -> dict[str, Any]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        answer = call()
    return {"answer": answer, "warnings": [str(warning.message) for warning in caught]}
