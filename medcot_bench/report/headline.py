"""What a finished study shows of the gap to full fine-tuning, and what it can't show, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from medcot_bench.analysis.per_item import base_of, paired_difference, references, rows_of, values_of
from medcot_bench.analysis.persistence import compute_persistence
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.leaderboard import USUAL, Effect, Persistence
from medcot_bench.results.metrics import ON_ANY_FORM
from medcot_bench.stats.contrasts import Contrast, Part, contrast, on_common_seeds

Rows = Mapping[tuple[str, str | None], Sequence[CellResult]]
"""(Adapter, training task) -> cells."""


def summarise(results: Results, judged: Sequence[Persistence] | None = None) -> str:
    """Return one plain sentence on full fine-tuning against one other adapter, in domain and under a shift.

    The adapter is the first that trains some layers only, else the first that isn't full. Gaps are paired by item
    and seed, with 95 % intervals, by the study's primary score or the first of the usual ones that is there; where
    0 is in the interval, the two are not told apart. `judged` is what `persistence` makes of the results, where it
    is known already.
    """
    judged = compute_persistence(results) if judged is None else judged
    rows = {key: done for key, cells in rows_of(results).items() if (done := [c for c in cells if c.record])}
    against = references(rows)
    for full, task in dict.fromkeys(against.values()):
        alike = {key: rows[key] for key, reference in against.items() if reference == (full, task)}
        if task is not None and (other := _other(alike, full, task)):
            return _compare(results, rows, task, full, other, judged)
    no_gap = "full fine-tuning and another adapter trained on the same task are not both there, so no gap is shown"
    gain = _gain(results, rows)
    return f"{gain}; {no_gap}." if gain else f"{no_gap[0].upper()}{no_gap[1:]}."


def _gain(results: Results, rows: Rows) -> str | None:
    """Say how far the first trained adapter is from the untouched base on its task, where both are there."""
    trained, base = next((key for key in rows if key[1] is not None), None), base_of(rows)
    if trained is None or base is None:
        return None
    adapter, task = trained
    values, groups = values_of(results, rows[trained], str(task))
    of_base, _ = values_of(results, rows[base], str(task))
    for score in _scores(results):
        own, untouched = values.get(score, {}), next(iter(of_base.get(score, {}).values()), {})
        if paired := paired_difference(own, dict.fromkeys(own, untouched), score):
            gain = contrast([Part(paired, groups)])
            said = f"{_gap_text(gain, adapter, base[0])} on that task; {_limits(gain, tuned=bool(results.trials))}"
            return f"Trained on {results.title(str(task))}, scored by {score}: {said}"
    return None


def _scores(results: Results) -> list[str]:
    """Return the scores to tell of, the first that is there: the primary one, then the usual ones."""
    return [*dict.fromkeys([results.analysis.primary, *USUAL])]


def _other(rows: Rows, full: str, task: str) -> str | None:
    records = {
        adapter: record
        for (adapter, trained_on), cells in rows.items()
        if trained_on == task and (record := next((cell.record for cell in cells if cell.record), None))
    }
    every = frozenset[int]().union(*(record.layers for record in records.values()))
    others = [adapter for adapter in records if adapter != full]
    partial = [a for a in others if records[a].updates != "full" and records[a].layers < every]
    return next(iter([*partial, *others]), None)


def _compare(results: Results, rows: Rows, task: str, full: str, other: str, judged: Sequence[Persistence]) -> str:
    ours, theirs = rows[full, task], rows[other, task]
    forms = {name: score.form for cell in ours for name, score in cell.evaluations.items()}
    relations = {name: score.relation for cell in ours for name, score in cell.evaluations.items()}
    shifts = [name for name in results.tasks if relations.get(name) == "shift"]
    # What can be compared comes first, and another domain before a graded shift.
    shift = min(shifts, key=lambda name: (forms[name] != forms.get(task), "@" in name), default=None)
    comparable = shift is None or forms.get(task) == forms[shift]
    for score in _scores(results) if comparable else [ON_ANY_FORM]:
        own = _gap(results, ours, theirs, task, score)
        if own is None:
            continue
        gap = contrast([own])
        found = _judged(judged, task, other, shift, score)
        tested = (found.same.gap, found.shift.gap, found.change) if found else (None, None, None)
        parts = [f"{_gap_text(gap, full, other, tested[0])} on that task"]
        apart = _gap(results, ours, theirs, shift, score) if shift else None
        if shift and apart and on_common_seeds([apart, own]):
            under_shift = contrast([apart])
            parts[0] += f", and {_gap_text(under_shift, full, other, tested[1])} on {results.title(shift)}"
            change = contrast([apart, replace(own, weight=-1.0)])
            parts.append(_change(change, gap, under_shift, full, other, tested[2]))
            parts += [f"adjusted for all that is compared, the verdict is: {found.verdict}"] if found else []
        parts.append(_limits(gap, tuned=bool(results.trials)))
        return f"Trained on {results.title(task)}, scored by {score}: {'; '.join(parts)}."
    return f"{full} and {other} share no score on {results.title(task)} yet, so no gap is shown."


def _gap(
    results: Results, full: Sequence[CellResult], other: Sequence[CellResult], task: str, score: str
) -> Part | None:
    """Return full less the other adapter, item by item and seed by seed, so that more is better for full."""
    values, groups = values_of(results, full, task)
    compared, _ = values_of(results, other, task)
    paired = paired_difference(values.get(score, {}), compared.get(score, {}), score)
    return Part(paired, groups) if paired else None


def _gap_text(gap: Contrast, full: str, other: str, adjusted: Effect | None = None) -> str:
    ahead, behind = (full, other) if gap.value >= 0 else (other, full)
    interval = gap.interval()
    if interval is None:
        found = (
            f"{ahead} is ahead of {behind} by {abs(gap.value):.2f}"
            if gap.value
            else f"{full} and {other} are alike"
        )
        return f"{found} (too few groups of items differ for an interval)"
    low, high = interval if gap.value >= 0 else (-interval[1], -interval[0])
    if low > 0:
        within = f"95 % interval {low:.2f} to {high:.2f}{_open(adjusted)}"
        return f"{ahead} is ahead of {behind} by {abs(gap.value):.2f} ({within})"
    return (
        f"{full} and {other} are not told apart ({ahead} ahead by {abs(gap.value):.2f}, {low:.2f} to {high:.2f})"
    )


def _open(adjusted: Effect | None) -> str:
    """Say of an effect that its interval tells from zero where the adjusted test does not."""
    if adjusted is None or adjusted.finding.sign != "open":
        return ""
    return "; not told from zero once adjusted"


def _change(
    change: Contrast, same: Contrast, under_shift: Contrast, full: str, other: str, adjusted: Effect | None
) -> str:
    """Say whether the gap is another one under shift: larger or smaller, or to whom it moves where sides swap."""
    interval = change.interval()
    if interval is None:
        return "whether the gap is another one under shift stays open"
    low, high = interval
    if low <= 0 <= high:
        between = f"{change.value:+.2f}, {low:.2f} to {high:.2f}"
        return f"whether the gap is another one under shift stays open (it differs by {between})"
    low, high = sorted((abs(low), abs(high)))
    size = f"by {abs(change.value):.2f} ({low:.2f} to {high:.2f}{_open(adjusted)})"
    if same.value * under_shift.value < 0:
        return f"under shift the gap moves towards {full if change.value > 0 else other}, {size}"
    grows = change.value * (same.value + under_shift.value) > 0
    return f"under shift the gap is {'larger' if grows else 'smaller'}, {size}"


def _judged(
    judged: Sequence[Persistence], task: str, adapter: str, shift: str | None, score: str
) -> Persistence | None:
    """Return what is found of a gap under a shift: unlike the intervals its tests are adjusted for all compared.

    One seed has no verdict: None.
    """
    asked = (task, adapter, shift, score)
    alike = (found for found in judged if (found.task, found.adapter, found.shift.task, found.score) == asked)
    return next((found for found in alike if found.same.gap.found.seeds > 1), None)


def _limits(gap: Contrast, *, tuned: bool) -> str:
    seeds = f"{gap.seeds} seeds" if gap.seeds > 1 else "one seed"
    seeds += "" if tuned else " at untuned learning rates"
    if gap.seeds == 1:
        return f"{seeds} describes two models and can't show how their methods differ"
    others = "models or data" if tuned else "rates, models or data"
    return f"{seeds} can't show whether this holds for other {others}"
