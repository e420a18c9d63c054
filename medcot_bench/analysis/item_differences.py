"""The items on which methods differ most, with what each answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from medcot_bench.analysis.per_item import rows_of, values_of
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.metrics import higher_is_better

Row = tuple[int, str]
"""Folder, and the row's name."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What one method made of an item."""

    folder: int
    """Which of the folders it is from."""
    method: str
    value: float
    """Its score, the mean over seeds."""
    answer: str | None
    """Of its first seed; None where none was generated."""


@dataclass(frozen=True, slots=True)
class ItemDifference:
    """One item, and what the methods made of it."""

    item: str
    question: str | None
    """What was asked, or the end of the prompt; None in folders made before samples kept them."""
    options: Mapping[str, str]
    """Letter -> text, of a multiple choice."""
    right: str
    difference: float
    """The highest score less the lowest."""
    answers: tuple[Answered, ...]


@dataclass(frozen=True, slots=True)
class TaskDifferences:
    """The items of one evaluation task on which rows of one training task, and the base model, differ."""

    trained: str | None
    task: str
    lower_is_better: bool
    differing: int
    """Items on which scores differ at all."""
    items: tuple[ItemDifference, ...]
    """Those that differ most, the first in front."""


ASKED = 300
"""Characters of a prompt's end that stand in for a question."""


def find_item_differences(folders: Sequence[Results], score: str, count: int) -> Iterator[TaskDifferences]:
    """Yield for each training and evaluation task the `count` items on which methods differ most by a score.

    Tasks on which fewer than two methods have the score are left out. Of equal differences the first item comes
    first.
    """
    rows = {(n, *key): cells for n, results in enumerate(folders) for key, cells in rows_of(results).items()}
    trainings: list[str | None] = [*dict.fromkeys(trained for _, _, trained in rows if trained)] or [None]
    for task in dict.fromkeys(task for results in folders for task in results.tasks):
        for trained in trainings:
            cells = {(n, name): found for (n, name, of), found in rows.items() if of in (None, trained)}
            means = {row: mean for row, of in cells.items() if (mean := _means(folders[row[0]], of, task, score))}
            if len(means) > 1:
                made = {row: cells[row] for row in means}
                differing, items = _most_different(folders, made, means, task, count)
                yield TaskDifferences(trained, task, _is_lower(made, task, score), differing, items)


def _means(results: Results, cells: Sequence[CellResult], task: str, score: str) -> dict[str, float]:
    """Return item -> score, the mean over the seeds that have it."""
    seeds = values_of(results, cells, task)[0].get(score, {})
    items = dict.fromkeys(item for values in seeds.values() for item in values)
    return {item: fmean(values[item] for values in seeds.values() if item in values) for item in items}


def _most_different(
    folders: Sequence[Results],
    rows: Mapping[Row, Sequence[CellResult]],
    means: Mapping[Row, Mapping[str, float]],
    task: str,
    count: int,
) -> tuple[int, tuple[ItemDifference, ...]]:
    """Return how many items differ, and those that differ most."""
    by_item: dict[str, list[float]] = {}
    for mean in means.values():
        for item, value in mean.items():
            by_item.setdefault(item, []).append(value)
    spread = {item: max(values) - min(values) for item, values in by_item.items()}
    differing = [item for item in spread if spread[item] > 0]
    chosen = sorted(differing, key=lambda item: -spread[item])[:count]
    samples = {row: _samples(folders[row[0]], cells, task) for row, cells in rows.items()} if chosen else {}
    found = []
    for item in chosen:
        of_item = {row: by_id[item] for row, by_id in samples.items() if item in by_id}
        answers = (
            Answered(*row, means[row][item], of_item.get(row, {}).get("prediction"))
            for row in rows
            if item in means[row]
        )
        right = next((str(sample["target"]).strip() for sample in of_item.values() if "target" in sample), "")
        asked, options = _asked(of_item.values())
        found.append(ItemDifference(item, asked, options, right, spread[item], tuple(answers)))
    return len(differing), tuple(found)


def _is_lower(rows: Mapping[Row, Sequence[CellResult]], task: str, score: str) -> bool:
    """Whether less is better of a score."""
    records = (cell.evaluations[task] for cells in rows.values() for cell in cells if task in cell.evaluations)
    return not higher_is_better(score) or any(score in record.lower_is_better for record in records)


def _samples(results: Results, cells: Sequence[CellResult], task: str) -> dict[str, Mapping[str, Any]]:
    """Return item -> the sample of the first seed that was scored."""
    first = next(cell for cell in cells if task in cell.evaluations)
    return {sample["id"]: sample for sample in results.samples(first, task)}


def _asked(samples: Iterable[Mapping[str, Any]]) -> tuple[str | None, Mapping[str, str]]:
    """Return what was asked and its options, by the first sample that kept it."""
    kept = next((sample for sample in samples if sample.get("question") or sample.get("prompt")), None)
    if kept is None:
        return None, {}
    return kept.get("question") or kept["prompt"][-ASKED:], kept.get("options") or {}
