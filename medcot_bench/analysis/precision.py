"""The precision rule: results with so many seeds -> whether another seed of every method is added.

By the width of intervals alone, never by what is significant, and by nothing but the records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import fsum, inf
from statistics import fmean

from medcot_bench.analysis.per_item import paired_difference
from medcot_bench.analysis.trainings import Trained, read_trainings
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.metrics import ON_ANY_FORM
from medcot_bench.results.precision_looks import PrecisionLook, PrecisionReport, PrecisionStop
from medcot_bench.stats.contrasts import LEAST_EFFECTIVE, Contrast, Part, contrast, on_common_seeds, shared_items
from medcot_bench.stats.power import ItemSet, grow, items_for_width, spread_of
from medcot_bench.stats.variance_components import estimate_components
from medcot_bench.study.analysis import Analysis
from medcot_bench.study.precision import LOOKS, Aim, Precision


@dataclass(frozen=True, slots=True)
class Watched:
    """The effect of one hypothesis, and the items behind it."""

    adapter: str
    trained: str
    task: str
    """Scored on; of a change between domains, out of domain."""
    parts: list[Part]

    @property
    def found(self) -> Contrast:
        """The effect, with the interval that the leaderboard has."""
        return contrast(self.parts)


def look_at(results: Results, before: Sequence[PrecisionLook]) -> PrecisionLook:
    """Return what the study's precision rule makes of results; `before` are its looks at fewer seeds, in order.

    Raises ValueError for a study without such a rule, StoreError for records that can't be read.
    """
    rule = results.analysis.precision
    if rule is None:
        raise ValueError(f"{results.root}: the study has no precision rule")
    seeds = len({cell.cell.seed for cell in results.cells} - {None})
    every = [*results.cells, *results.kept_rates]
    of_seeds = fsum(map(_seconds, (cell for cell in every if cell.cell.seed is not None)))
    look = PrecisionLook(
        seeds=seeds,
        spent=fsum([*map(_seconds, every), *(t.seconds - t.reused * t.kept for t in results.trials)]),
        next_seed=of_seeds / seeds if seeds else 0.0,
    )
    watched = [(one, one.found) for one in watch(results)]
    effective = [found.effective or 0.0 for _, found in watched]
    if min(effective, default=0.0) < LEAST_EFFECTIVE:
        return replace(look, stop=PrecisionStop.NOTHING)
    for one, found in watched:
        look = _widest(_floored(look, one, found, rule), one, found)
    if any(found.interval() is None or found.seeds < rule.min_seeds for _, found in watched):
        look = replace(look, half_width=None)  # trainings failed: the interval of fewer seeds may be a lucky one
    return replace(look, stop=decide(look, before, rule))


def decide(look: PrecisionLook, before: Sequence[PrecisionLook], rule: Precision) -> PrecisionStop | None:
    """Return why a rule adds no seed after a look, None where it does.

    The interval has to be narrow now, and in the mean of this look and the two before it: the variance between few
    seeds is now and then estimated far too low, and a rule that stops at the first such look has intervals that
    miss the truth too often.
    """
    widths = [one.half_width for one in (*before, look)[-LOOKS:]]
    if len(widths) == LOOKS and _is_narrow(widths[-1:], rule) and _is_narrow(widths, rule):
        return PrecisionStop.NARROW
    if look.floor is not None and look.floor > rule.half_width:
        return PrecisionStop.ITEMS
    if look.seeds >= rule.max_seeds:
        return PrecisionStop.SEEDS
    if rule.seconds is not None and look.spent + look.next_seed > rule.seconds:
        return PrecisionStop.BUDGET
    return None


def watch(results: Results) -> Iterator[Watched]:
    """Yield the effects of the hypotheses that the study's precision rule is about, as far as there are any."""
    rule, score, analysis = results.analysis.precision, results.analysis.narrowed, results.analysis
    aim = rule.effect if rule else Aim.CHANGE
    for trained in read_trainings(results):
        for adapter in filter(analysis.names, trained.adapters):
            gaps = _gaps(trained, adapter, score)
            own = gaps.get(trained.task)
            if aim is Aim.IN_DOMAIN:
                if own:
                    yield Watched(adapter, trained.task, trained.task, [own])
                continue
            for shift in filter(partial(analysis.declares, adapter), trained.shifts):
                parts = [gaps[shift]] if shift in gaps else []
                if aim is Aim.CHANGE and parts:
                    alike = score == ON_ANY_FORM or trained.forms.get(trained.task) == trained.forms[shift]
                    both = [*parts, own.weighed(-1.0)] if own and alike else []
                    parts = on_common_seeds(both) if both else []
                if parts:
                    yield Watched(adapter, trained.task, shift, parts)


def report_precision(analysis: Analysis, looks: Sequence[PrecisionLook]) -> PrecisionReport | None:
    """Return a study's precision rule with these looks of it, None where it has none."""
    rule = analysis.precision
    if rule is None:
        return None
    return PrecisionReport(
        effect=rule.effect,
        score=analysis.narrowed,
        half_width=rule.half_width,
        max_seeds=rule.max_seeds,
        budget=rule.seconds,
        looks=tuple(looks),
    )


def _gaps(trained: Trained, adapter: str, score: str) -> dict[str, Part]:
    """Return evaluation task -> the gap of an adapter on the items that the leaderboard compares."""
    found = {}
    for task, (values, _) in trained.read(adapter).items():
        full, groups = trained.full[task]
        paired = paired_difference(full.get(score, {}), values.get(score, {}), score)
        if items := trained.compared_items(task, score, paired):
            kept = {seed: {i: row[i] for i in items} for seed, row in paired.items()}
            found[task] = Part(kept, groups, alike=trained.results.analysis.weights)
    return found


def _widest(look: PrecisionLook, one: Watched, found: Contrast) -> PrecisionLook:
    """Return a look with a hypothesis in it, where its interval is the widest so far."""
    interval = found.interval()
    half = (interval[1] - interval[0]) / 2 if interval else None
    if half is None or (look.half_width is not None and half <= look.half_width):
        return look
    return replace(look, half_width=half, adapter=one.adapter, trained=one.trained, task=one.task)


def _floored(look: PrecisionLook, one: Watched, found: Contrast, rule: Precision) -> PrecisionLook:
    """Return a look with the floor that a hypothesis's items set, where it is the highest so far."""
    components = estimate_components(one.parts, found)
    if components is None:
        return look
    spread = spread_of(components)
    of_items = ((part, (part.groups[item] for item in shared_items(part.values))) for part in one.parts)
    sets = [ItemSet.of(groups, part.alike) for part, groups in of_items][: len(spread.sets)]
    floor = spread.floor(sets, bounded=True)
    if floor is None or (look.floor is not None and floor <= look.floor):
        return look
    needed = items_for_width(spread, rule.half_width, rule.max_seeds, partial(grow, sets))
    return replace(look, floor=floor, items=min(each.items for each in sets), items_needed=needed)


def _is_narrow(widths: Sequence[float | None], rule: Precision) -> bool:
    """Whether half widths are as narrow as asked in the mean; None is no interval, and is not."""
    mean = fmean(inf if width is None else width for width in widths)
    return mean <= rule.half_width * (1 + 1e-9)  # as the mean of equal numbers may be


def _seconds(cell: CellResult) -> float:
    """Return what a cell took; one that is there once for each prompting baseline is charged once."""
    trained = cell.record.phases.values() if cell.record and not cell.baseline else ()
    scored = (record.phase for record in (*cell.evaluations.values(), *cell.checkpoints.values()))
    return fsum(phase.seconds for phase in (*trained, *scored))
