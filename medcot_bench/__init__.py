"""medcot-bench: a controlled comparison of fine-tuning methods. Importing it imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medcot_bench.errors import ConfigError, MedcotError
from medcot_bench.hub.client import ADAPTER_FILES, adapter_folder
from medcot_bench.interfaces import Adapter, Engine, Exporter, FilesExporter, Selector, Task
from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.text import normalise, words
from medcot_bench.types import (
    AdapterSpec,
    Example,
    Form,
    Generation,
    GenerationRequest,
    HubData,
    Likelihood,
    LikelihoodRequest,
    LoadedModel,
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
from medcot_bench.version import __version__

if TYPE_CHECKING:
    from medcot_bench.api import Results, load, run
    from medcot_bench.study.schema import Study

__all__ = [
    "ADAPTER_FILES",
    "Adapter",
    "AdapterSpec",
    "ConfigError",
    "Engine",
    "Example",
    "Exporter",
    "FilesExporter",
    "Form",
    "Generation",
    "GenerationRequest",
    "HubData",
    "Likelihood",
    "LikelihoodRequest",
    "LoadedModel",
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
    "__version__",
    "adapter_folder",
    "hookimpl",
    "load",
    "normalise",
    "run",
    "words",
]

_LAZY = {
    "Results": "medcot_bench.api",
    "Study": "medcot_bench.study.schema",
    "load": "medcot_bench.api",
    "run": "medcot_bench.api",
}


def __getattr__(name: str) -> Any:
    # What needs pydantic or the store is imported when it is used, so that plugins load fast.
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'medcot_bench' has no attribute '{name}'")
