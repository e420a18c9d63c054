"""Results -> the rows of the leaderboard: one for every adapter and training task, over its seeds."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from medcot_bench.analysis.costs import average_costs, average_peak
from medcot_bench.analysis.drift import read_divergence, read_forgetting
from medcot_bench.analysis.lm_eval import average_whole_scores
from medcot_bench.analysis.per_item import (
    Key,
    Values,
    base_of,
    is_external,
    paired_difference,
    references,
    rows_of,
    values_of,
)
from medcot_bench.analysis.ranks import Ranks, rank_rows
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.leaderboard import Failure, Row, TaskScores
from medcot_bench.results.records import CellRecord
from medcot_bench.stats.contrasts import Contrast, Part, SeedValues, contrast, shared_items
from medcot_bench.stats.crossed import Weights
from medcot_bench.stats.p_values import difference, holm

Read = Mapping[Key, Mapping[str, tuple[Values, dict[str, str]]]]
"""Row -> evaluation task -> values, and item -> group."""


def build_rows(results: Results) -> tuple[Row, ...]:
    """Return the rows of a study's results, in the order of its plan."""
    grouped = rows_of(results)
    read = {
        key: {task: values_of(results, cells, task) for task in results.tasks} for key, cells in grouped.items()
    }
    full, base = references(grouped), base_of(grouped)
    ranks = rank_rows(results, grouped, read)
    every = _layers_by_task(grouped)
    rows = (
        Row(
            adapter=key[0],
            task=key[1],
            baseline=cells[0].baseline,
            reference=key == full.get(key),
            against=full[key][0] if full.get(key, key) != key else None,
            seeds=tuple(
                cell.cell.seed
                for cell in cells
                if cell.cell.seed is not None and len(cell.evaluations) == len(cell.planned)
            ),
            planned=tuple(task for task in results.tasks if any(task in cell.planned for cell in cells)),
            tasks=dict(_scores_by_task(results, grouped, read, key, (full.get(key), base), ranks)),
            costs=average_costs(
                key,
                cells,
                results.trials,
                results.kept_rates,
                average_peak(grouped[full[key]]) if key in full else None,
            ),
            divergence=read_divergence(cells),
            forgetting=read_forgetting(results, cells),
            failures=tuple(_failures(cells)),
            external=is_external(cells),
            update=record.updates if (record := _record_of(cells)) else "",
            some_layers=record is not None and record.layers < every.get(str(key[1]), frozenset()),
        )
        for key, cells in grouped.items()
    )
    return _with_gain_p_values(rows)


def _with_gain_p_values(made: Iterable[Row]) -> tuple[Row, ...]:
    """Return the rows with p-values of their gains, adjusted for all rows of a training task (Holm).

    Rows that are not trained in this study stand beside those of every training task: the largest counts.
    """
    rows = tuple(made)
    found: dict[tuple[int, str, str], float | None] = {}
    for trained in dict.fromkeys(row.task for row in rows if row.task) or [None]:
        places = [place for place, row in enumerate(rows) if row.task in (None, trained)]
        for task in dict.fromkeys(task for place in places for task in rows[place].tasks):
            gains = {place: rows[place].tasks[task].gains for place in places if task in rows[place].tasks}
            for score in dict.fromkeys(score for own in gains.values() for score in own):
                family = {place: difference(own[score]) for place, own in gains.items() if score in own}
                for place, p in zip(family, holm([*family.values()]), strict=True):
                    before = found.get((place, task, score))
                    found[place, task, score] = p if before is None or p is None else max(p, before)
    return tuple(
        replace(
            row,
            tasks={
                task: replace(part, gain_p_values={score: found[place, task, score] for score in part.gains})
                for task, part in row.tasks.items()
            },
        )
        for place, row in enumerate(rows)
    )


def _record_of(cells: Sequence[CellResult]) -> CellRecord | None:
    return next((cell.record for cell in cells if cell.record), None)


def _layers_by_task(rows: Mapping[Key, Sequence[CellResult]]) -> dict[str, frozenset[int]]:
    """Return training task -> the layers that some row of it trains."""
    found: dict[str, frozenset[int]] = {}
    for (_, task), cells in rows.items():
        if task and (record := _record_of(cells)):
            found[task] = found.get(task, frozenset()) | record.layers
    return found


def _failures(cells: Sequence[CellResult]) -> Iterator[Failure]:
    for cell in cells:
        if found := cell.failure:
            yield Failure(cell.cell.seed, found.score, found.status, found.error)


def _scores_by_task(
    results: Results,
    rows: Mapping[Key, Sequence[CellResult]],
    read: Read,
    key: Key,
    against: tuple[Key | None, Key | None],
    ranks: Ranks,
) -> Iterator[tuple[str, TaskScores]]:
    """Yield a row's scores on each task that has some; `against` are full fine-tuning and the base model."""
    cells = rows[key]
    full, base = (None if other == key else other for other in against)
    alike = results.analysis.weights
    for task in results.tasks:
        scored = [cell.evaluations[task] for cell in cells if task in cell.evaluations]
        if not scored:
            continue
        own, groups = read[key][task]
        lower = {name for score in scored for name in score.lower_is_better}
        marks = dict.fromkeys(mark for score in scored for mark in score.marks)
        yield (
            task,
            TaskScores(
                relation=scored[0].relation,
                scores=_means(own, groups, alike) | average_whole_scores(scored, own),
                gaps=_gaps(read[full][task][0], own, groups, lower, alike) if full else {},
                ranks=ranks.get((*key, task), {}),
                marks=tuple(marks),
                gains=_gains(read[base][task][0], own, groups, lower, alike) if base else {},
                unchanged=base is not None
                and not cells[0].baseline
                and all(
                    _answers_as(results, rows[base][0], cell, task) for cell in cells if task in cell.evaluations
                ),
            ),
        )


def _means(values: Mapping[str, SeedValues], groups: Mapping[str, str], alike: Weights) -> dict[str, Contrast]:
    """Return score -> mean over the items that all seeds have a value for, where there are some."""
    return {
        name: contrast([Part(by_seed, groups, alike=alike)])
        for name, by_seed in values.items()
        if shared_items(by_seed)
    }


def _gaps(
    full: Values, own: Values, groups: Mapping[str, str], lower: Container[str], alike: Weights
) -> dict[str, Contrast]:
    gaps = {name: paired_difference(full.get(name, {}), own[name], name, lower) for name in own}
    return _means(gaps, groups, alike)


def _gains(
    base: Values, own: Values, groups: Mapping[str, str], lower: Container[str], alike: Weights
) -> dict[str, Contrast]:
    """Compare with the base model, whose one row of values stands beside every seed."""
    of_base = {name: next(iter(by_seed.values()), {}) for name, by_seed in base.items()}
    gains = {
        name: paired_difference(own[name], dict.fromkeys(own[name], of_base[name]), name, lower)
        for name in own
        if name in of_base
    }
    return _means(gains, groups, alike)


def _answers_as(results: Results, base: CellResult, cell: CellResult, task: str) -> bool:
    """Whether a trained model answers exactly as the base model does (a gate of docs/scores.md)."""
    if task not in base.evaluations:
        return False
    before, after = (results.items(one, task).answers for one in (base, cell))
    return bool(after) and all(before.get(name) == digest for name, digest in after.items())
