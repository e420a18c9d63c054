"""medcot-bench: a controlled comparison of fine-tuning methods. Importing it imports nothing heavy."""

from __future__ import annotations

import sys

if sys.argv[:1] == ["-m"] and not sys.flags.safe_path and "m medcot_bench" in " ".join(sys.orig_argv):
    # Run by `python -m`: a user's evaluate.py or csv.py in the working directory is none of the libraries'.
    del sys.path[0]

from typing import TYPE_CHECKING, Any

from medcot_bench.base_model.tensors import check_tensors
from medcot_bench.errors import ConfigError, MedcotError, ModelError
from medcot_bench.hub.client import ADAPTER_FILES, adapter_folder
from medcot_bench.interfaces import Adapter, Engine, Exporter, FilesExporter, RunsExporter, Selector, Task
from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.text import normalise, space_out, words
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
    from medcot_bench.api import Results, StudyResults, load, run
    from medcot_bench.base_model.whole_model import FoundModel, find_whole_model
    from medcot_bench.results.answer import MethodAnswer, Place, TaskAnswer
    from medcot_bench.results.cells import CellKey
    from medcot_bench.results.comparisons import (
        Effect,
        Factor,
        FactorEffect,
        Matched,
        Needed,
        Persistence,
        Prompted,
        Reading,
        Showing,
        Side,
        Sizes,
        SizeTrend,
    )
    from medcot_bench.results.conditions import Counts, LmEvalTask, MadeBy, RecipeDifference, ScoredTask
    from medcot_bench.results.folder import CellResult
    from medcot_bench.results.leaderboard import Costs, Failure, Forgotten, Leaderboard, Rank, Row, TaskScores
    from medcot_bench.results.plan_file import LeftOutBaseline, MadeWith
    from medcot_bench.results.precision_looks import PrecisionLook, PrecisionReport, PrecisionStop
    from medcot_bench.results.rate_checks import AtRates, RateCheck
    from medcot_bench.results.recommendations import Caveat, FullCost, Recommendation, Worth
    from medcot_bench.results.records import CellRecord, EvaluationRecord
    from medcot_bench.results.trials import Trial
    from medcot_bench.stats.contrasts import Contrast, VarianceEstimate, VarianceEstimates
    from medcot_bench.stats.ratios import Ratio
    from medcot_bench.stats.verdict import Finding, GapChange, GapSummary, Standing, Verdict
    from medcot_bench.study.margin import Margin
    from medcot_bench.study.precision import Aim
    from medcot_bench.study.schema import Study

__all__ = [
    "ADAPTER_FILES",
    "Adapter",
    "AdapterSpec",
    "Aim",
    "AtRates",
    "Caveat",
    "CellKey",
    "CellRecord",
    "CellResult",
    "ConfigError",
    "Contrast",
    "Costs",
    "Counts",
    "Effect",
    "Engine",
    "EvaluationRecord",
    "Example",
    "Exporter",
    "Factor",
    "FactorEffect",
    "Failure",
    "FilesExporter",
    "Finding",
    "Forgotten",
    "Form",
    "FoundModel",
    "FullCost",
    "GapChange",
    "GapSummary",
    "Generation",
    "GenerationRequest",
    "HubData",
    "Leaderboard",
    "LeftOutBaseline",
    "Likelihood",
    "LikelihoodRequest",
    "LmEvalTask",
    "LoadedModel",
    "MadeBy",
    "MadeWith",
    "Margin",
    "Matched",
    "MedcotError",
    "MethodAnswer",
    "ModelError",
    "ModelInfo",
    "ModuleInfo",
    "Needed",
    "Option",
    "Persistence",
    "Place",
    "Placement",
    "PrecisionLook",
    "PrecisionReport",
    "PrecisionStop",
    "Probe",
    "Prompted",
    "Rank",
    "RateCheck",
    "Ratio",
    "Reading",
    "Recipe",
    "RecipeDifference",
    "Recommendation",
    "Results",
    "Row",
    "RunsExporter",
    "ScoredTask",
    "Selector",
    "SelectorSpec",
    "Showing",
    "Side",
    "SizeTrend",
    "Sizes",
    "Split",
    "Standing",
    "Study",
    "StudyResults",
    "Target",
    "Task",
    "TaskAnswer",
    "TaskScores",
    "TaskSpec",
    "Trial",
    "VarianceEstimate",
    "VarianceEstimates",
    "Verdict",
    "Worth",
    "__version__",
    "adapter_folder",
    "check_tensors",
    "find_whole_model",
    "hookimpl",
    "load",
    "normalise",
    "run",
    "space_out",
    "words",
]

_PUBLIC = {
    "medcot_bench.api": ("Results", "StudyResults", "load", "run"),
    "medcot_bench.base_model.whole_model": ("FoundModel", "find_whole_model"),
    "medcot_bench.results.answer": ("MethodAnswer", "Place", "TaskAnswer"),
    "medcot_bench.results.cells": ("CellKey",),
    "medcot_bench.results.comparisons": (
        "Effect",
        "Factor",
        "FactorEffect",
        "Matched",
        "Needed",
        "Persistence",
        "Prompted",
        "Reading",
        "Showing",
        "Side",
        "SizeTrend",
        "Sizes",
    ),
    "medcot_bench.results.conditions": ("Counts", "LmEvalTask", "MadeBy", "RecipeDifference", "ScoredTask"),
    "medcot_bench.results.folder": ("CellResult",),
    "medcot_bench.results.leaderboard": (
        "Costs",
        "Failure",
        "Forgotten",
        "Leaderboard",
        "Rank",
        "Row",
        "TaskScores",
    ),
    "medcot_bench.results.plan_file": ("LeftOutBaseline", "MadeWith"),
    "medcot_bench.results.precision_looks": ("PrecisionLook", "PrecisionReport", "PrecisionStop"),
    "medcot_bench.results.rate_checks": ("AtRates", "RateCheck"),
    "medcot_bench.results.recommendations": ("Caveat", "FullCost", "Recommendation", "Worth"),
    "medcot_bench.results.records": ("CellRecord", "EvaluationRecord"),
    "medcot_bench.results.trials": ("Trial",),
    "medcot_bench.stats.contrasts": ("Contrast", "VarianceEstimate", "VarianceEstimates"),
    "medcot_bench.study.margin": ("Margin",),
    "medcot_bench.study.precision": ("Aim",),
    "medcot_bench.stats.ratios": ("Ratio",),
    "medcot_bench.stats.verdict": ("Finding", "GapChange", "GapSummary", "Standing", "Verdict"),
    "medcot_bench.study.schema": ("Study",),
}
"""Module -> what of it is public, imported when it is used: plugins that only register load no pydantic."""
_LAZY = {name: module for module, names in _PUBLIC.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'medcot_bench' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
