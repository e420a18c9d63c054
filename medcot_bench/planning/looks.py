"""How often a study grew by seeds once its results could be seen."""

from __future__ import annotations

from medcot_bench.results.cells import FINAL, CellKey
from medcot_bench.results.plan_file import PlanFile, PlannedCell
from medcot_bench.results.store import Store


def count_looks(before: PlanFile | None, now: PlanFile, store: Store) -> int:
    """Return the looks of a plan: those of the plan before it, and one more where it adds seeds to scored ones.

    Seeds that are scored already, since an older plan had them, add nothing, and seeds that both plans' precision
    rule adds are none that were added for what was seen. A plan that shares no training run with the one before is
    another study, without looks. Raises StoreError for records that can't be read.
    """
    if before is None:
        return 0
    old, new = ({cell.key.id: cell for cell in plan.cells if cell.key.task} for plan in (before, now))
    kept = [cell for made, cell in old.items() if made in new]
    if not kept:
        return 0
    if (rule := now.analysis.get("precision")) and rule == before.analysis.get("precision"):
        return before.looks
    grown = {_row(cell.key) for made, cell in new.items() if made not in old and not _is_scored(cell, store)}
    return before.looks + any(_row(cell.key) in grown and _is_scored(cell, store) for cell in kept)


def _row(key: CellKey) -> tuple[str, str | None]:
    return key.adapter, key.task


def _is_scored(cell: PlannedCell, store: Store) -> bool:
    return any(store.evaluation(cell.key, one) for one in cell.evaluations if one.checkpoint == FINAL)
