"""Tables of gaps to full fine-tuning: in domain, out of domain, their difference, and the tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medcot_bench.report.blocks import Table
from medcot_bench.report.format import interval, ratio, span
from medcot_bench.results.comparisons import Effect, Persistence, Side
from medcot_bench.results.metrics import ON_ANY_FORM
from medcot_bench.stats.p_values import ENOUGH_SEEDS
from medcot_bench.stats.power import detectable, largest
from medcot_bench.stats.verdict import LEAST_SEEDS
from medcot_bench.text import counted

FEW_GROUPS = 15
NOT_COMPARABLE = "not comparable"
GAPS = (
    "A gap is how much better full fine-tuning scores than the adapter: above 0 it is better, whichever way the "
    "score goes. DiD is the difference-in-differences, the gap out of domain minus the gap in domain. In "
    "brackets: 95% CI."
)
"""Under the table of gaps."""
METHOD = (
    "Gaps are paired by item and seed; intervals are over groups of items and over seeds.",
    "The ratio is the gap out of domain as a share of the gap in domain, with Fieller's set. It is unbounded "
    "where the gap in domain may be zero, or too few groups differ.",
    "A verdict has three parts. In domain and out of domain an adapter is level (the gap lies within the "
    "margin), behind (the gap is above 0), ahead (below 0) or inconclusive.",
    "The gap is steady (the DiD lies within the margin), grows (above 0), shrinks (below 0) or inconclusive.",
    "Behind on both: the gap persists if it is steady, widens if it grows, shrinks; else behind throughout. Level "
    "on both, ahead on both: level or ahead throughout.",
    "Level, then behind, and it grows: it emerges. Behind, then level, and it shrinks: it vanishes. Behind, then "
    "ahead, or the other way round: it reverses. Otherwise the parts stand for themselves.",
    f"With fewer than {LEAST_SEEDS} seeds there is no verdict. With fewer than {ENOUGH_SEEDS}, tests allow for "
    "every variance between seeds that so few leave possible; intervals do not, and can be without 0 where tests "
    "find nothing.",
    "Tests are at 5%, after Holm correction within their family. The study's hypotheses by its primary score are "
    "one family, over all training tasks, numbers of training items, adapters and shifts.",
    "Exploratory comparisons by one score are another family. Within a family, in-domain gaps, out-of-domain gaps "
    "and DiDs are corrected separately.",
    "Intervals are not corrected: one without 0 can go with an effect that is not significant.",
    "What would settle an inconclusive effect is counted by this study's variances and seconds. It shows what is "
    "nearer: a difference, if the effect is as large as estimated, or equivalence, if there is none.",
    "More items are of the same groups; more groups have as many items each as now. Out of reach: not even ten "
    "times the seeds with ten times the items or groups are enough.",
)
"""How gaps, tests and verdicts are made, a list."""
TESTS = (
    "Effects significantly above (> 0) or below (< 0) zero, or not significant (n.s.), with the p-values of two "
    "tests after Holm correction: of no effect, and of an effect of the margin or more (equivalence)."
)
"""Under the table of tests."""
GAINS = (
    "Gains are over the base model, paired by item. Recovered is the adapter's gain as a share of full "
    "fine-tuning's, where that gains anything. Whether it keeps so much is tested (Holm correction) where full "
    "fine-tuning's gain is significant."
)


def gap_table(found: Sequence[Persistence]) -> Table:
    """Return gaps and verdicts, a row for each adapter and shift."""
    headers = ["trained on", "adapter", "out of domain", "gap in domain", "gap out of domain", "DiD", "verdict"]
    rows = [
        [
            *_names(one),
            *map(_written, (one.in_domain.gap, one.out_of_domain.gap, one.did)),
            write_verdict(one),
        ]
        for one in found
    ]
    return Table(headers, rows)


def p_value_table(found: Sequence[Persistence]) -> Table:
    """Return what the tests behind each verdict say, with their adjusted p-values, and the ratio of the gaps."""
    headers = ["trained on", "adapter", "out of domain", "gap in domain", "gap out of domain", "DiD", "gap ratio"]
    rows = [
        [*_names(one), *map(_tested, (one.in_domain.gap, one.out_of_domain.gap, one.did)), ratio(one.ratio)]
        for one in found
    ]
    return Table(headers, rows)


def gain_table(found: Sequence[Persistence]) -> Table:
    """Return the gains of full fine-tuning and the adapters over the base model."""
    keeps = f"keeps {100 * found[0].share:g}%" if found else "keeps"
    headers = ["trained on", "adapter", "scored on", "gain of full", "gain of adapter", "recovered", keeps]
    rows = [
        [
            *(trained, adapter, side.task),
            *(interval(gain, signed=True) for gain in (side.full_gain, side.adapter_gain)),
            ratio(side.recovered),
            _keeps(side),
        ]
        for trained, adapter, side in _sides(found)
        if side.full_gain
    ]
    return Table(headers, rows)


def write_limits(found: Sequence[Persistence]) -> list[str]:
    """Return what a reader has to know before taking a verdict for more than it is, by one score."""
    contrasts = [effect.found for one in found for effect in (one.in_domain.gap, one.out_of_domain.gap)]
    margin = found[0].margin
    notes = [f"The margin is {margin}." if margin else "Without a margin in the study no gap is called level."]
    if any(contrast.seeds < 2 for contrast in contrasts):
        notes.append("One seed compares trained models, not methods.")
    elif any(contrast.seeds < LEAST_SEEDS for contrast in contrasts):
        notes.append("Two seeds say too little about the variance between seeds for a verdict.")
    notes += _detectable(found)
    known = [contrast for contrast in contrasts if not contrast.sparse]
    fewest = min((contrast.groups for contrast in known), default=FEW_GROUPS)
    if fewest < FEW_GROUPS:
        notes.append(f"Intervals from {counted(fewest, 'group')} of items are rough.")
    if any(contrast.sparse for contrast in contrasts):
        notes.append("Values without an interval: too few groups of items, or too few that differ, for one.")
    return notes


def _detectable(found: Sequence[Persistence]) -> Iterator[str]:
    """Say which effects studies with errors like this one's detect, which one that is not significant may have."""
    effects = {
        "in-domain gaps": [one.in_domain.gap for one in found],
        "out-of-domain gaps": [one.out_of_domain.gap for one in found],
        "DiDs": [one.did for one in found if one.did],
    }
    parts = []
    for name, several in effects.items():
        known = [effect.found for effect in several if effect.found.seeds > 1 and not effect.found.sparse]
        sizes = [detectable(one.stderr, one.df) for one in known if one.stderr and one.df]
        most = largest(found[0].score != ON_ANY_FORM, did=name == "DiDs")
        possible = [size for size in sizes if size <= most]
        if sizes:
            parts.append(f"{name} {span(possible)}" if possible else f"no {name}")
    if parts:
        yield f"Minimum detectable effect (80% power, uncorrected): {', '.join(parts)}."


def write_verdict(found: Persistence) -> str:
    """Write a verdict, marked where the study names no such hypothesis."""
    return str(found.verdict) + ("" if found.declared else " (exploratory)")


def _keeps(side: Side) -> str:
    """Write whether an adapter keeps its share of full fine-tuning's gain."""
    if side.kept is None or side.kept.difference is None or side.kept.found.seeds < LEAST_SEEDS:
        return ""
    said = {"> 0": "yes", "< 0": "no", "n.s.": "n.s."}[side.kept.finding.sign]
    return f"{said} (p = {side.kept.difference:.2g})"


def _names(found: Persistence) -> list[str]:
    return [found.task, found.adapter, found.out_of_domain.task]


def _sides(found: Sequence[Persistence]) -> Iterator[tuple[str, str, Side]]:
    """Yield the training task itself once for every adapter, then its shifts."""
    seen = set()
    for one in found:
        if (one.task, one.adapter) not in seen:
            seen.add((one.task, one.adapter))
            yield one.task, one.adapter, one.in_domain
        yield one.task, one.adapter, one.out_of_domain


def _written(effect: Effect | None) -> str:
    return NOT_COMPARABLE if effect is None else interval(effect.found, signed=True)


def _tested(effect: Effect | None) -> str:
    """Write what the two tests of an effect say, and their p-values; without a margin there is one."""
    if effect is None:
        return NOT_COMPARABLE
    finding = effect.finding
    said = f"{finding.sign}, within the margin" if finding.negligible else finding.sign
    said = said if effect.found.seeds >= LEAST_SEEDS else "descriptive"
    p_values = {"p": effect.difference, "equivalence p": effect.equivalence}
    made = [f"{name} = {p:.2g}" for name, p in p_values.items() if p is not None]
    return f"{said} ({'; '.join(made)})" if made else said
