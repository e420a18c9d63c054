"""The gate for adapters that were not applied: a model that answers as the base model does, to the last digit."""

from __future__ import annotations

from collections.abc import Mapping

from medcot_bench.errors import GateError
from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import FINAL, Cell
from medcot_bench.results.items import read_items
from medcot_bench.results.store import Store


def refuse_unapplied(plan: Plan, store: Store, cell: Cell) -> None:
    """Set aside the evaluations of a cell that was not applied, of which all is as the base model says.

    They make no row, and GateError is raised. Nothing is said of a training without steps, which is the base model
    by design; where an evaluation has neither answers nor likelihoods per item; and where the base model is not
    among the adapters, or not scored yet.
    """
    base = next((one for one in plan.cells if one.task is None and not _weights(plan, one)), None)
    record = store.cell(cell)
    if base is None or cell == base or record is None or not (record.training.steps or _weights(plan, cell)):
        return
    own, of_base = _answers(plan, store, cell), _answers(plan, store, base)
    if own and all(answers and answers == of_base.get(task) for task, answers in own.items()):
        store.set_aside_evaluations(cell)
        raise GateError(
            f"every answer and likelihood equals the base model's, on {' and '.join(own)}: the adapter was not "
            "applied, or is one that changes nothing"
        )


def _weights(plan: Plan, cell: Cell) -> str:
    """Return what says which weights an external adapter has, empty of the others."""
    return plan.adapters[cell.adapter].adapter.spec.weights


def _answers(plan: Plan, store: Store, cell: Cell) -> dict[str, Mapping[str, str]]:
    """Return evaluation task -> digests of what the cell's model said, of those that are scored."""
    found = {}
    for key in plan.evaluations_of(cell):
        record = store.evaluation(cell, key) if key.checkpoint == FINAL and not key.baseline else None
        if record is not None:
            found[key.task] = read_items(store.samples(cell, key, record)).answers
    return found
