"""Rows of one or two result folders against a baseline, paired by item and seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from medcot_bench.analysis.per_item import paired_difference, references, rows_of, values_of
from medcot_bench.errors import ConfigError
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.records import EvaluationRecord
from medcot_bench.stats.contrasts import Contrast, Part, SeedValues, contrast, shared_items
from medcot_bench.stats.p_values import difference, holm
from medcot_bench.study.spec_strings import Spec


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
    """Of no difference, adjusted for the rows of this training and evaluation task (Holm)."""
    better: int
    """Items on which it is better, in the mean over seeds."""
    worse: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why two folders should not be compared on a task."""

    task: str
    what: str
    """What differs: a key of SHARED, `engine` or `training items`."""
    sides: tuple[str, str] | None = None
    """What the first and the second folder have, where that can be named."""


SHARED: Mapping[str, tuple[str, ...]] = {
    "items": ("items",),
    "prompts": ("prompt", "shots", "task"),
    "generation limits": ("max_new_tokens", "max_length", "overlong", "stop", "end_tokens"),
    "scoring version": ("scoring",),
}
"""What two folders have to share on a task, and the fields of an evaluation's request that say it."""
Key = tuple[int, str, str | None]
"""Folder, adapter, training task."""


def compare(folders: Sequence[Results], baseline: str, score: str) -> list[Compared]:
    """Compare every row with the baseline of the first folder that was trained on the same task, or on none.

    Rows without this score, or without a seed and item that the baseline has, are left out. `baseline` is an
    adapter as rows name it (see `resolve_row`).
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


def rows_without_baseline(folders: Sequence[Results], baseline: str) -> list[list[tuple[str, str]]]:
    """Return, for each folder, the rows (adapter, training task) that `compare` has no baseline for."""
    known = {trained for adapter, trained in rows_of(folders[0]) if adapter == baseline}
    if None in known:
        return [[] for _ in folders]
    return [
        [(adapter, trained) for adapter, trained in rows_of(results) if trained and trained not in known]
        for results in folders
    ]


def default_baseline(results: Results) -> str:
    """Return the row that gaps are measured against: the first that trains all weights, else one called `full`."""
    return next((key[0] for key in references(rows_of(results)).values()), "full")


def resolve_row(results: Results, baseline: str) -> str:
    """Return the adapter, as rows name it, that a baseline means; options may be left out where one has the name.

    Raises ConfigError for a baseline that is not there.
    """
    known = [*dict.fromkeys(adapter for adapter, _ in rows_of(results))]
    alike = [adapter for adapter in known if Spec.read(adapter).name == baseline]
    if baseline in known:
        return baseline
    if len(alike) == 1:
        return alike[0]
    raise ConfigError(f"--baseline {baseline}: no such row; rows: {', '.join(known)}")


def find_conflicts(one: Results, other: Results) -> Iterator[Conflict]:
    """Yield why two folders should not be compared: what differs of items, prompts, engine and training items."""
    for task in (task for task in one.tasks if task in other.tasks):
        first, second = (next(_scores(results, task), None) for results in (one, other))
        if first is None or second is None:
            continue
        differing = [what for what, keys in SHARED.items() if _asked(first, keys) != _asked(second, keys)]
        yield from (Conflict(task, what) for what in differing)
        first_engines, other_engines = (_engines(results, task) for results in (one, other))
        if first_engines != other_engines:
            yield Conflict(task, "engine", (first_engines, other_engines))
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
            yield Conflict(str(trained), "training items")


def _engines(results: Results, task: str) -> str:
    return " and ".join(sorted({score.provenance.engine for score in _scores(results, task)}))


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
        values = {seed: {i: table[seed][i] for i in items} for seed in gap}
        return contrast([Part(values, groups, alike=folders[key[0]].analysis.weights)])

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
    own: SeedValues, base: SeedValues, own_untrained: bool, base_untrained: bool
) -> tuple[SeedValues, SeedValues]:
    """Give the one answer of a model without seeds to every seed of the other side."""
    if own and base and own_untrained != base_untrained:
        if own_untrained:
            own = dict.fromkeys(base, next(iter(own.values())))
        else:
            base = dict.fromkeys(own, next(iter(base.values())))
    return own, base
