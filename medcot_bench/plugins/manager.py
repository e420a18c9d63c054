"""Discover, import, admit and block plugins.

Entry points are indexed from metadata; a plugin is imported when its name is used. Built-ins take the same way.
"""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import pluggy

from medcot_bench.errors import MedcotError, PluginError, is_from_user, suggest_or_list
from medcot_bench.interfaces import Adapter, Engine, Exporter, FilesExporter, RunsExporter, Selector, Task
from medcot_bench.plugins import hookspecs
from medcot_bench.plugins.activity import ACTIVITY
from medcot_bench.plugins.entries import KINDS, Kind, PluginEntry, blame
from medcot_bench.plugins.spec_checks import SPECS, find_fault

if TYPE_CHECKING:
    from medcot_bench.results.cells import Cell
    from medcot_bench.results.records import CellRecord
    from medcot_bench.types import LoadedModel

_PROTOCOLS: dict[Kind, Any] = {
    "task": Task,
    "adapter": Adapter,
    "selector": Selector,
    "engine": Engine,
    "exporter": Exporter | RunsExporter | FilesExporter,
}
_RUN_WIDE = {"medcot_skip_cell", "medcot_cell_finished"}


class Plugins:
    """The plugins of this installation, imported on demand."""

    def __init__(self, entries: list[PluginEntry], blocked: frozenset[str] = frozenset()):
        self.entries = [entry for entry in entries if not _is_blocked(entry, blocked)]
        self._blocked = blocked
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._loaded: dict[PluginEntry, Any] = {}
        self._left_out: set[str] = set()

    @classmethod
    def discover(cls) -> Plugins:
        """Index every installed entry point; MEDCOT_BLOCK=`name`, `kind:name` or a distribution hides some."""
        entries = [
            PluginEntry(
                kind,
                point.name,
                point.value,
                point.dist.name if point.dist else "unknown",
                point.dist.version if point.dist else "0",
            )
            for kind in KINDS
            for point in entry_points(group=f"medcot_bench.{kind}s")
        ]
        entries.sort(key=lambda entry: (KINDS.index(entry.kind), entry.name, entry.distribution))
        blocked = frozenset(part for part in os.environ.get("MEDCOT_BLOCK", "").split(",") if part)
        return cls(entries, blocked)

    def of(self, kind: Kind) -> list[PluginEntry]:
        """Return the entries of one kind, sorted by name."""
        return [entry for entry in self.entries if entry.kind == kind]

    def entry(self, kind: Kind, name: str) -> PluginEntry:
        """Return the one entry called `name`. Raises PluginError if there is none, or more than one."""
        found = [entry for entry in self.of(kind) if entry.name == name]
        if not found:
            if name in self._blocked or f"{kind}:{name}" in self._blocked:
                raise PluginError(f"{kind} '{name}' is blocked by MEDCOT_BLOCK")
            known = sorted({entry.name for entry in self.of(kind)})
            install = "" if known else ": install medcot-bench, or install it again after an update"
            raise PluginError(f"no {kind} '{name}'{suggest_or_list(name, known)}{install}{_misplaced(name)}")
        if len(found) > 1:
            owners = " and ".join(f"{entry.distribution} {entry.version}" for entry in found)
            raise PluginError(
                f"name conflict: {kind} '{name}' is provided by {owners}; uninstall one, or block one with "
                "MEDCOT_BLOCK"
            )
        return found[0]

    def admit(self, kind: Kind, name: str) -> ModuleType:
        """Import the plugin called `name`, check its hooks, and return its module, without making anything.

        Raises PluginError when there is none, or it can't be imported, or it implements the wrong hooks.
        """
        return cast("ModuleType", self._load(self.entry(kind, name)))

    def make_task(self, name: str, options: Mapping[str, Any] | None = None, shift: str = "") -> Task:
        """Build a task; empty options give one to read its `spec` from. `shift` asks for a graded shift.

        Raises PluginError as `admit`, and when the plugin gives a wrong object; so do the others.
        """
        full = f"{name}@{shift}" if shift else name
        return cast("Task", self._make("task", name, name=full, options=dict(options or {})))

    def make_adapter(self, name: str, options: Mapping[str, Any] | None = None) -> Adapter:
        """Build an adapter; empty options give one to read its `spec` from."""
        return cast("Adapter", self._make("adapter", name, name=name, options=dict(options or {})))

    def make_selector(self, name: str, options: Mapping[str, Any] | None = None) -> Selector:
        """Build a selector; empty options give one to read its `spec` from."""
        return cast("Selector", self._make("selector", name, name=name, options=dict(options or {})))

    def make_engine(self, name: str, loaded: LoadedModel, batch_size: int | None = None) -> Engine:
        """Build an engine for a model in memory; without `batch_size` it takes its own."""
        return cast("Engine", self._make("engine", name, name=name, loaded=loaded, batch_size=batch_size))

    def make_exporter(self, name: str) -> Exporter | RunsExporter | FilesExporter:
        """Build an exporter."""
        return cast("Exporter | RunsExporter | FilesExporter", self._make("exporter", name, name=name))

    def _make(self, kind: Kind, plugin: str, **arguments: Any) -> object:
        """Call the make hook of one plugin alone, and check what it returns."""
        entry = self.entry(kind, plugin)
        module = self._load(entry)
        hook = f"medcot_make_{kind}"
        others = [other for other in self._manager.get_plugins() if other is not module]
        with blame(entry, hook):
            made = self._manager.subset_hook_caller(hook, others)(**arguments)
        if made is None:
            raise PluginError(f"{entry}: {hook} returned None; return the {kind}")
        if not isinstance(made, _PROTOCOLS[kind]):
            missing = [name for name in _protocol_attributes(kind, made) if not hasattr(made, name)]
            raise PluginError(
                f"{entry}: {hook} returned an object of type {type(made).__name__} without {', '.join(missing)}"
            )
        if kind in SPECS and (wrong := find_fault(cast("Any", made).spec, kind)):
            raise PluginError(f"{entry}: {wrong}")
        return cast("object", made)

    def skip_reason(self, cell: Cell) -> str | None:
        """Ask the run-wide plugins whether to leave `cell` out; the first reason counts."""
        found = None
        for entry, reason in self._tell("medcot_skip_cell", cell=cell):
            if isinstance(reason, str):
                found = found or reason
            elif reason is not None:
                warnings.warn(
                    f"{entry}: medcot_skip_cell returned {reason!r}, not a string or None; no cell is skipped",
                    stacklevel=2,
                )
        return found

    def cell_finished(self, record: CellRecord) -> None:
        """Tell the run-wide plugins of a committed cell."""
        self._tell("medcot_cell_finished", record=record)

    def _tell(self, hook: str, **arguments: Any) -> list[tuple[PluginEntry, Any]]:
        """Call a run-wide hook of every plugin; one that raises is warned about by name, and stops nobody.

        Returns the answers of the others.
        """
        self._load_run_wide()
        answers = []
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            entry = self.entry("plugin", implementation.plugin_name.removeprefix("plugin:"))
            try:
                with blame(entry, hook):
                    answer = implementation.function(*[arguments[n] for n in implementation.argnames])
                    answers.append((entry, answer))
            except (MedcotError, MemoryError) as error:
                warnings.warn(f"{error}", stacklevel=3)
        return answers

    def run_wide(self) -> list[str]:
        """Return `name (distribution version)` of every active run-wide plugin, for the records."""
        self._load_run_wide()
        active = [entry for entry in self.of("plugin") if entry.name not in self._left_out]
        return [f"{entry.name} ({entry.distribution} {entry.version})" for entry in active]

    def _load_run_wide(self) -> None:
        """Load the run-wide plugins. One that can't be loaded is warned about once, and takes no part."""
        for name in {entry.name: None for entry in self.of("plugin")}:
            if name in self._left_out:
                continue
            try:
                self._load(self.entry("plugin", name))
            except PluginError as error:
                self._left_out.add(name)
                warnings.warn(f"continuing without a plugin: {error}", stacklevel=3)

    def _load(self, entry: PluginEntry) -> Any:
        if entry in self._loaded:
            return self._loaded[entry]
        if ":" in entry.module:
            alone = entry.module.partition(":")[0]
            raise PluginError(f"{entry}: its entry point is '{entry.module}'; write the module alone, '{alone}'")
        try:
            with ACTIVITY.at(f"{entry} in its import"):
                module = importlib.import_module(entry.module)
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            if is_from_user(error):
                raise
            raise PluginError(f"{entry} can't be imported: {type(error).__name__}: {error}") from error
        if not self._manager.is_registered(module):
            try:
                self._manager.register(module, name=f"{entry.kind}:{entry.name}")
                self._manager.check_pending()
            except pluggy.PluginValidationError as error:
                if self._manager.is_registered(module):
                    self._manager.unregister(module)
                reason = " ".join(str(error).split())
                raise PluginError(
                    f"{entry} implements a wrong hook: {reason}; it may implement {_hooks_of(entry.kind)}"
                ) from error
        allowed = _RUN_WIDE if entry.kind == "plugin" else {f"medcot_make_{kind}" for kind in _PROTOCOLS}
        hooks = {caller.name for caller in self._manager.get_hookcallers(module) or []}
        if hooks - allowed:
            self._manager.unregister(module)
            raise PluginError(
                f"{entry} implements {', '.join(sorted(hooks - allowed))}, which the group "
                f"medcot_bench.{entry.kind}s does not allow"
            )
        if not hooks & _needed(entry.kind):
            self._manager.unregister(module)
            raise PluginError(
                f"{entry} implements no hook; write {_hooks_of(entry.kind)} in {entry.module}, marked @hookimpl"
            )
        self._loaded[entry] = module
        return module


@cache
def installed() -> Plugins:
    """Return the plugins of this installation, indexed once."""
    return Plugins.discover()


def _is_blocked(entry: PluginEntry, blocked: frozenset[str]) -> bool:
    owners = {name.replace("_", "-").casefold() for name in blocked}  # as packaging compares distributions
    named = not blocked.isdisjoint({entry.name, f"{entry.kind}:{entry.name}"})
    return named or entry.distribution.replace("_", "-").casefold() in owners


def _needed(kind: Kind) -> set[str]:
    """Return the hooks of which a plugin of this kind implements one."""
    return _RUN_WIDE if kind == "plugin" else {f"medcot_make_{kind}"}


def _hooks_of(kind: Kind) -> str:
    return " or ".join(sorted(_needed(kind)))


def _misplaced(name: str) -> str:
    """Say which entry points of this name stand in a group that is none of ours, e.g. `medcot_bench.task`."""
    groups = {f"medcot_bench.{kind}s" for kind in KINDS}
    found = [
        f"; there is a '{name}' in the unknown group {point.group}"
        for point in entry_points(name=name)
        if point.group.startswith("medcot_bench.") and point.group not in groups
    ]
    return "".join(found) + (f"; groups are {', '.join(sorted(groups))}" if found else "")


def _protocol_attributes(kind: Kind, made: Any) -> list[str]:
    if kind == "exporter" and (hasattr(made, "folder") or hasattr(made, "files")):
        return ["folder", "files"]
    return {
        "task": ["spec", "examples", "prompt", "target", "options", "score"],
        "adapter": ["spec", "recipe", "prepare", "save", "load"],
        "selector": ["spec", "place"],
        "engine": ["batch_size", "likelihoods", "generations"],
        "exporter": ["suffix", "export"],
    }.get(kind, [])
