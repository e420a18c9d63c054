"""How the gap to full fine-tuning changes with the number of training items."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from medcot_bench.analysis.per_item import Key, paired_difference, references, rows_of, values_of
from medcot_bench.results.comparisons import SizeTrend
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.stats.contrasts import Part, contrast
from medcot_bench.stats.p_values import difference, holm
from medcot_bench.study.spec_strings import Spec


def estimate_size_trends(results: Results) -> tuple[SizeTrend, ...]:
    """Return the trends of every adapter that was trained on several numbers of items beside full fine-tuning."""
    rows = rows_of(results)
    families: defaultdict[tuple[str, str], dict[int, tuple[Key, Key]]] = defaultdict(dict)
    for key, reference in references(rows).items():
        count = _count(rows[key])
        if key != reference and key[1] and count:
            families[key[1], str(Spec.read(key[0]).unsized)][count] = (key, reference)
    found: list[SizeTrend] = []
    for task in results.tasks:
        for score in results.analysis.judged:
            for trained in dict.fromkeys(task for task, _ in families):
                trends = [
                    trend
                    for (name, adapter), sizes in families.items()
                    if name == trained and len(sizes) > 1
                    for trend in _trend(results, rows, trained, adapter, task, score, sizes)
                ]
                adjusted = holm([trend.p_value for trend in trends])
                found += [replace(trend, p_value=p) for trend, p in zip(trends, adjusted, strict=True)]
    return tuple(found)


def _trend(
    results: Results,
    rows: Mapping[Key, Sequence[CellResult]],
    trained: str,
    adapter: str,
    task: str,
    score: str,
    sizes: Mapping[int, tuple[Key, Key]],
) -> Iterator[SizeTrend]:
    gaps, groups = {}, {}
    for count, (own, full) in sorted(sizes.items()):
        sides = [values_of(results, rows[key], task) for key in (full, own)]
        gap = paired_difference(sides[0][0].get(score, {}), sides[1][0].get(score, {}), score)
        if gap:
            gaps[count] = gap
            groups = sides[0][1]
    seeds = set.intersection(*map(set, gaps.values())) if gaps else set()
    items = set.intersection(*(set(gap[seed]) for gap in gaps.values() for seed in seeds)) if seeds else set()
    if len(gaps) < 2 or not items:
        return
    middle = fmean(math.log10(count) for count in gaps)
    spread = math.fsum((math.log10(count) - middle) ** 2 for count in gaps)
    weights = {count: (math.log10(count) - middle) / spread for count in gaps}
    line = {
        seed: {i: math.fsum(weight * gaps[count][seed][i] for count, weight in weights.items()) for i in items}
        for seed in seeds
    }
    alike = results.analysis.weights
    slope = contrast([Part(line, groups, alike=alike)])
    at = {
        count: contrast([Part({s: {i: gap[s][i] for i in items} for s in seeds}, groups, alike=alike)])
        for count, gap in gaps.items()
    }
    yield SizeTrend(trained, adapter, task, score, at, slope, difference(slope))


def _count(cells: Sequence[CellResult]) -> int | None:
    return next((cell.record.training.items for cell in cells if cell.record), None)
