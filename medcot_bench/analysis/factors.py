"""Ablation: which layers are trained, by updates of which rank, on a base model of how many bits.

Layer-specific LoRA differs from full fine-tuning in two things at once. A study that also trains some layers fully
and all layers by LoRA separates them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from medcot_bench.analysis.per_item import rows_of, values_of
from medcot_bench.results.comparisons import Factor, FactorEffect
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.metrics import higher_is_better
from medcot_bench.results.records import CellRecord
from medcot_bench.stats.contrasts import Part, SeedValues, contrast, shared_items
from medcot_bench.stats.p_values import difference, holm

EFFECTS: Mapping[Factor, Mapping[str, float]] = {
    Factor.SCOPE: {"full": 0.5, "low": 0.5, "full some": -0.5, "low some": -0.5},
    Factor.RANK: {"full": 0.5, "full some": 0.5, "low": -0.5, "low some": -0.5},
    Factor.INTERACTION: {"full": 1.0, "full some": -1.0, "low": -1.0, "low some": 1.0},
    Factor.BITS: {"low": 1.0, "low nf4": -1.0},
}
"""Factor -> kind of row -> its weight: main effects of a 2 x 2 design, their interaction, and the base model's
bits."""
OWN = {"lr", "accumulation"}
"""Recipe fields in which the rows of an effect may differ: each method has the rate that suits it, and
accumulation changes no gradient."""
METHOD = ("name", "options")
"""What makes two low-rank adapters one method."""


def estimate_factor_effects(results: Results) -> tuple[FactorEffect, ...]:
    """Return every effect that the study's rows allow, for its primary score and those with a margin.

    An effect is one of rows that were trained on the same items by the same recipe but for the learning rate; with
    several numbers of training items there is one for each. All by one score are a family (Holm), on whatever
    tasks.
    """
    rows = rows_of(results)
    found: list[FactorEffect] = []
    for trained in dict.fromkeys(task for _, task in rows if task):
        designs = [*_designs({adapter: cells for (adapter, task), cells in rows.items() if task == trained})]
        for task in results.tasks:
            read = [
                {kind: (name, values_of(results, rows[name, trained], task)) for kind, name in design.items()}
                for design in designs
            ]
            for score in results.analysis.judged:
                found += [effect for design in read for effect in _effects(results, trained, task, score, design)]
    return _adjusted(found)


def _adjusted(effects: Sequence[FactorEffect]) -> tuple[FactorEffect, ...]:
    """Return the effects with p-values adjusted for all by the same score (Holm)."""
    families: defaultdict[str, list[int]] = defaultdict(list)
    for place, effect in enumerate(effects):
        families[effect.score].append(place)
    p_values = {
        place: p_value
        for places in families.values()
        for place, p_value in zip(places, holm([effects[place].p_value for place in places]), strict=True)
    }
    return tuple(replace(effect, p_value=p_values[place]) for place, effect in enumerate(effects))


Read = Mapping[str, tuple[str, tuple[Mapping[str, SeedValues], Mapping[str, str]]]]
"""Kind -> (adapter, (score -> values, item -> group))."""


def _effects(results: Results, trained: str, task: str, score: str, read: Read) -> Iterator[FactorEffect]:
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
        if not shared_items(combined):
            continue
        groups = {item: group for kind in weights for item, group in read[kind][1][1].items()}
        value = contrast([Part(combined, groups, alike=results.analysis.weights)])
        adapters = tuple(read[kind][0] for kind in weights)
        yield FactorEffect(trained, task, score, effect, adapters, value, difference(value))


def _designs(rows: Mapping[str, Sequence[CellResult]]) -> Iterator[dict[str, str]]:
    """Yield kind -> adapter for the rows of each set of training items and recipe."""
    alike: defaultdict[str, dict[str, CellRecord]] = defaultdict(dict)
    for adapter, cells in rows.items():
        if record := next((cell.record for cell in cells if cell.record), None):
            recipe = record.request.get("recipe", {})
            shared = {name: value for name, value in recipe.items() if name not in OWN}
            alike[json.dumps([record.request.get("train"), shared], sort_keys=True)][adapter] = record
    yield from map(_kinds, alike.values())


def _kinds(records: Mapping[str, CellRecord]) -> dict[str, str]:
    """Return kind -> adapter: the first four rows that make a 2 x 2, and the first pair that differs in bits.

    Both rows in some layers have one selector, both of low rank one adapter with its options.
    """
    every = frozenset[int]().union(*(record.layers for record in records.values()))
    full = [a for a, record in records.items() if record.updates == "full"]
    whole = next((a for a in full if records[a].updates_all), None)
    low = [a for a, record in records.items() if record.updates == "low_rank" and not _quantised(record)]
    everywhere, some = ([a for a in low if _in_layers(records[a], every) is wanted] for wanted in (True, False))
    for low_rank, low_some, full_some in product(everywhere, some, full) if whole else ():
        same_method = all(_adapter(records[low_rank])[key] == _adapter(records[low_some])[key] for key in METHOD)
        same_layers = _adapter(records[low_some])["selector"] == _adapter(records[full_some])["selector"]
        if whole and same_method and same_layers:
            kinds = {"full": whole, "full some": full_some, "low": low_rank, "low some": low_some}
            return kinds | _bits(records, low_rank, every)
    return next((pair for a in everywhere if (pair := _bits(records, a, every))), {})


def _bits(records: Mapping[str, CellRecord], low: str, every: frozenset[int]) -> dict[str, str]:
    """Return a row and the first that differs from it in the bits of the base alone."""
    options = _adapter(records[low])["options"]
    alike = (
        adapter
        for adapter, record in records.items()
        if _quantised(record) and _in_layers(record, every) and _adapter(record)["options"] == options
    )
    return {"low": low, "low nf4": found} if (found := next(alike, None)) else {}


def _adapter(record: CellRecord) -> Mapping[str, Any]:
    """Return the adapter as it was asked for: `name`, `options`, `selector`; empty where a record has none."""
    return {"name": "", "options": {}, "selector": {}, **record.request["adapter"]}


def _in_layers(record: CellRecord, every: frozenset[int]) -> bool | None:
    """Whether all layers are trained, or some; None where only some kinds of modules are."""
    if _adapter(record)["selector"].get("targets") != "all":
        return None
    return record.layers == every


def _quantised(record: CellRecord) -> bool:
    return bool(record.request.get("base", {}).get("quantisation", "none") != "none")
