"""Which weights are trained, how, and on what base: what each of these factors makes of a score.

Layer-specific LoRA differs from full fine-tuning in two things at once. A study that also trains some layers fully
and all layers by LoRA takes them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from medcot_bench.analysis.contrasts import Contrast, Part, SeedValues, contrast
from medcot_bench.analysis.inference import difference, holm
from medcot_bench.analysis.values import rows_of, values_of
from medcot_bench.results import CellResult, Results
from medcot_bench.scores import higher_is_better

EFFECTS: Mapping[str, Mapping[str, float]] = {
    "all layers, not some": {"full": 0.5, "low": 0.5, "full some": -0.5, "low some": -0.5},
    "full rank, not low": {"full": 0.5, "full some": 0.5, "low": -0.5, "low some": -0.5},
    "interaction": {"full": 1.0, "full some": -1.0, "low": -1.0, "low some": 1.0},
    "16 or 32 bits, not 4": {"low": 1.0, "low nf4": -1.0},
}
"""Effect -> kind of row -> its weight: main effects of a 2 x 2 design, their interaction, and the base's bits."""


@dataclass(frozen=True, slots=True)
class FactorEffect:
    """One effect on one evaluation task by one score, turned so that more is better."""

    trained: str
    task: str
    score: str
    effect: str
    adapters: tuple[str, ...]
    """The rows it was computed from."""
    found: Contrast
    p_value: float | None
    """That it is zero, adjusted for the effects on this evaluation task (Holm)."""


def factor_effects(results: Results) -> tuple[FactorEffect, ...]:
    """Return every effect that the study's rows allow, for its primary score and those with a margin."""
    rows = rows_of(results)
    found: list[FactorEffect] = []
    for trained in dict.fromkeys(task for _, task in rows if task):
        kinds = _kinds({adapter: cells for (adapter, task), cells in rows.items() if task == trained})
        for task in results.tasks:
            read = {
                kind: (adapter, values_of(results, rows[adapter, trained], task))
                for kind, adapter in kinds.items()
            }
            for score in dict.fromkeys([results.analysis.primary, *results.analysis.margins]):
                effects = [*_effects(trained, task, score, read)]
                adjusted = iter(holm([e.p_value for e in effects if e.p_value is not None]))
                found += [replace(e, p_value=None if e.p_value is None else next(adjusted)) for e in effects]
    return tuple(found)


Read = Mapping[str, tuple[str, tuple[Mapping[str, SeedValues], Mapping[str, str]]]]
"""Kind -> (adapter, (score -> values, item -> group))."""


def _effects(trained: str, task: str, score: str, read: Read) -> Iterator[FactorEffect]:
    sign = 1.0 if higher_is_better(score) else -1.0
    for effect, weights in EFFECTS.items():
        if not all(kind in read and read[kind][1][0].get(score) for kind in weights):
            continue
        tables = {kind: read[kind][1][0][score] for kind in weights}
        seeds = set.intersection(*map(set, tables.values()))
        combined = {}
        for seed in sorted(seeds):
            items = set.intersection(*(set(table[seed]) for table in tables.values()))
            combined[seed] = {
                i: sign * sum(w * tables[kind][seed][i] for kind, w in weights.items()) for i in items
            }
        if not combined or not set.intersection(*map(set, combined.values())):
            continue
        groups = next(iter(read.values()))[1][1]
        value = contrast([Part(combined, groups)])
        adapters = tuple(read[kind][0] for kind in weights)
        yield FactorEffect(trained, task, score, effect, adapters, value, difference(value))


def _kinds(rows: Mapping[str, Sequence[CellResult]]) -> dict[str, str]:
    """Return kind -> adapter, the first of each.

    Low rank is the first unquantised adapter that is not full fine-tuning and is placed in all layers; the others
    have to have its options, and the two rows in some layers one selector.
    """
    asked = {
        adapter: record.request
        for adapter, cells in rows.items()
        if (record := next((cell.record for cell in cells if cell.record), None))
    }
    found: dict[str, str] = {}
    low = next((a for a, r in asked.items() if not _full(r) and _whole(r) and not _quantised(r)), None)
    for adapter, request in asked.items():
        alike = low is not None and request["adapter"].get("options") == asked[low]["adapter"].get("options")
        if _full(request):
            kind = "full" if _whole(request) else "full some"
        elif alike and _quantised(request) and _whole(request):
            kind = "low nf4"
        elif alike and not _quantised(request):
            kind = "low" if _whole(request) else "low some"
        else:
            continue
        found.setdefault(kind, adapter)
    some = [asked[found[kind]]["adapter"]["selector"] for kind in ("full some", "low some") if kind in found]
    if len(some) == 2 and some[0] != some[1]:
        del found["full some"]
    return found


def _full(request: Mapping[str, Any]) -> bool:
    return bool(request["adapter"]["name"] == "full")


def _whole(request: Mapping[str, Any]) -> bool:
    selector = request["adapter"].get("selector", {})
    return (selector.get("name"), selector.get("targets")) == ("all", "all")


def _quantised(request: Mapping[str, Any]) -> bool:
    return bool(request.get("base", {}).get("quantisation", "none") != "none")
