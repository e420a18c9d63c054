"""What calls plugins of other packages is done in a child process first: one that hangs or crashes ends only that.

Errors are not the child's business: what it tried is done again here, and raises them here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from medcot_bench.planning.build import make_plan
from medcot_bench.plugins.entries import PluginEntry
from medcot_bench.plugins.manager import installed
from medcot_bench.runner.plugin_process import PluginProcess
from medcot_bench.study.schema import Study

OWN = "medcot-bench"
"""The distribution whose plugins are called at once."""


def rehearse(timeout: float | None, doing: str, function: Callable[..., object], *arguments: Any) -> None:
    """Call a function of a module in a child process; arguments are JSON.

    Raises PluginError, with the plugin and the hook, where one ends the child, or does not return for `timeout`
    seconds.
    """
    with PluginProcess(timeout, doing) as process:
        process.call(attempt, function.__module__, function.__qualname__, arguments)


def rehearse_plan(study: Study, timeout: float | None) -> None:
    """Plan in a child process first if plugins of other packages take part. Raises PluginError as `rehearse`."""
    if takes_others(study):
        rehearse(timeout, "planning", plan_again, study.model_dump(mode="json"))


def takes_others(study: Study) -> bool:
    """Return whether planning a study may import plugins of other packages."""
    adapters = [*study.adapters, *study.analysis.adapters]
    names = {typed.stem for typed in (*study.tasks, *study.eval_tasks, *adapters)}
    names |= {value for typed in adapters for value in typed.options.values()} | {study.scoring.engine}
    return any(is_other(entry) and entry.kind != "plugin" and entry.name in names for entry in installed().entries)


def others_installed() -> bool:
    """Return whether there are plugins of other packages that a training run may be made with."""
    return any(is_other(entry) and entry.kind != "plugin" for entry in installed().entries)


def is_other(entry: PluginEntry) -> bool:
    """Return whether a plugin comes from another package."""
    return entry.distribution.replace("_", "-").casefold() != OWN


def attempt(module: str, name: str, arguments: Sequence[Any]) -> None:
    """Call a function in the child, whatever it raises."""
    with suppress(BaseException):
        getattr(import_module(module), name)(*arguments)


def plan_again(fields: Mapping[str, Any]) -> None:
    """Plan a study in the child."""
    make_plan(Study.model_validate(fields))
