"""What the store writes: frozen, versioned records, strict JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from medcot_bench.results.saved_files import SavedFile
from medcot_bench.text import counted

SCHEMA = 1
_LAYER = re.compile(r"\.(\d+)\.")
Status = Literal["oom", "diverged", "timeout", "killed", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where and with what a result was made: recorded, not part of any id."""

    medcot_bench: str
    plugins: Mapping[str, str]
    """`task k8s_qa` -> distribution and version, for the plugins that took part."""
    packages: Mapping[str, str]
    engine: str
    python: str
    platform: str
    device: str
    dtype: str
    threads: int
    hostname: str
    started: str
    """UTC, ISO 8601."""

    @property
    def machine(self) -> str:
        """Return the device and the number of threads: seconds of two can't be compared."""
        return f"{self.device}, {counted(self.threads, 'thread')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What one phase of a cell cost. Bytes are counted, peaks measured: see docs/results.md."""

    seconds: float
    peak_bytes: int
    """Peak memory of the phase with the base's weights in it."""
    tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What a training did. Losses are nats per target token; None where there were no steps."""

    steps: int
    epochs: float
    tokens: int
    target_tokens: int
    items: int
    overlong_dropped: int
    overlong_shortened: int
    first_loss: float | None
    final_loss: float | None
    selected_step: int
    validation: tuple[Mapping[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """How far a training took the model from the base that it started from, on its own task."""

    kl: float
    """KL(base || model), nats per target token of evaluation items."""
    items: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """How well a model predicts a general text, and how well the base did that it started from."""

    nll: float
    """Nats per UTF-8 byte."""
    base: float
    text: str
    """Digest of the text: only measurements on one text can be compared."""
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRecord:
    """A finished training. Its presence means that the cell is trained."""

    schema: int = SCHEMA
    cell_id: str
    name: str
    task: str | None
    adapter: str
    seed: int | None
    request: Mapping[str, Any]
    base: Mapping[str, str]
    """`name`, `origin`, `digest`."""
    source: str | None
    """Where the training data came from, as tables name it."""
    placement: Mapping[str, int | None]
    trainable_parameters: int
    total_parameters: int
    adapter_bytes: int
    """Bytes of what the adapter saved, measured on disk."""
    bytes: Mapping[str, int]
    """`weights`, `gradients`, `states`: counted."""
    dtypes: Mapping[str, str]
    """`weights`, `trained`, `compute`."""
    training: Training
    phases: Mapping[str, Phase]
    """`load`, `train`."""
    provenance: Provenance
    divergence: Divergence | None = None
    """None for the base, and in records made before it was measured."""
    forgetting: Forgetting | None = None
    """None where it could not be measured, and in records made before it was."""
    update: str = ""
    """The adapter's `spec.update`: `full`, `low_rank` or `none`; empty in records made before it was written."""
    saved: Mapping[str, SavedFile] = field(default_factory=dict)
    """Files of the weights folder, by their paths in it; empty where nothing is saved, and in older records."""

    retrained_loss: float | None = None
    """The final loss of the weights that are saved, where they were trained again and ended with another loss."""

    def __post_init__(self) -> None:
        """Raise ValueError for a record that no row can be made of."""
        adapter, recipe = self.request.get("adapter"), self.request.get("recipe", {})
        if not isinstance(adapter, Mapping) or not isinstance(adapter.get("name"), str):
            raise ValueError("its request names no adapter")
        if not isinstance(recipe, Mapping) or not isinstance(recipe.get("lr", 0.0), int | float):
            raise ValueError("its request has no recipe")
        if "train" not in self.phases:
            raise ValueError("it has no costs of training")

    @property
    def updates(self) -> str:
        """Which kind of update this is. Of an older record: what its built-in adapter makes."""
        if self.update:
            return self.update
        return "none" if self.task is None else "full" if self.request["adapter"]["name"] == "full" else "low_rank"

    @property
    def retrained(self) -> str | None:
        """What has to be said of the saved weights, None where they are those of this training."""
        if self.retrained_loss is None:
            return None
        losses = f"{self.retrained_loss} after {self.training.final_loss}"
        return f"weights that were trained again, to a loss of {losses}"

    @property
    def updates_all(self) -> bool:
        """Whether all weights of all layers were trained: the reference that gaps are measured against."""
        return self.updates == "full" and self.trainable_parameters == self.total_parameters

    @property
    def layers(self) -> frozenset[int]:
        """The numbers of the blocks in which something was trained, read from the placement's module paths."""
        numbers = (_LAYER.search(path) for path in self.placement)
        return frozenset(int(number[1]) for number in numbers if number)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRecord:
    """A finished evaluation, in lm-eval's result keys."""

    schema: int = SCHEMA
    score_id: str
    cell_id: str
    task: str
    relation: str
    domain: str
    form: Mapping[str, str]
    source: str
    request: Mapping[str, Any]
    results: Mapping[str, float]
    counts: Mapping[str, int]
    marks: tuple[str, ...]
    samples_sha256: str
    phase: Phase
    provenance: Provenance
    shuffled: float | None = None
    """Mean `answer` of right answers to other items; None where no answers are written, and in older records."""
    lower_is_better: tuple[str, ...] = ()
    """Names of scores, beside the core's own, of which less is better."""
    subtasks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of a task of lm-eval: its tasks with version, solved examples, digest of the documents and results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A cell or evaluation that did not finish."""

    schema: int = SCHEMA
    cell_id: str
    status: Status
    score: str | None = None
    """The evaluation task, where training had finished."""
    error: str
    started: str
    seconds: float | None = None
    """Of the training or scoring until it failed; None for killed workers, skipped cells, and in older records."""


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
