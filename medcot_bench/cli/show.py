"""`medcot-bench show NAME`: a plugin's options, sources and an example; a preset's file; a task file's rows."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Any

from medcot_bench.cli.supervision_arguments import add_timeout, read_timeout
from medcot_bench.data.sources import load
from medcot_bench.errors import ConfigErrors, PluginError, suggest_or_list
from medcot_bench.interfaces import FilesExporter, Task
from medcot_bench.planning.custom_tasks import resolve_study_task
from medcot_bench.plugins.entries import PluginEntry, blame
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_adapter import TARGETS
from medcot_bench.report.terminal import wrap
from medcot_bench.runner.rehearsal import is_other, rehearse
from medcot_bench.security.foreign_text import LINE
from medcot_bench.study import presets
from medcot_bench.study.loading import load_study
from medcot_bench.types import Example, Option

QUOTE = "    | "
"""Before every line of an example."""


def add_parser(commands: Any) -> None:
    """Add this command to the program."""
    command = commands.add_parser(
        "show",
        help="show one plugin, preset or task file: options, data sources, licence, an example",
        description="Show what a task, adapter, selector, engine or exporter takes and does, the study file of a "
        "preset, or what a task file makes.",
        allow_abbrev=False,
    )
    command.add_argument("name", help="a name from `medcot-bench list`, kind:name, or a task file (YAML)")
    add_timeout(command)
    command.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Print every plugin of that name, or the task that a file makes. Raises ConfigErrors for a wrong file."""
    timeout = read_timeout(options).plan
    if options.name.endswith((".yaml", ".yml")):
        _print(_own_task(options.name))
        return 0
    kind, colon, name = options.name.partition(":")
    wanted = (kind, name) if colon else (None, options.name)
    entries = [e for e in installed().entries if wanted[0] in (None, e.kind) and e.name == wanted[1]]
    preset = wanted[1] if wanted[0] in (None, "preset") and wanted[1] in presets.names() else None
    if not entries and preset is None:
        known = sorted({*(entry.name for entry in installed().entries), *presets.names()})
        raise PluginError(f"no plugin or preset '{options.name}'{suggest_or_list(wanted[1], known)}")
    for entry in entries:
        if is_other(entry):
            rehearse(timeout, "showing it", describe_again, str(entry))
        _print(_describe(entry))
    if preset is not None:
        print(presets.path_of(preset).read_text(encoding="utf-8"), end="")
    return 0


def _print(lines: Iterable[str]) -> None:
    """Print lines that fit the terminal; examples stay as models read them."""
    for line in lines:
        print(line if line.startswith(QUOTE) else wrap(line))


def describe_again(described: str) -> None:
    """Describe a plugin in a child process."""
    [entry] = [entry for entry in installed().entries if str(entry) == described]
    list(_describe(entry))


def _describe(entry: PluginEntry) -> Iterator[str]:
    yield f"{entry.kind} {entry.name}, from {entry.distribution} {entry.version}"
    if entry.kind == "task":
        yield from _task(entry)
    elif entry.kind == "adapter":
        yield from _adapter(entry)
    elif entry.kind == "selector":
        spec = installed().make_selector(entry.name).spec
        yield f"  {spec.description}"
        yield from _options(spec.options)
    elif entry.kind == "engine":
        yield from _engine(entry)
    elif entry.kind == "exporter":
        exporter = installed().make_exporter(entry.name)
        if isinstance(exporter, FilesExporter):
            yield f"  writes files into {exporter.folder}/"
        else:
            yield f"  writes leaderboard{exporter.suffix}"


def _task(entry: PluginEntry) -> Iterator[str]:
    task = installed().make_task(entry.name)
    spec = task.spec
    yield f"  {spec.description}"
    yield f"  domain {spec.domain}; form: context {spec.form.context}, answer {spec.form.answer}"
    yield f"  version {spec.version}; licence: {spec.licence}"
    yield from _options(spec.options)
    yield "  data sources:"
    for name, text in spec.sources.items():
        yield f"    {name}: {text}"
    rows = ", ".join(dict.fromkeys(("question", "answer", *spec.required, *spec.usable_with)))
    needed = f"; {', '.join(spec.trainable_with)} to train on" if spec.trainable_with else ""
    yield f"    file:PATH: JSON lines, CSV or parquet with {rows}{needed}"
    if shifts := (*spec.shifts, *spec.templates[1:]):
        yield f"  graded shifts: {', '.join(f'{entry.name}@{shift}' for shift in shifts)}"
    with blame(entry, "show"):
        example: Example | None = next(iter(task.examples("train")), None)
        if example is not None:
            yield from _example(task, example)


def _own_task(path: str) -> Iterator[str]:
    study, errors = load_study(overrides=[("tasks", [path])])
    if errors:
        raise ConfigErrors(errors)
    (typed,) = study.tasks
    chosen = resolve_study_task(typed, study, installed())
    data = load(chosen, study.sources(typed.name), study.data_seed)
    yield f"task {typed.name}, from {path}"
    yield f"  domain {chosen.task.spec.domain}"
    yield "  rows: " + ", ".join(f"{len(items)} {split}" for split, items in data.splits.items())
    yield from (f"  {note}" for note in data.notes)
    example = next((example for items in data.splits.values() for example in items), None)
    if example is not None:
        yield from _example(chosen.task, example)


def _example(task: Task, example: Example) -> Iterator[str]:
    yield "  example prompt:"
    yield from _quoted(task.prompt(example, task.spec.templates[0]))
    yield "  its target:"
    yield from _quoted(task.target(example).text)


def _quoted(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        yield f"{QUOTE}{line}" if len(line) <= LINE else f"{QUOTE}{line[:LINE]}…"


def _adapter(entry: PluginEntry) -> Iterator[str]:
    spec = installed().make_adapter(entry.name).spec
    yield f"  {spec.description}"
    yield f"  update {spec.update}; base quantisation {spec.quantisation}; version {spec.version}"
    yield from _options(spec.options)
    if spec.update != "none":
        yield "  placement:"
        yield f"    select={spec.select}: a selector, with its own options (medcot-bench list selectors)"
        yield f"    targets={TARGETS.default}: {TARGETS.help}"
        yield "  and every field of a recipe, e.g. lr, epochs, max_steps, train_tokens, batch_size"


def _engine(entry: PluginEntry) -> Iterator[str]:
    about = (installed().admit("engine", entry.name).__doc__ or "").strip()
    if about:
        yield f"  {about.splitlines()[0]}"
    yield f"  to score with it: --set scoring.engine={entry.name}"


def _options(options: Any) -> Iterator[str]:
    declared: dict[str, Option] = dict(options)
    if declared:
        yield "  options:"
    for name, option in declared.items():
        choices = f" ({', '.join(option.choices)})" if option.choices else ""
        yield f"    {name}={option.default}: {option.help}{choices}"
