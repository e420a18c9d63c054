"""Under which conditions a study's results were made: items scored, chance accuracy, machines, versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import fmean

from medcot_bench.results.conditions import Counts, LmEvalTask, MadeBy, ScoredTask
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.records import EvaluationRecord


def read_scored_tasks(results: Results) -> dict[str, ScoredTask]:
    """Return evaluation task -> which items it was scored on."""
    return {task: _scored(results, task) for task in results.tasks}


def _scored(results: Results, task: str) -> ScoredTask:
    entry = results.tasks[task]
    cell = next((cell for cell in results.cells if task in cell.evaluations), None)
    if cell is None:
        return ScoredTask(left_out=entry.left_out, remarks=entry.notes)
    record = cell.evaluations[task]
    if record.subtasks:
        return ScoredTask(
            documents=record.counts["items"],
            lm_eval=_lm_eval_tasks(record),
            left_out=entry.left_out,
            remarks=entry.notes,
        )
    return ScoredTask(
        counts=_counts(record),
        chance=_chance(results, cell, task),
        shuffled=record.shuffled,
        by_baseline=dict(_other_counts(results, task, _counts(record))),
        left_out=entry.left_out,
        remarks=entry.notes,
    )


def _lm_eval_tasks(record: EvaluationRecord) -> Mapping[str, LmEvalTask]:
    return {
        name: LmEvalTask(str(one["version"]), int(one["num_fewshot"])) for name, one in record.subtasks.items()
    }


def _counts(record: EvaluationRecord) -> Counts:
    found = record.counts
    return Counts(found["items"], found["extractive"], found["shortened"], found["dropped"])


def _other_counts(results: Results, task: str, counts: Counts) -> Iterator[tuple[str, Counts]]:
    """Yield the prompting baselines whose counts differ."""
    for cell in results.cells:
        other = cell.evaluations.get(task) if cell.baseline else None
        if other is not None and _counts(other) != counts:
            yield cell.row, _counts(other)


def _chance(results: Results, cell: CellResult, task: str) -> float | None:
    """Return the mean over items of 1 / the number of their options, None for a task without options."""
    if cell.evaluations[task].form.get("answer") != "letter":
        return None
    options = results.items(cell, task).options
    return fmean(1 / count for count in options) if options else None


def read_made_by(results: Results) -> MadeBy:
    """Return the machines, engines and package versions of all records, and what trainings left out."""
    trained = [cell.record.provenance for cell in results.cells if cell.record]
    scored = [score.provenance for cell in results.cells for score in cell.evaluations.values()]
    machines = {cell.record.provenance.machine for cell in results.cells if cell.record and cell.cell.task}
    packages = {tuple(sorted(where.packages.items())) for where in [*trained, *scored]}
    return MadeBy(
        machines=tuple(sorted({f"{where.machine}, {where.dtype}" for where in [*trained, *scored]})),
        several_for_training=len(machines) > 1,
        engines=tuple(sorted({where.engine for where in scored})),
        packages=tuple(map(dict, sorted(packages))),
        overlong=_overlong(results),
    )


def _overlong(results: Results) -> dict[str, int]:
    found: dict[str, int] = {}
    for cell in results.cells:
        if cell.cell.task and cell.record and (dropped := cell.record.training.overlong_dropped):
            found[cell.cell.task] = max(dropped, found.get(cell.cell.task, 0))
    return found
