"""The rows of each training task that gaps to full fine-tuning are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from medcot_bench.analysis.per_item import Key, Values, base_of, references, rows_of, values_of
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.stats.contrasts import SeedValues, shared_items

Read = tuple[Values, Mapping[str, str]]
"""Score -> seed -> item -> value, and item -> group."""


@dataclass(frozen=True)
class Trained:
    """The rows of one training task: full fine-tuning as the reference, and the base model."""

    results: Results
    task: str
    reference: str
    adapters: Sequence[str]
    """Those that were trained on the items of the reference."""
    rows: Mapping[Key, Sequence[CellResult]]
    base: Mapping[str, Read]
    """Evaluation task -> the base model's values; empty without a base model."""

    @cached_property
    def shifts(self) -> list[str]:
        """The evaluation tasks that are out of domain."""
        relations = {task: score.relation for cell in self._full for task, score in cell.evaluations.items()}
        return [task for task in self.results.tasks if relations.get(task) == "shift"]

    @cached_property
    def forms(self) -> dict[str, Mapping[str, str]]:
        """Evaluation task -> the form of its items."""
        return {task: score.form for cell in self._full for task, score in cell.evaluations.items()}

    @cached_property
    def full(self) -> dict[str, Read]:
        """Evaluation task -> full fine-tuning's values."""
        return self.read(self.reference)

    @property
    def _full(self) -> Sequence[CellResult]:
        return self.rows[self.reference, self.task]

    def read(self, adapter: str) -> dict[str, Read]:
        """Return evaluation task -> an adapter's values, in domain and on every shift."""
        cells = self.rows[adapter, self.task]
        return {task: values_of(self.results, cells, task) for task in (self.task, *self.shifts)}

    def of_base(self, task: str, score: str) -> Mapping[str, float]:
        """Return the base model's item -> value, none without a base model."""
        return next(iter(self.base[task][0].get(score, {}).values()), {}) if self.base else {}

    def compared_items(self, task: str, score: str, gaps: SeedValues) -> set[str]:
        """Return the items that a gap is the mean of: those of every seed, and of the base model if it has any."""
        items = shared_items(gaps)
        return items & self.of_base(task, score).keys() or items


def read_trainings(results: Results) -> Iterator[Trained]:
    """Yield the rows of every training task and set of training items that has full fine-tuning.

    That is the first row that trains every weight; without it there is nothing to compare with.
    """
    rows = rows_of(results)
    against = references(rows)
    base = base_of(rows)
    of_base = {task: values_of(results, rows[base], task) for task in results.tasks} if base else {}
    for full in dict.fromkeys(against.values()):
        adapters = [key[0] for key, reference in against.items() if reference == full and key != full]
        yield Trained(results, str(full[1]), full[0], adapters, rows, of_base)
