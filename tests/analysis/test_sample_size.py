"""What would settle each inconclusive effect: counted by the study's own variances, priced by its own seconds."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import planted
import pytest
from planted import Made, write

from medcot_bench.analysis.build import build
from medcot_bench.results.comparisons import Effect, Needed, Persistence, Showing, Sizes
from medcot_bench.results.folder import load
from medcot_bench.stats.contrasts import Part
from medcot_bench.stats.power import ItemSet, Spread, spread_of
from medcot_bench.stats.variance_components import estimate_components
from medcot_bench.stats.verdict import ALPHA

TASKS = ("k8s_qa", "manuals_qa")
Means = Mapping[str, tuple[float, float]]


def plant(root: Path, means: Means, seeds: int = 3, **sizes: Any) -> Persistence:
    """Return the one hypothesis of a study."""
    plant_all(root, means, seeds, **sizes)
    (found,) = (one for one in build(load(root)).persistence if one.declared)
    return found


def plant_all(
    root: Path,
    means: Means,
    seeds: int = 3,
    of_seed: float = 0.02,
    items: int = 30,
    score_seconds: float = 0.0,
) -> None:
    """Write a study with those means on both tasks."""
    made = []
    for adapter, both in means.items():
        for seed in range(seeds):
            rng = random.Random(f"{adapter} {seed}")
            shared = rng.gauss(0, of_seed)
            scores = {
                task: {"answer": {f"{task} {n}": mean + shared + rng.gauss(0, 0.2) for n in range(items)}}
                for task, mean in zip(TASKS, both, strict=True)
            }
            made.append(Made(adapter=adapter, seed=seed, scores=scores, score_seconds=score_seconds))
    write(root, *made)


def gap_of(root: Path, task: str) -> Part:
    results = load(root)
    values: defaultdict[str, dict[int, dict[str, float]]] = defaultdict(dict)
    for cell in results.cells:
        values[cell.cell.adapter][cell.cell.seed or 0] = dict(results.items(cell, task).scores["answer"])
    gap = {s: {i: row[i] - values["lora"][s][i] for i in row} for s, row in values["full"].items()}
    return Part(gap, {item: f"{task} {item}" for item in gap[0]})


def spread(*parts: Part) -> Spread:
    found = estimate_components(parts)
    assert found
    return spread_of(found)


def needed_of(effect: Effect | None) -> Needed:
    assert effect
    assert effect.needed
    return effect.needed


def grown(one: ItemSet, now: Sizes, to: Sizes) -> ItemSet:
    """The same task with other items, or other groups of as many items."""
    return ItemSet(round(one.items * to.items / now.items), one.groups * to.groups / now.groups)


def test_every_way_is_the_least_that_is_enough(tmp_path: Path) -> None:
    found = plant(tmp_path, {"full": (0.6, 0.5), "lora": (0.56, 0.5)}, seeds=4)
    out_of_domain = gap_of(tmp_path, "manuals_qa")
    own = spread(out_of_domain)
    both = spread(out_of_domain, replace(gap_of(tmp_path, "k8s_qa"), weight=-1.0))
    assert found.did
    shown: dict[str, tuple[Effect, Showing, float, Callable[[int, int], float | None]]] = {
        "level": (
            found.out_of_domain.gap,
            Showing.EQUIVALENCE,
            0.05,
            lambda seeds, items: own.showable([ItemSet(items, float(items))], seeds),
        ),
        "change": (
            found.did,
            Showing.DIFFERENCE,
            abs(found.did.found.value),
            lambda seeds, items: both.detectable([ItemSet(items, float(items))] * 2, seeds),
        ),
    }
    for effect, showing, wanted, smallest in shown.values():
        needed = needed_of(effect)
        assert (needed.showing, needed.size, needed.now) == (showing, wanted, Sizes(4, 30, 30))
        by_seeds, by_items = sorted(needed.ways, key=lambda way: way.items)
        assert (by_seeds.items, by_items.seeds) == (30, 4)
        for seeds, items, fewer in (
            (by_seeds.seeds, 30, (by_seeds.seeds - 1, 30)),
            (4, by_items.items, (4, by_items.items - 1)),
        ):
            enough, too_large = smallest(seeds, items), smallest(*fewer)
            assert enough
            assert too_large
            assert enough <= wanted < too_large


def test_every_inconclusive_effect_of_every_score_has_its_own(tmp_path: Path) -> None:
    """By the number of tests that Holm's correction still has to pass, which differs from family to family."""
    root = tmp_path / "study"
    means = {"full": (0.6, 0.5), "lora": (0.52, 0.5), "qlora": (0.1, 0.1), "layer_lora": (0.55, 0.46)}
    plant_all(root, means, seeds=4)
    board = build(load(root))
    assert {one.adapter: str(one.verdict) for one in board.persistence}["qlora"].startswith("behind")
    for one in board.persistence:
        for effect in (one.in_domain.gap, one.out_of_domain.gap, one.did):
            assert effect
            assert (effect.needed is None) == effect.finding.conclusive
    found = {one.adapter: one for one in board.persistence}
    still_open = sum(one.in_domain.gap.difference > ALPHA for one in found.values())  # type: ignore[operator]
    assert still_open == 2
    needed = needed_of(found["lora"].in_domain.gap)
    (seeds,) = {way.seeds for way in needed.ways if way.items == 30} or {0}
    own, sets = spread(gap_of(root, "k8s_qa")), [ItemSet(30, 30.0)]
    least = (n for n in range(4, 31) if own.detectable(sets, n, still_open) <= needed.size)  # type: ignore[operator]
    assert seeds == next(least, 0)


def test_a_gap_inside_the_margin_is_nearer_to_equivalence(tmp_path: Path) -> None:
    found = plant(tmp_path, {"full": (0.6, 0.5), "lora": (0.56, 0.5)}, seeds=4)
    in_domain, out_of_domain = needed_of(found.in_domain.gap), needed_of(found.out_of_domain.gap)
    assert (in_domain.showing, in_domain.size) == (Showing.DIFFERENCE, abs(found.in_domain.gap.found.value))
    assert (out_of_domain.showing, out_of_domain.size) == (Showing.EQUIVALENCE, 0.05)
    assert abs(found.out_of_domain.gap.found.value) < 0.05 < abs(found.in_domain.gap.found.value)


def test_what_ten_times_the_study_leaves_open_is_out_of_reach(tmp_path: Path) -> None:
    found = plant(tmp_path, {"full": (0.55, 0.5), "lora": (0.55, 0.5)}, of_seed=3.0)
    needed = needed_of(found.in_domain.gap)
    assert needed.ways == ()
    own = spread(gap_of(tmp_path, "k8s_qa"))
    size = own.showable if needed.showing is Showing.EQUIVALENCE else own.detectable
    assert size([ItemSet(300, 300.0)], 30) > needed.size  # type: ignore[operator]


def test_the_difference_of_the_gaps_counts_both_tasks(tmp_path: Path) -> None:
    found = plant(tmp_path, {"full": (0.9, 0.8), "lora": (0.3, 0.25)})
    assert str(found.verdict) == "behind throughout"
    assert found.in_domain.gap.needed is found.out_of_domain.gap.needed is None
    needed = needed_of(found.did)
    own = spread(gap_of(tmp_path, "manuals_qa"), replace(gap_of(tmp_path, "k8s_qa"), weight=-1.0))
    size = own.showable if needed.showing is Showing.EQUIVALENCE else own.detectable
    assert needed.ways
    for way in needed.ways:
        assert size([grown(ItemSet(30, 30.0), needed.now, way)] * 2, way.seeds) <= needed.size  # type: ignore[operator]


def test_more_groups_are_told_apart_from_more_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted, "GROUPS", {f"{task} {n}": str(n // 3) for task in TASKS for n in range(30)})
    found = plant(tmp_path, {"full": (0.6, 0.5), "lora": (0.585, 0.5)}, seeds=5, of_seed=0.0)
    needed = needed_of(found.in_domain.gap)
    assert needed.now == Sizes(5, 30, 10)
    kinds = {(way.seeds > 5, way.items > 30, way.groups > 10) for way in needed.ways}
    assert kinds == {(True, False, False), (False, True, False), (False, True, True)}
    by_groups = next(way for way in needed.ways if way.groups > 10)
    assert by_groups.items == 3 * by_groups.groups


def test_more_of_a_study_takes_its_own_seconds(tmp_path: Path) -> None:
    """Two methods, 13 s for a training, 4 s for its scoring on two tasks; full fine-tuning is trained again."""
    found = plant(tmp_path, {"full": (0.6, 0.5), "lora": (0.56, 0.5)}, seeds=4, score_seconds=2.0)
    needed = needed_of(found.out_of_domain.gap)
    by_seeds, by_items = sorted(needed.ways, key=lambda way: way.items)
    assert by_seeds.seconds == pytest.approx((by_seeds.seeds - 4) * 2 * (13 + 4))
    assert by_items.seconds == pytest.approx(4 * (13 + 2 * 4 * by_items.items / 30))
    assert [way.seconds for way in needed.ways] == sorted(way.seconds or 0.0 for way in needed.ways)


@pytest.mark.parametrize(
    ("means", "seeds", "verdict"),
    [
        ({"full": (0.9, 0.2), "lora": (0.3, 0.8)}, 3, "reverses"),
        ({"full": (0.6, 0.5), "lora": (0.55, 0.5)}, 2, "descriptive: fewer than 3 seeds"),
    ],
)
def test_other_verdicts_need_nothing(means: Means, seeds: int, verdict: str, tmp_path: Path) -> None:
    found = plant(tmp_path, means, seeds)
    assert str(found.verdict) == verdict
    assert found.in_domain.gap.needed is found.out_of_domain.gap.needed is None


def test_too_few_groups_that_differ_tell_nothing_of_the_variances(tmp_path: Path) -> None:
    found = plant(tmp_path, {"full": (0.6, 0.5), "lora": (0.52, 0.5)}, items=2)
    assert not found.in_domain.gap.finding.conclusive
    assert found.in_domain.gap.needed is None
