"""medcot-bench: a controlled comparison of fine-tuning methods. Importing it imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

from medcot_bench.errors import ConfigError, MedcotError
from medcot_bench.hookspecs import PROJECT
from medcot_bench.interfaces import Adapter, Exporter, FilesExporter, Selector, Task
from medcot_bench.types import (
    AdapterSpec,
    Example,
    Form,
    HubData,
    ModelInfo,
    ModuleInfo,
    Option,
    Placement,
    Probe,
    Recipe,
    SelectorSpec,
    Split,
    Target,
    TaskSpec,
)

if TYPE_CHECKING:
    from medcot_bench.api import Results, load, run
    from medcot_bench.config import Study

hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a plugin's implementation of a hook."""

__version__ = "0.1.0"

__all__ = [
    "Adapter",
    "AdapterSpec",
    "ConfigError",
    "Example",
    "Exporter",
    "FilesExporter",
    "Form",
    "HubData",
    "MedcotError",
    "ModelInfo",
    "ModuleInfo",
    "Option",
    "Placement",
    "Probe",
    "Recipe",
    "Results",
    "Selector",
    "SelectorSpec",
    "Split",
    "Study",
    "Target",
    "Task",
    "TaskSpec",
    "hookimpl",
    "load",
    "run",
]

_LAZY = {
    "Results": "medcot_bench.api",
    "Study": "medcot_bench.config",
    "load": "medcot_bench.api",
    "run": "medcot_bench.api",
}


def __getattr__(name: str) -> Any:
    # What needs pydantic or the store is imported when it is used, so that plugins load fast.
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'medcot_bench' has no attribute '{name}'")
