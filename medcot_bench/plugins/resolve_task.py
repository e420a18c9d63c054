"""What a typed task stands for: a plugin object with its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medcot_bench.errors import ConfigError, suggest_or_list
from medcot_bench.interfaces import Task
from medcot_bench.plugins.entries import PluginEntry
from medcot_bench.plugins.manager import Plugins
from medcot_bench.plugins.options import check, hashed
from medcot_bench.study.spec_strings import Spec


@dataclass(frozen=True, slots=True)
class ResolvedTask:
    """A task plugin with its checked options."""

    typed: Spec
    entry: PluginEntry
    task: Task
    options: Mapping[str, Any]
    columns: Mapping[str, str] | None = None
    """Field -> column of the user's own rows; None where rows have the simple form."""
    stop: tuple[str, ...] | None = None
    """The strings that end an answer, where they are others than the plugin's; part of an evaluation's id then."""

    @property
    def label(self) -> str:
        """The name shown for it, with the options as typed."""
        return str(self.typed)

    @property
    def stem(self) -> str:
        """The name without the shift."""
        return self.typed.stem

    @property
    def shift(self) -> str:
        """The graded shift that this task is, empty where it is none."""
        return self.typed.shift

    @property
    def template(self) -> str:
        """The prompt template that its items are written by."""
        templates = self.task.spec.templates
        return self.shift if self.shift in templates else templates[0]

    def request(self) -> dict[str, Any]:
        """Return the part of an id that names this task."""
        spec = self.task.spec
        return {
            "name": self.typed.name,
            "version": spec.version,
            "options": hashed(spec.options, self.options),
        }


def resolve_task(typed: Spec, plugins: Plugins, data_seed: int = 0) -> ResolvedTask:
    """Build the task that was typed, `NAME`, `NAME@SHIFT` or `NAME@TEMPLATE`. Raises PluginError or ConfigError.

    An option called `seed` is `data_seed` unless it was typed.
    """
    name, shift = typed.stem, typed.shift
    entry = plugins.entry("task", name)
    declared = plugins.make_task(name).spec.options
    options = check(f"task {typed.name}", declared, typed.options)
    if "seed" in options and "seed" not in typed.options:
        options["seed"] = data_seed
    task = plugins.make_task(name, options)
    shifts = (*task.spec.shifts, *task.spec.templates[1:])
    if shift and shift not in shifts:
        raise ConfigError(f"task {name}: no shift '{shift}'{suggest_or_list(shift, shifts)}")
    if shift and shift in task.spec.shifts:
        task = plugins.make_task(name, options, shift)
    return ResolvedTask(typed, entry, task, options)
