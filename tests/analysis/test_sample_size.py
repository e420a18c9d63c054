"""What would settle a verdict: counted by the study's own variances, for the effect that keeps it inconclusive."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from planted import Made, write

from medcot_bench.analysis.persistence import estimate_persistence
from medcot_bench.results.comparisons import Blocking, Persistence
from medcot_bench.results.folder import load
from medcot_bench.stats.contrasts import Part, effective_groups
from medcot_bench.stats.power import MOST_SEEDS, Spread, detectable, groups_needed, seeds_needed, spread_of

TASKS = ("k8s_qa", "manuals_qa")
Means = Mapping[str, tuple[float, float]]


def plant(root: Path, means: Means, seeds: int = 3, of_seed: float = 0.05, items: int = 30) -> Persistence:
    """Return the hypothesis of a study with those means on both tasks, a group per item."""
    made = []
    for adapter, both in means.items():
        for seed in range(seeds):
            rng = random.Random(f"{adapter} {seed}")
            shared = rng.gauss(0, of_seed)
            scores = {
                task: {"answer": {f"{task} {n}": mean + shared + rng.gauss(0, 0.2) for n in range(items)}}
                for task, mean in zip(TASKS, both, strict=True)
            }
            made.append(Made(adapter=adapter, seed=seed, scores=scores))
    results = load(write(root, *made))
    (found,) = (one for one in estimate_persistence(results) if one.declared)
    return found


def gap_of(root: Path, task: str) -> Part:
    results = load(root)
    values: dict[str, dict[int, dict[str, float]]] = {"full": {}, "lora": {}}
    for cell in results.cells:
        values[cell.cell.adapter][cell.cell.seed or 0] = dict(results.items(cell, task).scores["answer"])
    gap = {s: {i: row[i] - values["lora"][s][i] for i in row} for s, row in values["full"].items()}
    return Part(gap, {item: f"{task} {item}" for item in gap[0]})


def test_seeds_and_groups_are_counted_for_the_gap_that_is_not_significant(tmp_path: Path) -> None:
    found = plant(tmp_path, {"full": (0.6, 0.5), "lora": (0.55, 0.5)})
    assert found.verdict.in_domain == "inconclusive"
    needed = found.needed
    assert needed
    gap = found.in_domain.gap.found
    assert (needed.effect, needed.size, needed.groups) == (Blocking.IN_DOMAIN, abs(gap.value), 30)
    spread = spread_of([gap_of(tmp_path, "k8s_qa")])
    assert spread
    assert needed.seeds == seeds_needed(spread, needed.size, 30)
    assert needed.groups_needed == groups_needed(spread, needed.size, 3)


def test_a_gap_below_the_margin_is_taken_to_be_as_large_as_that(tmp_path: Path) -> None:
    found = plant(tmp_path, {"full": (0.55, 0.5), "lora": (0.55, 0.5)}, of_seed=0.3)
    assert found.needed
    assert found.needed.size == max(abs(found.in_domain.gap.found.value), 0.02)


def test_with_a_gap_in_domain_the_difference_of_the_gaps_is_what_blocks(tmp_path: Path) -> None:
    found = plant(tmp_path, {"full": (0.9, 0.8), "lora": (0.3, 0.25)})
    assert str(found.verdict) == "behind throughout"
    assert found.needed
    assert found.needed.effect is Blocking.DID
    parts = [gap_of(tmp_path, "manuals_qa"), replace(gap_of(tmp_path, "k8s_qa"), weight=-1.0)]
    spread = spread_of(parts)
    assert spread
    share = 30 / effective_groups([set(part.groups.values()) for part in parts])
    spread = replace(spread, groups=share * spread.groups, rest=share * spread.rest)
    assert found.needed.seeds == seeds_needed(spread, found.needed.size, 30)


@pytest.mark.parametrize(
    ("means", "seeds", "verdict"),
    [
        ({"full": (0.9, 0.2), "lora": (0.3, 0.8)}, 3, "reverses"),
        ({"full": (0.6, 0.5), "lora": (0.55, 0.5)}, 1, "descriptive: fewer than 3 seeds"),
    ],
)
def test_other_verdicts_need_nothing(means: Means, seeds: int, verdict: str, tmp_path: Path) -> None:
    found = plant(tmp_path, means, seeds)
    assert (str(found.verdict), found.needed) == (verdict, None)


def test_the_least_number_of_seeds_is_found() -> None:
    spread = Spread(groups=0.1, seeds=0.04, rest=0.1)
    found = seeds_needed(spread, 0.4, 30)
    assert found
    assert detectable(spread.stderr(30, found), spread.df(30, found)) <= 0.4
    assert detectable(spread.stderr(30, found - 1), spread.df(30, found - 1)) > 0.4
    assert seeds_needed(spread, 0.01, 30) is None
    assert seeds_needed(Spread(0.0, 0.0, 1e-9), 0.4, 30) == 2 < MOST_SEEDS
