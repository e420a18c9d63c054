"""A task of the user's own rows: the plugin `own`, set up by the study's section of that name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from medcot_bench.data.rows import read_layout
from medcot_bench.errors import ConfigError, suggest_or_list
from medcot_bench.plugins.manager import Plugins
from medcot_bench.plugins.prompted_task import stop_at
from medcot_bench.plugins.resolve_task import ResolvedTask, resolve_task
from medcot_bench.study.own_task import OwnTask
from medcot_bench.study.paths import expand_path
from medcot_bench.study.schema import Study
from medcot_bench.study.spec_strings import Spec

PLUGIN = "own"


def resolve_study_task(typed: Spec, study: Study, plugins: Plugins) -> ResolvedTask:
    """Build a task that a study names: of its own rows, or a plugin's. Raises as `resolve_custom_task`."""
    section = study.own.get(typed.stem)
    return (
        resolve_custom_task(typed, section, plugins) if section else resolve_task(typed, plugins, study.data_seed)
    )


def resolve_custom_task(typed: Spec, section: OwnTask, plugins: Plugins) -> ResolvedTask:
    """Build the task; its prompts have a context, and its targets reasoning, if its rows do.

    Raises ConfigError, DataError or PluginError.
    """
    name, template = typed.stem, typed.shift
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ConfigError(f"own.{name}: a task name has letters, digits, _ and - only")
    if any(entry.name == name for entry in plugins.of("task")):
        raise ConfigError(f"own.{name}: a task plugin has this name; rename the file")
    if typed.options:
        raise ConfigError(f"task {typed.name}: it takes no options; set its fields in the task file")
    has = _has(name, section)
    task = make_custom_task(typed, section, {**has, "prompt": section.prompt.rstrip()}, plugins)
    if template and template not in task.task.spec.templates[1:]:
        valid = task.task.spec.templates[1:]
        raise ConfigError(f"task {name}: no shift '{template}'{suggest_or_list(template, valid)}")
    return task


def make_custom_task(typed: Spec, section: OwnTask, hashed: Mapping[str, Any], plugins: Plugins) -> ResolvedTask:
    """Build the task of rows that are known to have a context or reasoning. Raises likewise."""
    others = {"domain": section.domain, "max_new_tokens": section.max_new_tokens or 0}
    try:
        task = plugins.make_task(PLUGIN, {**hashed, **others})
    except ConfigError as error:
        raise ConfigError(str(error).replace(f"task {PLUGIN}", f"own.{typed.name}", 1)) from None
    # What its rows are about, and where answers end, is no part of what is trained.
    made = ResolvedTask(typed, plugins.entry("task", PLUGIN), task, hashed, section.columns)
    return made if section.stop is None else stop_at(made, section.stop)


def _has(name: str, section: OwnTask) -> dict[str, bool]:
    """Return whether the rows have a context, and reasoning. Raises ConfigError where some files do."""
    paths = [expand_path(source.removeprefix("file:")) for source in section.sources.values()]
    columns = {path: read_layout(path, section.columns).columns for path in paths}
    has = {}
    for part in ("context", "reasoning"):
        having, without = ([path for path in paths if (part in columns[path]) is there] for there in (True, False))
        if having and without:
            raise ConfigError(f"own.{name}: {having[0]} has a column for {part}, {without[0]} has none")
        has[part] = bool(having)
    return has
