"""Results -> what becomes of each adapter's gap to full fine-tuning under each shift, with its verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import combinations
from statistics import fmean

from medcot_bench.analysis.per_item import Key, base_of, paired_difference, references, rows_of, values_of
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.leaderboard import Effect, Persistence, Side
from medcot_bench.results.metrics import ON_ANY_FORM
from medcot_bench.stats.contrasts import Part, SeedValues, contrast, shared_items
from medcot_bench.stats.inference import difference, equivalence, holm, mcnemar
from medcot_bench.stats.ratios import fieller
from medcot_bench.stats.verdict import Verdict, decide


@dataclass(frozen=True)
class _Trained:
    """The rows of one training task: full fine-tuning as the reference, and the untouched base."""

    results: Results
    task: str
    reference: str
    base: str | None
    cells: Mapping[Key, Sequence[CellResult]]

    @cached_property
    def shifts(self) -> list[str]:
        relations = {task: score.relation for cell in self._full for task, score in cell.evaluations.items()}
        return [task for task in self.results.tasks if relations.get(task) == "shift"]

    @cached_property
    def forms(self) -> dict[str, Mapping[str, str]]:
        return {task: score.form for cell in self._full for task, score in cell.evaluations.items()}

    @property
    def _full(self) -> Sequence[CellResult]:
        return self.cells[self.reference, self.task]

    def seeds(self, adapter: str, shift: str, score: str) -> set[int]:
        """Return the seeds whose gap is known on the training task and under a shift."""
        sides = [
            paired_difference(
                self.values(self.reference, task, score)[0], self.values(adapter, task, score)[0], score
            )
            for task in (self.task, shift)
        ]
        return set(sides[0]) & set(sides[1])

    def values(self, adapter: str | None, task: str, score: str) -> tuple[SeedValues, Mapping[str, str]]:
        """Return seed -> item -> value, and item -> group."""
        if adapter is None:
            return {}, {}
        trained = None if adapter == self.base else self.task
        values, groups = self._read(adapter, trained, task)
        return values.get(score, {}), groups

    @cached_property
    def _read(self) -> Callable[[str, str | None, str], tuple[Mapping[str, SeedValues], Mapping[str, str]]]:
        return cache(lambda adapter, trained, task: values_of(self.results, self.cells[adapter, trained], task))


def compute_persistence(results: Results) -> tuple[Persistence, ...]:
    """Return what the study's records show so far, for every score with a margin and the primary score.

    Gaps are `full - adapter`, turned so that more is better for full fine-tuning, which is the first row that
    trains every weight on the same items of the same task; without it there is nothing to compare with.

    P-values are adjusted (Holm) for one family of all hypotheses, over training tasks, numbers of training items,
    adapters and shifts; what is no hypothesis makes a family likewise, one for each score.
    """
    rows = rows_of(results)
    against = references(rows)
    untouched = base_of(rows)
    base = untouched[0] if untouched else None
    pairs: list[Persistence] = []
    for reference, task in dict.fromkeys(against.values()):
        adapters = [key[0] for key, full in against.items() if full == (reference, task) and key != full]
        trained = _Trained(results, str(task), reference, base, rows)
        for score in dict.fromkeys([results.analysis.primary, *results.analysis.margins]):
            found = [pair for adapter in adapters for pair in _pairs(trained, adapter, score)]
            pairs += sorted(found, key=lambda pair: not pair.declared)
    families: defaultdict[tuple[str, bool], list[Persistence]] = defaultdict(list)
    for pair in pairs:
        families[pair.score, pair.declared].append(pair)
    adjusted = {key: _adjusted(family) for key, family in families.items()}
    return tuple(next(adjusted[pair.score, pair.declared]) for pair in pairs)


def _pairs(trained: _Trained, adapter: str, score: str) -> Iterator[Persistence]:
    """Compare one adapter under every shift, p-values as they are."""
    analysis = trained.results.analysis
    margin = analysis.margins.get(score)
    for shift in trained.shifts:
        seeds = trained.seeds(adapter, shift, score)
        same, under = (_side(trained, adapter, task, score, seeds) for task in (trained.task, shift))
        if not same or not under:
            continue
        change = ratio = None
        if score == ON_ANY_FORM or trained.forms.get(trained.task) == trained.forms[shift]:
            change = _effect([under.gap, replace(same.gap, weight=-1.0)], margin)
            ratio = fieller(under.gap, same.gap)
        yield Persistence(
            task=trained.task,
            adapter=adapter,
            score=score,
            margin=margin,
            declared=score == analysis.primary and analysis.declares(adapter, shift),
            same=same.side,
            shift=under.side,
            change=change,
            ratio=ratio,
            verdict=Verdict.NOT_COMPARABLE,
        )


@dataclass(frozen=True, slots=True)
class _Compared:
    side: Side
    gap: Part


def _side(trained: _Trained, adapter: str, task: str, score: str, seeds: set[int]) -> _Compared | None:
    """Return one evaluation task's side on these seeds, None where the two have no item in common."""
    full, groups = trained.values(trained.reference, task, score)
    own, _ = trained.values(adapter, task, score)
    gaps = {seed: row for seed, row in paired_difference(full, own, score).items() if seed in seeds}
    items = shared_items(gaps)
    if not items:
        return None
    untouched = next(iter(trained.values(trained.base, task, score)[0].values()), {})
    items = items & untouched.keys() or items
    base = dict.fromkeys(gaps, untouched) if items <= untouched.keys() else {}

    def part(values: SeedValues) -> Part:
        return Part({seed: {i: values[seed][i] for i in items} for seed in gaps}, groups)

    full_gain, own_gain = (
        part(paired_difference(values, base, score)) if base else None for values in (full, own)
    )
    binary = all(values[seed][i] in (0.0, 1.0) for values in (full, own) for seed in gaps for i in items)
    gained = contrast([full_gain]) if full_gain else None
    side = Side(
        task=task,
        base=contrast([part(base)]) if base else None,
        full=contrast([part(full)]),
        adapter=contrast([part(own)]),
        full_gain=gained,
        adapter_gain=contrast([own_gain]) if own_gain else None,
        recovered=fieller(own_gain, full_gain) if own_gain and full_gain and gained and gained.value > 0 else None,
        gap=_effect([part(gaps)], trained.results.analysis.margins.get(score)),
        mcnemar={s: mcnemar(*({i: v[s][i] for i in items} for v in (full, own))) for s in gaps} if binary else {},
        full_wobble=_wobble(full, items, [*gaps]),
        adapter_wobble=_wobble(own, items, [*gaps]),
    )
    return _Compared(side, part(gaps))


def _effect(parts: Sequence[Part], margin: float | None) -> Effect:
    found = contrast(parts)
    return Effect(found, difference(found), None if margin is None else equivalence(found, margin))


def _wobble(values: SeedValues, items: Iterable[str], seeds: Sequence[int]) -> float | None:
    pairs = [*combinations(seeds, 2)]
    return fmean(abs(values[a][i] - values[b][i]) for i in sorted(items) for a, b in pairs) if pairs else None


def _adjusted(family: Sequence[Persistence]) -> Iterator[Persistence]:
    """Adjust one family (the gaps in domain, the gaps under shift, the changes: each its own), and decide."""
    in_domain = {(pair.task, pair.adapter): pair.same.gap for pair in family}
    under = _holm([pair.shift.gap for pair in family])
    changes = iter(_holm([pair.change for pair in family if pair.change]))
    for pair, gap in zip(family, under, strict=True):
        # A row's gap in domain counts once; on fewer seeds, where a shift lacks some, it is this pair's own.
        row = (pair.task, pair.adapter)
        own = {**in_domain, row: pair.same.gap}
        same = replace(pair.same, gap=dict(zip(own, _holm([*own.values()]), strict=True))[row])
        shift = replace(pair.shift, gap=gap)
        change = next(changes) if pair.change else None
        verdict = Verdict.NOT_COMPARABLE
        if change:
            seeds = change.found.seeds
            verdict = decide(same.gap.finding, shift.gap.finding, change.finding, seeds)
        yield replace(pair, same=same, shift=shift, change=change, verdict=verdict)


def _holm(effects: Sequence[Effect]) -> list[Effect]:
    differences = holm([effect.difference for effect in effects])
    equivalences = holm([effect.equivalence for effect in effects])
    return [*map(Effect, (effect.found for effect in effects), differences, equivalences)]
