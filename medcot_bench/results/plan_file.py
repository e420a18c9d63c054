"""plan.json: which cells and evaluations make up a folder's latest study, and the facts that its tables state.

One record with one reader and one writer. It holds facts; `report/` makes sentences of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from medcot_bench.errors import ConfigError, StoreError
from medcot_bench.results.cells import FINAL, CellKey, EvaluationKey
from medcot_bench.results.digests import add_digest, find_change
from medcot_bench.results.files import DamagedError, read_file, to_json
from medcot_bench.results.precision_looks import PrecisionLook
from medcot_bench.results.trials import Trial
from medcot_bench.study.analysis import Analysis

FILE = "plan.json"
SCHEMA = 2
BYTES = 200_000_000
"""Most bytes of the file; a plan of 40,000 training runs has some 50 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """An evaluation task: where its items come from, and what became of them."""

    source: str
    """As tables name it, e.g. `bundled-v1`."""
    domain: str
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason -> items."""
    notes: tuple[str, ...] = ()
    """What reading its data found."""
    items_of: str | None = None
    """The task whose items it asks by another prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCell:
    """A cell and the evaluations it is to have."""

    key: CellKey
    evaluations: tuple[EvaluationKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeWith:
    """What all evaluations of a study share."""

    split: str
    limit: int | None
    """Items per task; None: every item."""
    generate_items: int | None
    """Items per task that an answer is written for; None: all that are scored."""
    num_fewshot: int
    """Solved examples before each prompt."""
    shuffled_labels: bool
    """Whether models were trained on the answers of other items: a control."""
    chat_template: bool
    system_prompt: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutBaseline:
    """A prompting baseline that a task can't have."""

    task: str
    baseline: str
    """Empty: all of them."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """The latest plan of a result folder."""

    schema: int = SCHEMA
    base: Mapping[str, str]
    """`name`, `origin` and `digest` of the base model."""
    tasks: Mapping[str, PlannedTask]
    made_with: MadeWith | None
    """None in folders made before it was written down."""
    baselines: tuple[str, ...] = ()
    """The prompting baselines that the study asks for."""
    left_out_baselines: tuple[LeftOutBaseline, ...] = ()
    general_text: str = ""
    """Digest of the text that forgetting is measured on; empty in folders made before it was."""
    analysis: Mapping[str, Any] = field(default_factory=dict)
    """The study's section `analysis`: hypotheses, margins, primary score."""
    trials: tuple[Trial, ...] = ()
    """The learning rates tried before, none where the study asks for no tuning."""
    cells: tuple[PlannedCell, ...]
    other_rates: tuple[PlannedCell, ...] = ()
    """Cells at learning rates that were tried and not chosen, where they are scored."""
    looks: int = 0
    """Times that seeds were added once results could be seen, by no precision rule; 0 also in folders made before
    it was counted."""
    precision_looks: tuple[PrecisionLook, ...] = ()
    """The looks of the study's precision rule, in their order; none without one."""
    kept_rates: tuple[PlannedCell, ...] = ()
    """Cells at learning rates that a race left beside the chosen ones, scored as those are."""
    remarks: tuple[str, ...] = ()
    """Sentences of an older file that no field says."""

    @property
    def every_cell(self) -> tuple[PlannedCell, ...]:
        """The cells of the study and those at other rates that are scored, too."""
        return (*self.cells, *self.other_rates, *self.kept_rates)


def written(plan: PlanFile) -> bytes:
    """Return the file's content."""
    return to_json(add_digest(asdict(plan)))


def read(folder: Path) -> PlanFile:
    """Read a folder's plan, of this schema or an older one.

    Raises ConfigError where no study was run, StoreError for a file that can't be read.
    """
    path = folder / FILE
    again = "run the study again to make it"
    content = read_file(folder, path, BYTES)
    if content is None:
        below = sorted(str(path.parent) for path in folder.glob(f"*/{FILE}"))
        hint = f"; there is one in {' and '.join(below)}" if below else ""
        raise ConfigError(f"{folder}: no study was run here (no {FILE}){hint}")
    try:
        raw = json.loads(content)
        _refuse_newer(path, raw)
        changed = find_change(raw)
        plan: PlanFile = _reader().validate_python(_from_1(raw) if raw.get("schema", 1) == 1 else raw)
        Analysis.model_validate(plan.analysis)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # pydantic's is a ValueError
        raise DamagedError(folder, path, "can't be read", again) from None
    if changed:
        raise DamagedError(folder, path, changed, again)
    return plan


def refuse_newer(folder: Path) -> None:
    """Raise StoreError where a newer version wrote the plan: to go on would lose what only that version knows."""
    path = folder / FILE
    try:
        raw = json.loads(read_file(folder, path, BYTES) or b"")
    except (StoreError, ValueError, RecursionError):
        return  # none, or one that is damaged: `read` says so
    _refuse_newer(path, raw)


def _refuse_newer(path: Path, raw: Any) -> None:
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise StoreError(f"{path} was written by a newer medcot-bench; update to read it")


@cache
def _reader() -> TypeAdapter[PlanFile]:
    return TypeAdapter(PlanFile)


def _from_1(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a file of schema 1, which held sentences, in today's form."""
    made_with, left_out, remarks = _facts(raw.get("settings", ()), raw.get("num_fewshot"))
    same = ("base", "baselines", "general_text", "analysis", "trials")
    return {
        **{name: raw[name] for name in same if name in raw},
        "schema": SCHEMA,
        "tasks": {
            label: {key: value for key, value in task.items() if key in PlannedTask.__dataclass_fields__}
            for label, task in raw["tasks"].items()
        },
        "made_with": made_with,
        "left_out_baselines": left_out,
        "cells": [_cell_from_1(cell) for cell in raw["cells"]],
        "other_rates": [_cell_from_1(cell) for cell in raw.get("other_rates", ())],
        "remarks": remarks,
    }


def _cell_from_1(raw: Mapping[str, Any]) -> dict[str, Any]:
    key = {name: raw[name] for name in ("id", "task", "adapter", "seed")}
    made = [{"id": made, "task": task, "checkpoint": FINAL} for made, task in raw["scores"].items()]
    made += [
        {"id": made, "task": task, "checkpoint": checkpoint}
        for made, (checkpoint, task) in raw.get("checkpoints", {}).items()
    ]
    made += [
        {"id": made, "task": task, "baseline": baseline}
        for made, (baseline, task) in raw.get("baselines", {}).items()
    ]
    return {"key": key, "evaluations": [{**one, "cell": raw["id"]} for one in made]}


_SCORED = re.compile(
    r"scored on the '(?P<split>\w+)' split, (?:at most (?P<limit>\d+) items a task|every item)"
    r"(?:, answers written for (?P<generate_items>\d+) of them)?, (?P<num_fewshot>\d+) solved examples before each"
)
_PROMPTS = re.compile(r"prompts in training and scoring: (the model's|no) chat template(, a system prompt)?")
_SHUFFLED = "trained on shuffled answers: a control, not a method"
_ASIDE = re.compile(r"'\w+' items are for looking at: this table says nothing about new items")
_OWN_PROMPTS = re.compile(r"(?P<task>.+): no baselines: (?P<reason>.+)")
_NO_BASELINE = re.compile(r"(?P<task>.+?): no baseline (?P<baseline>\S+): (?P<reason>.+)")


def _facts(
    sentences: tuple[str, ...], shots: int | None
) -> tuple[dict[str, Any] | None, list[dict[str, str]], list[str]]:
    """Read the sentences of schema 1: what evaluations share, baselines left out, and what is neither."""
    scored: dict[str, Any] = {}
    prompts: dict[str, bool] = {}
    left_out, remarks = [], []
    for sentence in sentences:
        if found := _SCORED.fullmatch(sentence):
            parts = found.groupdict()
            scored = {name: int(text) if text and text.isdigit() else text for name, text in parts.items()}
        elif found := _PROMPTS.fullmatch(sentence):
            prompts = {"chat_template": found[1] != "no", "system_prompt": bool(found[2])}
        elif found := _NO_BASELINE.fullmatch(sentence) or _OWN_PROMPTS.fullmatch(sentence):
            left_out.append({"baseline": "", **found.groupdict()})
        elif sentence != _SHUFFLED and not _ASIDE.fullmatch(sentence):
            remarks.append(sentence)
    if not scored and shots is None:
        return None, left_out, remarks
    unsaid = {"split": "eval", "limit": None, "generate_items": None, "num_fewshot": shots or 0}
    unsaid |= {"chat_template": False, "system_prompt": False, "shuffled_labels": _SHUFFLED in sentences}
    return {**unsaid, **scored, **prompts}, left_out, remarks
