"""Results -> leaderboard: one row for every adapter and training task, over its seeds."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from math import fsum
from statistics import fmean

from medcot_bench.analysis.data_scaling import size_trends
from medcot_bench.analysis.drift import divergence, forgotten
from medcot_bench.analysis.factors import factor_effects
from medcot_bench.analysis.lm_eval import headlines, lower_scores, names_in_files, whole_scores
from medcot_bench.analysis.matched import matched_gaps
from medcot_bench.analysis.notes import failures, notes
from medcot_bench.analysis.per_item import Values, base_of, paired_difference, references, rows_of, values_of
from medcot_bench.analysis.persistence import compute_persistence
from medcot_bench.analysis.prompt_wording import prompt_effects
from medcot_bench.analysis.ranks import rank_rows
from medcot_bench.analysis.recipe_differences import recipe_notes
from medcot_bench.analysis.vs_prompting import compare_with_prompting
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.leaderboard import (
    Costs,
    Leaderboard,
    Row,
    TaskScores,
)
from medcot_bench.results.metrics import CORE_METRICS
from medcot_bench.stats.contrasts import Contrast, Part, SeedValues, contrast, shared_items

UNCHANGED = "every prediction and likelihood equals the base's: the model did not change"


def build(results: Results) -> Leaderboard:
    """Build the leaderboard of a study's results, in the order of its plan."""
    grouped = rows_of(results)
    values = {
        key: {task: values_of(results, cells, task) for task in results.tasks} for key, cells in grouped.items()
    }
    full, untouched = references(grouped), base_of(grouped)
    ranks = rank_rows(results, grouped, values)
    rows = []
    for key, cells in grouped.items():
        reference = full.get(key)
        tasks = {}
        for task in results.tasks:
            scored = [cell.evaluations[task] for cell in cells if task in cell.evaluations]
            if not scored:
                continue
            own, groups = values[key][task]
            lower = {name for score in scored for name in score.lower_is_better}
            gaps = _gaps(values[reference][task][0], own, groups, lower) if reference not in (None, key) else {}
            gains = _gains(values[untouched][task][0], own, groups, lower) if untouched not in (None, key) else {}
            marks = dict.fromkeys(mark for score in scored for mark in score.marks)
            if (
                untouched not in (None, key)
                and not cells[0].baseline
                and all(
                    _same_as_base(results, grouped[untouched][0], c, task) for c in cells if task in c.evaluations
                )
            ):
                marks[UNCHANGED] = None
            tasks[task] = TaskScores(
                scored[0].relation,
                _means(own, groups) | whole_scores(scored, own),
                gaps,
                ranks.get((*key, task), {}),
                tuple(marks),
                gains,
            )
        peak_of_full = _peak(grouped[reference]) if reference else None
        rows.append(
            Row(
                key[0],
                key[1],
                cells[0].baseline,
                key == reference,
                tuple(
                    cell.cell.seed
                    for cell in cells
                    if cell.cell.seed is not None and len(cell.evaluations) == len(cell.planned)
                ),
                tuple(task for task in results.tasks if any(task in cell.planned for cell in cells)),
                tasks,
                _costs(results, key, cells, peak_of_full),
                divergence(cells),
                forgotten(results, cells),
                tuple(failures(cells)),
            )
        )
    found = {name for row in rows for task in row.tasks.values() for name in task.scores}
    order = [name for name in CORE_METRICS if name in found]
    return Leaderboard(
        base=results.base,
        tasks={task: results.title(task) for task in results.tasks},
        domains={task: entry.domain for task, entry in results.tasks.items()},
        rows=tuple(rows),
        scores=(*order, *sorted(found - set(order))),
        persistence=compute_persistence(results),
        matched=matched_gaps(results),
        factors=factor_effects(results),
        prompts=prompt_effects(results),
        sizes=size_trends(results),
        prompted=compare_with_prompting(results),
        trials=results.trials,
        unfinished=len({cell.cell.id for cell in results.cells if not cell.whole}),
        notes=(*recipe_notes(results), *notes(results)),
        headlines=headlines(results),
        lower=lower_scores(results),
        names_in_files=names_in_files(results),
        primary=results.analysis.primary,
        margins=results.analysis.margins,
    )


def _means(values: Mapping[str, SeedValues], groups: Mapping[str, str]) -> dict[str, Contrast]:
    """Return score -> mean over the items that all seeds have a value for, where there are some."""
    return {name: contrast([Part(by_seed, groups)]) for name, by_seed in values.items() if shared_items(by_seed)}


def _gaps(full: Values, own: Values, groups: Mapping[str, str], lower: Container[str]) -> dict[str, Contrast]:
    return _means({name: paired_difference(full.get(name, {}), own[name], name, lower) for name in own}, groups)


def _gains(base: Values, own: Values, groups: Mapping[str, str], lower: Container[str]) -> dict[str, Contrast]:
    """Compare with the base, whose one row of values stands beside every seed."""
    untouched = {name: next(iter(by_seed.values()), {}) for name, by_seed in base.items()}
    beside = {name: dict.fromkeys(own[name], untouched[name]) for name in own.keys() & untouched.keys()}
    gains = {name: paired_difference(own[name], beside[name], name, lower) for name in own if name in beside}
    return _means(gains, groups)


def _same_as_base(results: Results, base: CellResult, cell: CellResult, task: str) -> bool:
    """Whether a trained model answers exactly as the untouched base does (a gate of docs/scores.md)."""
    if task not in base.evaluations or task not in cell.evaluations:
        return False
    before, after = results.samples(base, task), results.samples(cell, task)
    compared = [
        name
        for name in ("prediction", "gold_loglikelihood", "option_loglikelihoods")
        if after[0].get(name) is not None
    ]
    answers = [[(s["id"], *(s[name] for name in compared)) for s in samples] for samples in (before, after)]
    return bool(compared) and answers[0] == answers[1]


def _peak(cells: Iterable[CellResult]) -> float | None:
    peaks = [cell.record.phases["train"].peak_bytes for cell in cells if cell.record]
    return fmean(peaks) if peaks else None


def _costs(
    results: Results, key: tuple[str, str | None], cells: Sequence[CellResult], peak_of_full: float | None
) -> Costs | None:
    records = [cell.record for cell in cells if cell.record]
    if not records:
        return None
    train = [record.phases["train"] for record in records]
    tokens, seconds = fmean(phase.tokens for phase in train), fmean(phase.seconds for phase in train)
    peak = fmean(phase.peak_bytes for phase in train)
    measured = [record.phases["measure"].seconds for record in records if "measure" in record.phases]
    scored = [
        sum(score.phase.seconds for score in cell.evaluations.values()) for cell in cells if cell.evaluations
    ]
    return Costs(
        trainable_parameters=records[0].trainable_parameters,
        adapter_bytes=records[0].adapter_bytes,
        peak_bytes=round(peak),
        peak_vs_full=peak / peak_of_full if peak_of_full else None,
        train_tokens=tokens,
        train_seconds=seconds,
        tokens_per_second=tokens / seconds if tokens else None,
        score_seconds=fmean(scored) if scored else 0.0,
        tuning_seconds=fsum(t.cost for t in results.trials if (t.adapter, t.task) == key),
        lr=records[0].request.get("recipe", {}).get("lr"),
        steps=records[0].training.steps,
        measure_seconds=fmean(measured) if measured else None,
        machines=tuple(sorted({record.provenance.machine for record in records})),
    )
