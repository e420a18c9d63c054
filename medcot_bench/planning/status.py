"""What a plan still has to do in a result folder, why, and the disk that takes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import FINAL, Cell, Evaluation
from medcot_bench.results.records import CellRecord
from medcot_bench.results.saved_files import find_damage
from medcot_bench.results.store import Store
from medcot_bench.results.training_state import stopped_at
from medcot_bench.text import counted
from medcot_bench.types import Placement

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "lm_eval")
"""Packages whose version can change a number."""
LOST = "its evaluations are there, but not its cell.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellStatus:
    """What one cell needs."""

    cell: Cell
    action: Literal["train", "score", "done", "left"]
    """`left`: something is missing, and the run does not make it."""
    missing: tuple[Evaluation, ...]
    reason: str
    lost: bool = False
    """Whether evaluations are there whose training has no record: nobody knows of which weights they are."""


def cell_statuses(plan: Plan, store: Store, *, read: bool = False) -> list[CellStatus]:
    """Return what every cell of the plan needs, in the plan's order.

    Of saved weights the sizes are compared with the record, with `read` also the bytes where the times differ.
    """
    return [_todo(plan, store, cell, read) for cell in plan.cells]


def run_order(todos: list[CellStatus], plan: Plan) -> list[CellStatus]:
    """Sort what is to run so that cells on one base follow each other, those that write to it last.

    The base model comes first, then external adapters: what a model says is compared with what it says.
    """

    def key(todo: CellStatus) -> tuple[str, bool, bool, bool]:
        spec = plan.adapters[todo.cell.adapter].adapter.spec
        return spec.quantisation, spec.update == "full", todo.cell.task is not None, bool(spec.weights)

    return sorted(
        (todo for todo in todos if todo.action != "done"),
        key=lambda todo: (key(todo)[0] != "none", *key(todo)),
    )


def keeps_weights(plan: Plan, cell: Cell) -> bool:
    """Return whether a cell's weights stay on disk once it is scored."""
    update = plan.adapters[cell.adapter].adapter.spec.update
    keep = plan.study.keep_weights
    return update != "none" and (keep == "all" or (keep == "adapters" and update == "low_rank"))


def weight_bytes(plan: Plan, cell: Cell) -> int:
    """Estimate the bytes of a cell's saved weights, in fp32: a whole model, or two factors per placed module."""
    full = plan.adapters[cell.adapter].adapter.spec.update == "full"
    return 4 * (plan.base.info.parameters if full else _trained_parameters(plan, cell))


def state_bytes(plan: Plan, cell: Cell) -> int:
    """Estimate the most bytes that a training takes which is saved on its way, before it gives them back.

    That is what is trained, with two moments of the optimiser, and the best so far where the recipe selects one;
    all of it twice while a new state replaces the one before.
    """
    if cell.task is None:
        return 0
    copies = 4 if plan.recipe(cell).select_by == "val_nll" else 3
    return 2 * copies * 4 * _trained_parameters(plan, cell)


def package_versions() -> dict[str, str]:
    """Return the installed versions of these packages."""
    return {name: _version(name) for name in PACKAGES}


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def missing_evaluations(plan: Plan, store: Store, cell: Cell) -> tuple[Evaluation, ...]:
    """Return what of a cell is to be scored; all of it where the record of its training is gone."""
    planned = plan.evaluations_of(cell)
    trained = store.cell(cell) is not None
    return tuple(score for score in planned if not trained or store.evaluation(cell, score) is None)


def can_be_scored(store: Store, cell: Cell, scores: Iterable[Evaluation]) -> bool:
    """Return whether the weights that such evaluations take are there: the cell is not trained again for them."""
    record = store.cell(cell)
    return record is not None and not _damage(store, cell, record, read=False) and not _gone(store, cell, scores)


def _todo(plan: Plan, store: Store, cell: Cell, read: bool) -> CellStatus:
    untrained = plan.adapters[cell.adapter].adapter.spec.update == "none"
    record = store.cell(cell)
    missing = missing_evaluations(plan, store, cell)
    if record is None:
        lost, attempts = store.has_evaluations(cell), store.attempts(cell)
        first = "not scored yet" if untrained else "not trained yet"
        reason = f"last attempt: {attempts[-1].status}" if attempts else first
        reason = f"{LOST}: all is made again" if lost else reason
        if place := stopped_at(store.cell_folder(cell)):
            reason = f"{reason}; saved at step {place[0]} of {place[1]}"
        action: Literal["train", "score"] = "score" if untrained else "train"
        return CellStatus(cell=cell, action=action, missing=missing, reason=reason, lost=lost)
    damage = None if untrained else _damage(store, cell, record, read)
    if not missing and damage and keeps_weights(plan, cell):
        return CellStatus(cell=cell, action="train", missing=(), reason=f"{damage}: will train again")
    if not missing:
        return CellStatus(cell=cell, action="done", missing=(), reason=_done(record))
    reason = f"{len(missing)} of {counted(len(plan.evaluations_of(cell)), 'evaluation')} missing"
    if not untrained and (gone := damage or _gone(store, cell, missing)):
        return CellStatus(
            cell=cell, action="train", missing=missing, reason=f"{reason}, and {gone}: will train again"
        )
    return CellStatus(cell=cell, action="score", missing=missing, reason=reason)


def _damage(store: Store, cell: Cell, record: CellRecord, read: bool) -> str | None:
    """Say which saved file is not as it was, None where all are or the weights were not kept."""
    folder = store.weights_folder(cell)
    return find_damage(folder, record.saved, read="touched" if read else "nothing") if folder.is_dir() else None


def _gone(store: Store, cell: Cell, missing: Iterable[Evaluation]) -> str:
    """Say why a trained cell can't be scored without training it again, empty where it can."""
    if not store.weights_folder(cell).is_dir():
        return "its weights were not kept"
    return "checkpoints are not kept" if any(score.checkpoint != FINAL for score in missing) else ""


def _done(record: CellRecord) -> str:
    changed = _changed(record.provenance.packages, package_versions())
    return f"done, with {changed}" if changed else "done"


def _changed(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {then[name]} (now {now[name]})" for name in then if then[name] != now.get(name))


def _trained_parameters(plan: Plan, cell: Cell) -> int:
    chosen = plan.adapters[cell.adapter]
    update = chosen.adapter.spec.update
    if update == "none":
        return 0
    placement = chosen.place(plan.base.info, plan.base.modules, cell.seed or 0)
    if update == "full":
        placed = (module for module in plan.base.modules if module.path in placement)
        return sum(math.prod(shape) for module in placed for shape in module.shapes)
    return _factor_parameters(plan, placement, int(chosen.options.get("r", 0)))


def _factor_parameters(plan: Plan, placement: Placement, default_rank: int) -> int:
    shapes = {module.path: module.shapes[0] for module in plan.base.modules}
    return sum((default_rank if rank is None else rank) * sum(shapes[path]) for path, rank in placement.items())
