"""Rows of one or two result folders against a baseline, item by item and seed by seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from medcot_bench.analysis.per_item import paired_difference, rows_of, values_of
from medcot_bench.errors import ConfigError
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.records import EvaluationRecord
from medcot_bench.stats.contrasts import Contrast, Part, SeedValues, contrast, shared_items
from medcot_bench.stats.inference import difference, holm


@dataclass(frozen=True, slots=True)
class Compared:
    """One row beside the baseline on one evaluation task."""

    adapter: str
    folder: int
    """Which of the folders it is from, 0 or 1."""
    trained: str | None
    task: str
    beside: str | None
    """The training task whose rows are compared with each other; None where nothing was trained."""
    mean: Contrast
    baseline: Contrast
    ahead: Contrast
    """How much better than the baseline, paired."""
    p_value: float | None
    """That it is not better or worse, adjusted for the rows of this training and evaluation task (Holm)."""
    better: int
    """Items on which it is better, in the mean over seeds."""
    worse: int


SHARED: Mapping[str, tuple[str, ...]] = {
    "items": ("items",),
    "prompts": ("prompt", "shots", "task"),
    "limits of generation": ("max_new_tokens", "max_length", "overlong"),
    "meaning of scores": ("scoring",),
}
"""What two folders have to share on a task, and the fields of a score's request that say it."""
Key = tuple[int, str, str | None]
"""Folder, adapter, training task."""


def compare(folders: Sequence[Results], baseline: str, score: str) -> list[Compared]:
    """Compare every row with the baseline of the first folder that was trained on the same task, or on none.

    Rows without this score, or without a seed and item that the baseline has, are left out. `baseline` is an
    adapter as rows name it (see `named`).
    """
    rows = {(n, *key): cells for n, results in enumerate(folders) for key, cells in rows_of(results).items()}
    found: list[Compared] = []
    tasks = dict.fromkeys(task for results in folders for task in results.tasks)
    trainings: list[str | None] = [*dict.fromkeys(trained for _, _, trained in rows if trained)] or [None]
    for task in tasks:
        for trained in trainings:
            reference = next((k for k in ((0, baseline, trained), (0, baseline, None)) if k in rows), None)
            if reference is None:
                continue
            of_task = [k for k in rows if k[2] in (None, trained) and k != reference]
            family = [
                compared
                for key in of_task
                if (compared := _pair(folders, rows, key, reference, task, trained, score)) is not None
            ]
            adjusted = holm([compared.p_value for compared in family])
            found += [replace(compared, p_value=p) for compared, p in zip(family, adjusted, strict=True)]
    return found


def left_out(folders: Sequence[Results], baseline: str) -> list[list[str]]:
    """Return, for each folder, its rows that `compare` has no baseline for: `ADAPTER on TASK`."""
    known = {trained for adapter, trained in rows_of(folders[0]) if adapter == baseline}
    return [
        [f"{adapter} on {trained}" for adapter, trained in rows_of(results) if trained not in {None, *known}]
        if None not in known
        else []
        for results in folders
    ]


def resolve_row(results: Results, baseline: str) -> str:
    """Return the adapter, as rows name it, that a baseline means; options may be left out where one has the name.

    Raises ConfigError for a baseline that is not there.
    """
    known = [*dict.fromkeys(adapter for adapter, _ in rows_of(results))]
    alike = [adapter for adapter in known if adapter.split(":")[0] == baseline]
    if baseline in known:
        return baseline
    if len(alike) == 1:
        return alike[0]
    raise ConfigError(f"--baseline {baseline}: there is no such row; rows: {', '.join(known)}")


def conflicts(one: Results, other: Results) -> Iterator[str]:
    """Yield why two folders should not be compared: what differs of items, prompts, engine and training data."""
    for task in (task for task in one.tasks if task in other.tasks):
        first, second = (next(_scores(results, task), None) for results in (one, other))
        if first is None or second is None:
            continue
        differing = [what for what, keys in SHARED.items() if _asked(first, keys) != _asked(second, keys)]
        yield from (f"{task}: other {what}" for what in differing)
        engines = [
            " and ".join(sorted({score.provenance.engine for score in _scores(results, task)}))
            for results in (one, other)
        ]
        if engines[0] != engines[1]:
            yield f"{task}: scored by the engine {engines[0]} in the first, by {engines[1]} in the other"
    for trained in dict.fromkeys(cell.cell.task for cell in one.cells if cell.cell.task):
        data = [
            {
                cell.record.request.get("train")
                for cell in results.cells
                if cell.record and cell.cell.task == trained
            }
            for results in (one, other)
        ]
        if all(data) and data[0] != data[1]:
            yield f"{trained}: other training items"


def _asked(score: EvaluationRecord, keys: Sequence[str]) -> list[Any]:
    return [score.request.get(key) for key in keys]


def _scores(results: Results, task: str) -> Iterator[EvaluationRecord]:
    return (cell.evaluations[task] for cell in results.cells if task in cell.evaluations and not cell.baseline)


def _pair(
    folders: Sequence[Results],
    rows: Mapping[Key, Sequence[CellResult]],
    key: Key,
    reference: Key,
    task: str,
    beside: str | None,
    score: str,
) -> Compared | None:
    values, groups = values_of(folders[key[0]], rows[key], task)
    others, _ = values_of(folders[0], rows[reference], task)
    own, base = _same_seeds(values.get(score, {}), others.get(score, {}), key[2] is None, reference[2] is None)
    lower = {
        name for cell in rows[key] if task in cell.evaluations for name in cell.evaluations[task].lower_is_better
    }
    gap = paired_difference(own, base, score, lower)
    items = shared_items(gap)
    if not items:
        return None

    def mean(table: SeedValues) -> Contrast:
        return contrast([Part({seed: {i: table[seed][i] for i in items} for seed in gap}, groups)])

    lead = mean(gap)
    by_item = [fmean(row[item] for row in gap.values()) for item in items]
    return Compared(
        adapter=key[1],
        folder=key[0],
        trained=key[2],
        task=task,
        beside=beside,
        mean=mean(own),
        baseline=mean(base),
        ahead=lead,
        p_value=difference(lead),
        better=sum(value > 0 for value in by_item),
        worse=sum(value < 0 for value in by_item),
    )


def _same_seeds(
    own: SeedValues, base: SeedValues, own_untouched: bool, base_untouched: bool
) -> tuple[SeedValues, SeedValues]:
    """Give the untouched base's one answer to every seed of the other side."""
    if own and base and own_untouched != base_untouched:
        if own_untouched:
            own = dict.fromkeys(base, next(iter(own.values())))
        else:
            base = dict.fromkeys(own, next(iter(base.values())))
    return own, base
