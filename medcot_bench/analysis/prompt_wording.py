"""What the wording of the prompt makes of a score: the prompt trained on, less another one for the same items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from medcot_bench.analysis.per_item import paired_difference, rows_of, values_of
from medcot_bench.results.comparisons import Factor, FactorEffect
from medcot_bench.results.folder import Results
from medcot_bench.stats.contrasts import Part, contrast, shared_items
from medcot_bench.stats.p_values import difference, holm


def estimate_prompt_effects(results: Results) -> tuple[FactorEffect, ...]:
    """Return, for every row, how much better it is on its own task's prompt than on each other prompt.

    Paired by item and seed, for the primary score and those with a margin; the adapters of one training task,
    prompt and score are a family (Holm). How prompts change the gap to full fine-tuning is in `persistence`.
    """
    found: list[FactorEffect] = []
    for other, entry in results.tasks.items():
        own = str(entry.items_of)
        if own not in results.tasks:
            continue
        for score in results.analysis.judged:
            family = [*_effects(results, own, other, score)]
            adjusted = holm([effect.p_value for effect in family])
            found += [replace(effect, p_value=p) for effect, p in zip(family, adjusted, strict=True)]
    return tuple(found)


def _effects(results: Results, own: str, other: str, score: str) -> Iterator[FactorEffect]:
    for (adapter, trained), cells in rows_of(results).items():
        if trained != own:
            continue
        values, groups = values_of(results, cells, own)
        reworded, _ = values_of(results, cells, other)
        paired = paired_difference(values.get(score, {}), reworded.get(score, {}), score)
        if shared_items(paired):
            value = contrast([Part(paired, groups, alike=results.analysis.weights)])
            yield FactorEffect(own, other, score, Factor.PROMPT, (adapter,), value, difference(value))
