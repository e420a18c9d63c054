"""Results -> each adapter's gap to full fine-tuning, in domain and out of domain, with its verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean

from medcot_bench.analysis.per_item import paired_difference
from medcot_bench.analysis.trainings import Read, Trained, read_trainings
from medcot_bench.results.comparisons import Effect, Persistence, Side
from medcot_bench.results.folder import Results
from medcot_bench.results.metrics import ON_ANY_FORM
from medcot_bench.stats.contrasts import Contrast, Part, SeedValues, contrast
from medcot_bench.stats.crossed import Weights
from medcot_bench.stats.p_values import above_zero, difference, equivalence, holm, mcnemar
from medcot_bench.stats.ratios import fieller
from medcot_bench.stats.verdict import ALPHA, Verdict, decide
from medcot_bench.study.margin import Margin


@dataclass(frozen=True, slots=True)
class Compared:
    """One adapter under one shift, and the items behind its gaps."""

    found: Persistence
    in_domain: Part
    out_of_domain: Part


def estimate_persistence(results: Results) -> tuple[Persistence, ...]:
    """Return what `compare_gaps` finds, without the items behind it."""
    return tuple(one.found for one in compare_gaps(results))


def compare_gaps(results: Results) -> tuple[Compared, ...]:
    """Return what the study's records show so far, for every score with a margin and the primary score.

    Gaps are `full - adapter`, turned so that above 0 full fine-tuning is better. Full fine-tuning is the first row
    that trains every weight on the same items of the same task; without it there is nothing to compare with.

    P-values are adjusted (Holm) for one family of all hypotheses, over training tasks, numbers of training items,
    adapters and shifts; what is no hypothesis makes a family likewise, one for each score.
    """
    pairs: list[Compared] = []
    for trained in read_trainings(results):
        references: _References = {}
        read = {adapter: trained.read(adapter) for adapter in trained.adapters}
        for score in results.analysis.judged:
            found = [
                pair for adapter, own in read.items() for pair in _pairs(trained, references, adapter, own, score)
            ]
            pairs += sorted(found, key=lambda pair: not pair.found.declared)
    families: defaultdict[tuple[str, bool], list[Compared]] = defaultdict(list)
    for pair in pairs:
        families[pair.found.score, pair.found.declared].append(pair)
    adjusted = {key: _adjust(family) for key, family in families.items()}
    return tuple(next(adjusted[pair.found.score, pair.found.declared]) for pair in pairs)


def _pairs(
    trained: Trained, references: _References, adapter: str, own: Mapping[str, Read], score: str
) -> Iterator[Compared]:
    """Compare one adapter with full fine-tuning under every shift, p-values as they are."""
    analysis = trained.results.analysis
    margin = analysis.margin_of(score)
    gaps = {
        task: paired_difference(trained.full[task][0].get(score, {}), values.get(score, {}), score)
        for task, (values, _) in own.items()
    }
    sides: dict[tuple[str, frozenset[int]], _Measured | None] = {}
    for shift in trained.shifts:
        seeds = gaps[trained.task].keys() & gaps[shift].keys()
        for task in (trained.task, shift):
            if (task, frozenset(seeds)) not in sides:
                sides[task, frozenset(seeds)] = _side(
                    trained, references, own[task], task, score, gaps[task], seeds
                )
        in_domain, out_of_domain = (sides[task, frozenset(seeds)] for task in (trained.task, shift))
        if not in_domain or not out_of_domain:
            continue
        did = ratio = None
        both = (out_of_domain.gap, in_domain.gap)
        if score == ON_ANY_FORM or trained.forms.get(trained.task) == trained.forms[shift]:
            did = _effect([both[0], both[1].weighed(-1.0)], margin, in_domain.gain)
            ratio = fieller(*both)
        found = Persistence(
            task=trained.task,
            adapter=adapter,
            score=score,
            margin=margin,
            declared=score == analysis.primary and analysis.declares(adapter, shift),
            in_domain=in_domain.side,
            out_of_domain=out_of_domain.side,
            did=did,
            ratio=ratio,
            verdict=_decide(in_domain.side.gap, out_of_domain.side.gap, did),
            share=analysis.share_kept,
        )
        yield Compared(found, in_domain.gap, out_of_domain.gap)


@dataclass(frozen=True, slots=True)
class _Measured:
    """One evaluation task's side, and the items behind it."""

    side: Side
    gap: Part
    gain: Part | None
    """Full fine-tuning's over the base model, None where it is not significant: a share of it says nothing."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """What stays the same of a side, whichever adapter is compared."""

    base: Contrast | None
    full: Contrast
    gain: Part | None
    """Full fine-tuning's gain over the base model."""
    gained: Contrast | None
    seed_difference: float | None


_References = dict[tuple[str, str, frozenset[int], frozenset[str]], _Reference]
"""Evaluation task, score, seeds and items -> the reference."""


def _side(
    trained: Trained,
    references: _References,
    own: Read,
    task: str,
    score: str,
    paired: SeedValues,
    seeds: Iterable[int],
) -> _Measured | None:
    """Return one evaluation task's side on these seeds and its gap, None where the two have no item in common."""
    analysis = trained.results.analysis
    groups = trained.full[task][1]
    gaps = {seed: paired[seed] for seed in sorted(seeds)}
    items = trained.compared_items(task, score, gaps)
    if not items:
        return None
    key = task, score, frozenset(gaps), frozenset(items)
    if key not in references:
        references[key] = _read_reference(trained, task, score, [*gaps], items)
    reference = references[key]

    def part(values: SeedValues) -> Part:
        return _part(values, gaps, items, groups, analysis.weights)

    full, values = trained.full[task][0].get(score, {}), own[0].get(score, {})
    gap, margin = part(gaps), analysis.margin_of(score)
    own_gain = part(_gain(values, trained.of_base(task, score), score)) if reference.gain else None
    binary = all(one[seed][i] in (0.0, 1.0) for one in (full, values) for seed in gaps for i in items)
    gained = reference.gained
    learnt = reference.gain if gained and _is_gain(gained) else None
    recovered = reference.gain if gained and gained.value > 0 else None
    side = Side(
        task=task,
        base=reference.base,
        full=reference.full,
        adapter=contrast([part(values)]),
        full_gain=gained,
        adapter_gain=contrast([own_gain]) if own_gain else None,
        recovered=fieller(own_gain, recovered) if own_gain and recovered else None,
        gap=_effect([gap], margin, learnt),
        kept=_effect([_less_share(own_gain, analysis.share_kept, learnt)]) if own_gain and learnt else None,
        margin=_size(margin, gained if learnt else None),
        mcnemar={s: mcnemar(*({i: v[s][i] for i in items} for v in (full, values))) for s in gaps}
        if binary
        else {},
        full_seed_difference=reference.seed_difference,
        adapter_seed_difference=_seed_difference(values, items, [*gaps]),
    )
    return _Measured(side, gap, learnt)


def _read_reference(trained: Trained, task: str, score: str, seeds: Sequence[int], items: set[str]) -> _Reference:
    values, groups = trained.full[task]
    full, of_base = values.get(score, {}), trained.of_base(task, score)

    def part(values: SeedValues) -> Part:
        return _part(values, seeds, items, groups, trained.results.analysis.weights)

    known = items <= of_base.keys()
    gain = part(_gain(full, of_base, score)) if known else None
    return _Reference(
        base=contrast([part(dict.fromkeys(seeds, of_base))]) if known else None,
        full=contrast([part(full)]),
        gain=gain,
        gained=contrast([gain]) if gain else None,
        seed_difference=_seed_difference(full, items, seeds),
    )


def _gain(values: SeedValues, of_base: Mapping[str, float], score: str) -> SeedValues:
    return paired_difference(values, dict.fromkeys(values, of_base), score)


def _part(
    values: SeedValues, seeds: Iterable[int], items: Iterable[str], groups: Mapping[str, str], alike: Weights
) -> Part:
    return Part({seed: {i: values[seed][i] for i in items} for seed in seeds}, groups, alike=alike)


def _is_gain(gained: Contrast) -> bool:
    p_value = difference(gained)
    return gained.value > 0 and p_value is not None and p_value <= ALPHA


def _size(margin: Margin | None, gained: Contrast | None) -> float | None:
    """Return a margin in units of the score, by full fine-tuning's gain as it was estimated."""
    if margin is None or margin.share is None:
        return margin.size if margin else None
    return margin.share * gained.value if gained else None


def _less_share(part: Part, share: float, gain: Part) -> Part:
    """Return a part less a share of full fine-tuning's gain, item by item: a linear contrast, and no ratio."""
    values = {
        seed: {item: part.weight * value - share * gain.values[seed][item] for item, value in row.items()}
        for seed, row in part.values.items()
    }
    return replace(part, values=values, weight=1.0)


def _effect(parts: Sequence[Part], margin: Margin | None = None, gain: Part | None = None) -> Effect:
    """Test an effect; `gain` is full fine-tuning's, on the items of the last part."""
    found = contrast(parts)
    if margin is None:
        within = None
    elif margin.share is None:
        within = equivalence(found, margin.size or 0.0)
    else:
        within = _within_share(parts, margin.share, gain) if gain else None
    return Effect(found, difference(found), within)


def _within_share(parts: Sequence[Part], share: float, gain: Part) -> float | None:
    """Return the p-value of an effect of a share of the gain or more: the larger of two one-sided ones.

    The gain is estimated too: each test is of the effect and the share of it together.
    """
    p_values = []
    for sign in (1.0, -1.0):
        *others, last = (part.weighed(sign * part.weight) for part in parts)
        p_values.append(above_zero(contrast([*others, _less_share(last, -share, gain)])))
    return None if None in p_values else max(p for p in p_values if p is not None)


def _seed_difference(values: SeedValues, items: Iterable[str], seeds: Sequence[int]) -> float | None:
    """Return the mean absolute difference of two seeds on an item, None with one seed."""
    pairs = [*combinations(seeds, 2)]
    return fmean(abs(values[a][i] - values[b][i]) for i in sorted(items) for a, b in pairs) if pairs else None


def _adjust(family: Sequence[Compared]) -> Iterator[Compared]:
    """Adjust one family (in domain, out of domain, the DiDs; gaps and shares kept: each its own), and decide."""
    found = [pair.found for pair in family]
    rows = [(one.task, one.adapter) for one in found]
    in_domain = _adjust_by_row(rows, [one.in_domain.gap for one in found])
    kept_in_domain = _adjust_by_row(rows, [one.in_domain.kept for one in found])
    out_of_domain = _holm([one.out_of_domain.gap for one in found])
    kept_out_of_domain = _holm([one.out_of_domain.kept for one in found])
    dids = _holm([one.did for one in found])
    for place, (pair, one) in enumerate(zip(family, found, strict=True)):
        own = in_domain[place] or one.in_domain.gap
        gap = out_of_domain[place] or one.out_of_domain.gap
        did = dids[place]
        decided = replace(
            one,
            in_domain=replace(one.in_domain, gap=own, kept=kept_in_domain[place]),
            out_of_domain=replace(one.out_of_domain, gap=gap, kept=kept_out_of_domain[place]),
            did=did,
            verdict=_decide(own, gap, did),
        )
        yield replace(pair, found=decided)


def _decide(in_domain: Effect, out_of_domain: Effect, did: Effect | None) -> Verdict:
    seeds = min(in_domain.found.seeds, out_of_domain.found.seeds)
    return decide(in_domain.finding, out_of_domain.finding, did.finding if did else None, seeds)


def _adjust_by_row(rows: Sequence[tuple[str, str]], effects: Sequence[Effect | None]) -> list[Effect | None]:
    """Adjust effects, a row's once for all its shifts; where a shift misses seeds, the effect is a pair's own."""
    of_rows = dict(zip(rows, effects, strict=True))
    usual = dict(zip(of_rows, _holm([*of_rows.values()]), strict=True))
    adjusted = []
    for row, effect in zip(rows, effects, strict=True):
        if effect == of_rows[row]:
            adjusted.append(usual[row])
        else:
            alone = {**of_rows, row: effect}
            adjusted.append(dict(zip(alone, _holm([*alone.values()]), strict=True))[row])
    return adjusted


def _holm(effects: Sequence[Effect | None]) -> list[Effect | None]:
    """Adjust the effects of one family; what could not be computed stays None."""
    differences = holm([effect.difference if effect else None for effect in effects])
    equivalences = holm([effect.equivalence if effect else None for effect in effects])
    return [
        Effect(effect.found, differences[place], equivalences[place]) if effect else None
        for place, effect in enumerate(effects)
    ]
