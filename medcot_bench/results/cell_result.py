"""One training run of a plan, as far as a result folder has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from medcot_bench.results.cells import CellKey, EvaluationKey
from medcot_bench.results.records import Attempt, CellRecord, EvaluationRecord


@dataclass(frozen=True, slots=True)
class CellResult:
    """One planned cell: its record and scores as far as they are there, and what failed last."""

    cell: CellKey
    record: CellRecord | None
    planned: tuple[str, ...]
    """The evaluation tasks that it is to be scored on."""
    evaluations: Mapping[str, EvaluationRecord]
    """Evaluation task -> record."""
    checkpoints: Mapping[tuple[str, str], EvaluationRecord]
    """(Checkpoint, evaluation task) -> record of a model on the way."""
    failure: Attempt | None
    """The latest attempt, where something is still missing."""
    baseline: str = ""
    """The prompting baseline whose scores these are, e.g. `few_shot=5`; a row of its own."""
    whole: bool = True
    """Whether nothing of it is missing, checkpoints with it."""
    keys: Mapping[tuple[str, str], EvaluationKey] = field(default_factory=dict, repr=False)
    """(Checkpoint, evaluation task) -> which evaluation that is."""

    @property
    def row(self) -> str:
        """The name of its row: the adapter, and the prompt where that is not the study's."""
        return f"{self.cell.adapter} ({self.baseline})" if self.baseline else self.cell.adapter
