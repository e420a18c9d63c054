"""How far training took the models from their base model: KL on the task, forgetting of general text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.leaderboard import Forgotten


def read_divergence(cells: Iterable[CellResult]) -> dict[int, float]:
    """Return seed -> KL. Runs that a study of fewer items made were measured on those, and are left out."""
    measured = {c.cell.seed: c.record.divergence for c in cells if c.record and c.record.divergence}
    most = max((found.tokens for found in measured.values()), default=0)
    return {seed: found.kl for seed, found in measured.items() if seed is not None and found.tokens == most}


def read_forgetting(results: Results, cells: Sequence[CellResult]) -> Forgotten | None:
    """Return what a row forgot, by its runs that were measured on the study's own text; None without one."""
    measured = {
        cell.cell.seed or 0: cell.record.forgetting
        for cell in cells
        if not cell.baseline
        and cell.record
        and cell.record.forgetting
        and cell.record.forgetting.text == results.plan.general_text
    }
    if not measured:
        return None
    changes = {seed: found.nll - found.base for seed, found in measured.items()}
    return Forgotten(fmean(found.nll for found in measured.values()), changes)


def runs_on_other_texts(results: Results) -> Iterator[str]:
    """Yield the training runs whose forgetting was measured on another text than the study's."""
    for result in results.cells:
        found = result.record.forgetting if result.record else None
        if found and not result.baseline and found.text != results.plan.general_text:
            yield result.cell.title
