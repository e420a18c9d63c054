"""What names a training and an evaluation: keys, requests, and the ids that are hashes of requests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medcot_bench.study.spec_strings import NamedOptions
from medcot_bench.types import Relation

FINAL = "final"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One training, named by a hash of its request."""

    id: str
    task: str | None
    """Label of the training task; None for the untouched base."""
    adapter: str
    seed: int | None
    request: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The folder's name: readable parts, then the id."""
        task = NamedOptions(*_parse(self.task)).slug if self.task else "base"
        seed = "" if self.seed is None else f"__s{self.seed}"
        return f"{task}__{NamedOptions(*_parse(self.adapter)).slug}{seed}-{self.id}"

    @property
    def title(self) -> str:
        """The name for progress lines."""
        return " × ".join(
            part for part in (self.adapter, self.task, None if self.seed is None else f"seed {self.seed}") if part
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One evaluation of one cell, named by a hash of its request."""

    id: str
    cell: str
    task: str
    relation: Relation
    request: Mapping[str, Any]
    checkpoint: str = FINAL
    """`final`, or the share of the training that is done, e.g. `1/3`."""
    chooses: bool = False
    """Whether it chooses among learning rates."""
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
        return f"{NamedOptions(*_parse(self.task)).slug}-{self.id}"


def _parse(label: str) -> tuple[str, dict[str, str]]:
    name, _, options = label.partition(":")
    return name, dict(piece.partition("=")[::2] for piece in options.split(",") if piece)


def request_id(request: Mapping[str, Any]) -> str:
    """Return the id of a request: 12 hex digits of the SHA-256 of its canonical JSON."""
    text = json.dumps(request, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
