"""The answer as tables: gaps in domain and under shift, how they differ, and the verdict with what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medcot_bench.analysis.learning_rates import about_rates
from medcot_bench.report.format import span
from medcot_bench.results.leaderboard import Effect, Leaderboard, Persistence, Side
from medcot_bench.results.metrics import ON_ANY_FORM
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.power import detectable, largest
from medcot_bench.stats.ratios import Ratio
from medcot_bench.stats.verdict import Verdict

Table = tuple[list[str], list[list[str]]]
"""Headers and rows."""
FEW_GROUPS = 15
NOT_COMPARABLE = str(Verdict.NOT_COMPARABLE)
RULE = (
    "Gaps are full fine-tuning less the adapter, paired by item and seed and turned so that more is better for "
    "full; in brackets 95 % intervals over groups of items and seeds. The change is the gap under shift less "
    "the gap on the training task, the ratio the first as a share of the second (Fieller's set; unbounded "
    "where the gap on the training task may be zero, or too few groups differ). The verdict is the first that "
    "holds: no gap in domain (the gap on the training task lies within the margin); adapter better in domain; "
    "undetermined (that gap is not told from zero); persists (a gap under shift, changed by less than the "
    "margin); vanishes (the gap under shift lies within the margin, and is smaller); reverses; widens; "
    "shrinks; undetermined. Tests are at 5 %, adjusted for their family (Holm): the study's hypotheses by its "
    "primary score, over all training tasks, numbers of training items, adapters and shifts; what is marked as "
    "exploration is a family likewise, one for each score. In each the gaps on training tasks, the gaps under "
    "shift and the changes are adjusted apart. By them an effect is above or below zero, or open, and within "
    "the margin or not. Intervals are not adjusted: one without 0 in it can go with an open effect. McNemar's "
    "tests, one a seed, are exact, not adjusted, and take items as independent."
)
"""What the tables mean, for under them."""
BASIS = (
    "What the verdicts rest on, with the adjusted p-values of two tests (that the effect is zero; that it is the "
    "margin or more from zero):"
)
"""What stands above the table of tests."""


def verdicts(leaderboard: Leaderboard, score: str) -> Table:
    """Return the table of gaps and verdicts by one score."""
    headers = ["trained on", "adapter", "shift", "gap on that task", "gap under shift", "change", "ratio"]
    rows = []
    for found in _of(leaderboard, score):
        gaps = [_effect(effect) for effect in (found.same.gap, found.shift.gap, found.change)]
        rows.append([*_names(leaderboard, found), *gaps, ratio(found.ratio), verdict(found)])
    return [*headers, "verdict"], rows


def basis(leaderboard: Leaderboard, score: str) -> Table:
    """Return what the tests behind each verdict say, with their adjusted p-values."""
    headers = ["trained on", "adapter", "shift", "gap on that task", "gap under shift", "change", "verdict"]
    rows = [
        [
            *_names(leaderboard, found),
            *map(_tests, (found.same.gap, found.shift.gap, found.change)),
            verdict(found),
        ]
        for found in _of(leaderboard, score)
    ]
    return headers, rows


def means(leaderboard: Leaderboard, score: str) -> Table:
    """Return the means behind the gaps, the gains over the base, and how steady the models are."""
    headers = ["trained on", "adapter", "scored on", "base", "full", "adapter's"]
    headers += ["gain of full", "gain of adapter", "recovered", "seeds apart: full, adapter", "McNemar's p"]
    rows: list[list[str]] = []
    for trained, adapter, side in _sides(leaderboard, score):
        numbers = [interval(found) for found in (side.base, side.full, side.adapter)]
        gains = [interval(found, signed=True) for found in (side.full_gain, side.adapter_gain)]
        wobble = [f"{value:.3f}" for value in (side.full_wobble, side.adapter_wobble) if value is not None]
        tests = ", ".join(f"{p:.2g}" for p in side.mcnemar.values())
        names = [leaderboard.tasks[trained], adapter, leaderboard.tasks[side.task]]
        rows.append([*names, *numbers, *gains, ratio(side.recovered), ", ".join(wobble), tests])
    return headers, rows


def limits(leaderboard: Leaderboard, score: str) -> list[str]:
    """Return what a reader has to know before taking a verdict for more than it is."""
    found = _of(leaderboard, score)
    contrasts = [effect.found for one in found for effect in (one.same.gap, one.shift.gap)]
    margin = found[0].margin
    notes = [f"The margin is {margin:g}." if margin else "Without a margin in the study no gap is called none."]
    if any(contrast.seeds < 2 for contrast in contrasts):
        notes.append("One seed describes these models; how their methods differ takes more.")
    elif any(contrast.seeds < 3 for contrast in contrasts):
        notes.append(
            "Two seeds tell little of how much seeds differ: even an effect twice the smallest that can be told "
            "may miss its verdict in a quarter of studies."
        )
    notes += _told(found)
    fewest = min(contrast.groups for contrast in contrasts)
    if fewest < FEW_GROUPS:
        notes.append(f"Intervals that rest on {fewest} groups of items are rough.")
    if any(contrast.sparse for contrast in contrasts):
        notes.append(
            "Without an interval, too few groups of items differ to tell how far apart or how equal models are."
        )
    return notes


def _told(found: Sequence[Persistence]) -> Iterator[str]:
    """Say what effects studies with errors like this one's tell, which an open effect may well have."""
    effects = {
        "gaps on training tasks": [one.same.gap for one in found],
        "gaps under shift": [one.shift.gap for one in found],
        "changes": [one.change for one in found if one.change],
    }
    parts = []
    for name, several in effects.items():
        known = [effect.found for effect in several if effect.found.seeds > 1 and not effect.found.sparse]
        sizes = [detectable(one.stderr, one.df) for one in known if one.stderr and one.df]
        most = largest(found[0].score != ON_ANY_FORM, change=name == "changes")
        possible = [size for size in sizes if size <= most]
        if sizes:
            parts.append(f"{name} of {span(possible)}" if possible else f"no {name}")
    if parts:
        yield f"With errors as large as here, 80 % of studies tell {', '.join(parts)} from zero, before adjusting."


def rates(leaderboard: Leaderboard) -> str:
    """Return how learning rates came about, for under the tables of every score."""
    said = about_rates([(row.adapter, row.task) for row in leaderboard.rows], leaderboard.trials)
    return f"{said[:1].upper()}{said[1:]}."


def scores(leaderboard: Leaderboard) -> list[str]:
    """Return the scores that there is something to say by, the primary one first."""
    return [*dict.fromkeys(found.score for found in leaderboard.persistence)]


def interval(found: Contrast | None, *, signed: bool = False) -> str:
    """Write a value with its 95 % interval.

    >>> interval(Contrast(0.25, 0.05, 1e9, 40, 20, 3, 20), signed=True)
    '+0.250 (+0.152 to +0.348)'
    """
    if found is None:
        return ""
    sign = "+" if signed else ""
    ends = found.interval()
    text = f"{found.value:{sign}.3f}"
    return text if ends is None else f"{text} ({ends[0]:{sign}.3f} to {ends[1]:{sign}.3f})"


def verdict(found: Persistence) -> str:
    """Write a verdict, marked where the study names no such hypothesis."""
    return str(found.verdict) + ("" if found.declared else " (exploration)")


def ratio(found: Ratio | None) -> str:
    """Write a ratio with its confidence set, and none where the data set it no ends.

    >>> ratio(Ratio(0.5, 0.25, 1.125)), ratio(Ratio(-16.8, None, None))
    ('0.50 (0.25 to 1.12)', 'unbounded')
    """
    if found is None:
        return ""
    if found.value is None or found.low is None or found.high is None:
        return "unbounded"
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _of(leaderboard: Leaderboard, score: str) -> list[Persistence]:
    return [found for found in leaderboard.persistence if found.score == score]


def _names(leaderboard: Leaderboard, found: Persistence) -> list[str]:
    return [leaderboard.tasks[found.task], found.adapter, leaderboard.tasks[found.shift.task]]


def _sides(leaderboard: Leaderboard, score: str) -> Iterator[tuple[str, str, Side]]:
    """Yield the training task itself once for every adapter, then its shifts."""
    seen = set()
    for found in _of(leaderboard, score):
        if (found.task, found.adapter) not in seen:
            seen.add((found.task, found.adapter))
            yield found.task, found.adapter, found.same
        yield found.task, found.adapter, found.shift


def _effect(effect: Effect | None) -> str:
    return NOT_COMPARABLE if effect is None else interval(effect.found, signed=True)


def _tests(effect: Effect | None) -> str:
    """Write what the two tests of an effect say, and their p-values; without a margin there is one."""
    if effect is None:
        return NOT_COMPARABLE
    made = [f"{p:.2g}" for p in (effect.difference, effect.equivalence) if p is not None]
    told = effect.finding
    said = f"{told.sign}, within the margin" if told.negligible else told.sign
    said = said if effect.found.seeds > 1 else "descriptive"
    return f"{said} ({', '.join(made)})" if made else said
