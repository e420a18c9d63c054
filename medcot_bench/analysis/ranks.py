"""Ranks with ties: what does not differ significantly from the best shares its rank."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from math import comb

from medcot_bench.analysis.lm_eval import read_first_scores, read_lower_scores
from medcot_bench.analysis.per_item import Key, Values, paired_difference
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.leaderboard import USUAL, Rank
from medcot_bench.stats.contrasts import Part, SeedValues, contrast
from medcot_bench.stats.crossed import Weights
from medcot_bench.stats.p_values import difference, holm
from medcot_bench.stats.verdict import ALPHA

Ranks = Mapping[tuple[str, str | None, str], Mapping[str, Rank]]
"""(Adapter, its training task, evaluation task) -> training task -> rank."""


def rank(
    values: Mapping[str, SeedValues],
    groups: Mapping[str, str],
    score: str,
    lower: Container[str] = (),
    alike: Weights = "items",
) -> dict[str, Rank]:
    """Return name -> rank by one score, over the seeds and items that all have; `lower` as in `paired_difference`.

    The best mean leads; whatever does not differ from it significantly (paired by item and seed, 5%, Holm over
    all pairs: which one leads is the data's choice) shares its rank. The best of the rest leads the next rank,
    whose place counts all before it. Empty where there are not two seeds or no item that all have: one seed
    compares models, not methods.
    """
    common = _common(values)
    if len(next(iter(common.values()), {})) < 2:
        return {}
    zero = {seed: dict.fromkeys(row, 0.0) for seed, row in next(iter(common.values())).items()}

    def lead(one: SeedValues, other: SeedValues) -> Part:
        return Part(paired_difference(one, other, score, lower), groups, alike=alike)

    better = sorted(common, key=lambda name: -lead(common[name], zero).table.mean)
    pairs = comb(len(better), 2)
    found: dict[str, Rank] = {}
    while better:
        leader, *others = better
        adjusted = holm(
            [difference(contrast([lead(common[leader], common[other])])) for other in others], tests=pairs
        )
        tied = [leader, *(other for other, p in zip(others, adjusted, strict=True) if p is None or p > ALPHA)]
        place = len(found) + 1
        found |= {name: Rank(place, len(tied) > 1, score) for name in tied}
        better = [name for name in better if name not in found]
    return found


def _common(values: Mapping[str, SeedValues]) -> dict[str, SeedValues]:
    """Restrict every row to the seeds and items of all."""
    if not values:
        return {}
    seeds = set.intersection(*(set(row) for row in values.values()))
    items = (set(row[seed]) for row in values.values() for seed in seeds)
    shared = set.intersection(*items) if seeds else set()
    if not shared:
        return {}
    return {
        name: {seed: {item: row[seed][item] for item in sorted(shared)} for seed in sorted(seeds)}
        for name, row in values.items()
    }


def rank_rows(
    results: Results,
    rows: Mapping[Key, Sequence[CellResult]],
    values: Mapping[Key, Mapping[str, tuple[Values, dict[str, str]]]],
) -> Ranks:
    """Rank the rows of every training task on every evaluation task."""
    found: dict[tuple[str, str | None, str], dict[str, Rank]] = {}
    trainings = [*dict.fromkeys(key[1] for key in rows if key[1])]
    first, less = read_first_scores(results), read_lower_scores(results)
    for task in results.tasks:
        lower = less.get(task, ())
        for trained in trainings:
            whole = [
                key
                for key, cells in rows.items()
                if key[1] in (None, trained) and all(task in cell.evaluations for cell in cells)
            ]
            own_prompt = [values[key][task][0] for key in whole if not rows[key][0].baseline]
            score = first.get(task) or choose_score(results, own_prompt)
            seeds = {cell.cell.seed for key in whole if key[1] for cell in rows[key] if cell.cell.seed is not None}
            compared: dict[str, SeedValues] = {}
            groups: dict[str, str] = {}
            for key in whole:
                own, groups = values[key][task]
                if score in own:
                    # The base model is the same whatever the seed.
                    compared[key[0]] = (
                        own[score] if key[1] else dict.fromkeys(seeds, next(iter(own[score].values())))
                    )
            for adapter, place in rank(compared, groups, score, lower, results.analysis.weights).items():
                of_row = trained if (adapter, trained) in rows else None
                found.setdefault((adapter, of_row, task), {})[trained] = place
    return found


def choose_score(results: Results, rows: Sequence[Values]) -> str:
    """Return the study's primary score, or the first of the usual ones that every row has.

    Give it no prompting baseline: one without likelihoods does not change what the others are ranked by.
    """
    wanted = (results.analysis.primary, *USUAL)
    return next((name for name in wanted if rows and all(name in row for row in rows)), results.analysis.primary)
