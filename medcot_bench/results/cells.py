"""What names a training and an evaluation: keys, requests, and the ids that are hashes of requests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medcot_bench.study.spec_strings import Spec
from medcot_bench.types import Relation

FINAL = "final"
"""The checkpoint at the end of a training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellKey:
    """Which training a record, an attempt or a row is of."""

    id: str
    task: str | None
    """Label of the training task; None where nothing is trained."""
    adapter: str
    seed: int | None

    @property
    def name(self) -> str:
        """The folder's name: readable parts, then the id."""
        task = Spec.read(self.task).slug if self.task else "base"
        seed = "" if self.seed is None else f"__s{self.seed}"
        return f"{task}__{Spec.read(self.adapter).slug}{seed}-{self.id}"

    @property
    def title(self) -> str:
        """The name for progress lines."""
        return " × ".join(
            part for part in (self.adapter, self.task, None if self.seed is None else f"seed {self.seed}") if part
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell(CellKey):
    """One training of a plan: its key, and the request that its id is a hash of."""

    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationKey:
    """Which evaluation of a cell a record or a sample file is of."""

    id: str
    cell: str
    """Id of the cell."""
    task: str
    checkpoint: str = FINAL
    """`final`, or the share of the training that is done, e.g. `1/3`."""
    baseline: str = ""
    """The prompting baseline that it is, e.g. `few_shot=5`."""

    @property
    def title(self) -> str:
        """The evaluation task; by which other prompt; where in its training the model is, if not at the end."""
        task = f"{self.task} ({self.baseline})" if self.baseline else self.task
        return task if self.checkpoint == FINAL else f"{task} at {self.checkpoint}"

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return f"{Spec.read(self.task).slug}-{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation(EvaluationKey):
    """One evaluation of a plan: its key, what it is to the cell, and the request that its id is a hash of."""

    relation: Relation
    request: Mapping[str, Any]
    chooses: bool = False
    """Whether it chooses among learning rates."""


def request_id(request: Mapping[str, Any]) -> str:
    """Return the id of a request: 12 hex digits of the SHA-256 of its canonical JSON."""
    text = json.dumps(request, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def cluster(task: str, group: str) -> str:
    """Return an item's group, unlike those of other tasks: two files may number their pages alike.

    A task in another wording, or under a graded shift, has the groups of the task itself.

    >>> cluster("k8s_qa@unseen_range:level=hard", "page 3")
    'k8s_qa page 3'
    """
    return f"{Spec.read(task).stem} {group}"
