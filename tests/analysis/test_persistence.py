"""Gaps, changes and verdicts of planted studies, computed a second time with numpy and scipy."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy
import pytest
from planted import Made, write
from scipy import optimize, stats
from sealed import write_sealed

from medcot_bench.analysis.build import build
from medcot_bench.analysis.persistence import estimate_persistence
from medcot_bench.analysis.pilot import estimate_variances
from medcot_bench.report.headline import write_headline
from medcot_bench.results.comparisons import Persistence
from medcot_bench.results.folder import load
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.p_values import difference, equivalence

TASKS = ("k8s_qa", "manuals_qa")
ITEMS = 60
Means = Mapping[str, tuple[float, float]]
"""Adapter -> mean on the training task and under shift."""


def plant(root: Path, means: Means, seeds: int = 3, spread: float = 0.05, **changes: Any) -> Path:
    """Write a study with continuous values around those means, a group an item."""
    made = []
    rng = random.Random(7)
    hard = {task: [rng.gauss(0, 0.2) for _ in range(ITEMS)] for task in TASKS}
    for adapter, both in means.items():
        for seed in range(seeds if adapter != "none" else 1):
            of_seed = rng.gauss(0, spread / 3)
            scores = {
                task: {
                    "answer": {
                        f"{task} {n}": mean + of_seed + hard[task][n] + rng.gauss(0, spread) for n in range(ITEMS)
                    }
                }
                for task, mean in zip(TASKS, both, strict=True)
            }
            untouched = {"seed": None, "task": None} if adapter == "none" else {"seed": seed}
            made.append(Made(adapter=adapter, scores=scores, **untouched, **changes))  # type: ignore[arg-type]
    return write(root, *made)


def only(root: Path) -> Persistence:
    (found,) = (pair for pair in estimate_persistence(load(root)) if pair.score == "answer")
    return found


def array(root: Path, adapter: str, task: str) -> Any:
    """Seeds by items, in the order of the items."""
    results = load(root)
    cells = [cell for cell in results.cells if cell.cell.adapter == adapter]
    rows = [sorted((s["id"], s["scores"]["answer"]) for s in results.samples(cell, task)) for cell in cells]
    return numpy.array([[value for _, value in row] for row in rows])


def two_way(*tables: Any) -> tuple[float, float, float]:
    """Mean, standard error and half the interval of the sum of means of tables of seeds by groups, disjoint."""
    seeds = tables[0].shape[0]
    of_groups = [table.mean(axis=0).var(ddof=1) / table.shape[1] for table in tables]
    of_seeds = sum(table.mean(axis=1) for table in tables).var(ddof=1) / seeds
    rest = 0.0
    for table in tables:
        left = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
        rest += (left**2).sum() / ((seeds - 1) * (table.shape[1] - 1)) / table.size
    variance = max(sum(of_groups) + of_seeds - rest, sum(of_groups), of_seeds)
    dfs = [*(table.shape[1] - 1 for table in tables), seeds - 1]
    half = (stats.t.ppf(0.975, dfs) ** 2 @ [*of_groups, variance - sum(of_groups)]) ** 0.5
    return sum(t.mean() for t in tables), variance**0.5, half


def same(found: Contrast | None, *tables: Any) -> bool:
    assert found is not None
    low, high = found.interval() or (0.0, 0.0)
    return (found.value, found.stderr, (high - low) / 2) == pytest.approx(two_way(*tables), rel=1e-9, abs=1e-12)


def test_every_number_is_the_one_numpy_finds(tmp_path: Path) -> None:
    root = plant(tmp_path, {"none": (0.2, 0.2), "full": (0.8, 0.6), "lora": (0.6, 0.5)}, seeds=5)
    found = only(root)
    values = {(a, task): array(root, a, task) for a in ("none", "full", "lora") for task in TASKS}
    gaps = {task: values["full", task] - values["lora", task] for task in TASKS}
    for side in (found.in_domain, found.out_of_domain):
        base = values["none", side.task]
        assert same(side.full, values["full", side.task])
        assert same(side.adapter, values["lora", side.task])
        assert same(side.base, numpy.repeat(base, 5, axis=0))
        assert same(side.gap.found, gaps[side.task])
        assert same(side.full_gain, values["full", side.task] - base)
        assert same(side.adapter_gain, values["lora", side.task] - base)
        mean, stderr, half = two_way(gaps[side.task])
        df = optimize.brentq(lambda df, q=half / stderr: stats.t.ppf(0.975, df) - q, 1, 1000)
        assert side.gap.difference == pytest.approx(2 * stats.t.sf(abs(mean) / stderr, df), rel=1e-9)
        ends = [stats.t.sf((0.05 - sign * mean) / stderr, df) for sign in (1, -1)]
        assert side.gap.equivalence == pytest.approx(max(ends), rel=1e-9)
        for adapter, between in (("lora", side.adapter_seed_difference), ("full", side.full_seed_difference)):
            rows = values[adapter, side.task]
            apart = [abs(rows[a] - rows[b]).mean() for a, b in combinations(range(5), 2)]
            assert between == pytest.approx(numpy.mean(apart), rel=1e-9)
        assert side.mcnemar == {}
    assert found.did
    assert same(found.did.found, gaps["manuals_qa"], -gaps["k8s_qa"])
    assert found.ratio
    assert found.ratio.value == pytest.approx(gaps["manuals_qa"].mean() / gaps["k8s_qa"].mean(), rel=1e-9)


def fieller_set(over: Any, under: Any) -> tuple[float, float]:
    """The ends of all r for which the mean of `over - r * under` is not told from zero; seeds by groups each."""
    dfs = []
    for table in (over, under):
        _, stderr, half = two_way(table)
        dfs.append(optimize.brentq(lambda df, q=half / stderr: stats.t.ppf(0.975, df) - q, 1, 1000))
    quantile = stats.t.ppf(0.975, min(dfs))

    def told(r: float) -> float:
        mean, stderr, _ = two_way(over - r * under)
        return abs(mean) - quantile * stderr

    middle = over.mean() / under.mean()
    return optimize.brentq(told, middle - 10, middle), optimize.brentq(told, middle, middle + 10)


def test_what_is_recovered_has_the_set_of_fieller(tmp_path: Path) -> None:
    root = plant(tmp_path, {"none": (0.2, 0.2), "full": (0.8, 0.6), "lora": (0.6, 0.5)}, spread=0.1)
    found = only(root)
    for side in (found.in_domain, found.out_of_domain):
        base = array(root, "none", side.task)
        own, full = (array(root, adapter, side.task) - base for adapter in ("lora", "full"))
        assert side.recovered
        assert side.recovered.value == pytest.approx(own.mean() / full.mean(), rel=1e-9)
        ends = (side.recovered.low, side.recovered.high)
        assert ends == pytest.approx(fieller_set(own, full), rel=1e-9)


def test_nothing_is_recovered_of_what_full_fine_tuning_does_not_gain(tmp_path: Path) -> None:
    found = only(plant(tmp_path, {"none": (0.5, 0.5), "full": (0.8, 0.3), "lora": (0.6, 0.6)}))
    assert found.in_domain.recovered is not None
    assert found.out_of_domain.full_gain
    assert found.out_of_domain.full_gain.value < 0
    assert found.out_of_domain.recovered is None
    assert only(plant(tmp_path / "no base", {"full": (0.8, 0.3), "lora": (0.6, 0.6)})).in_domain.recovered is None


@pytest.mark.parametrize(
    ("means", "verdict"),
    [
        ({"full": (0.70, 0.5), "lora": (0.70, 0.3)}, "emerges"),
        ({"full": (0.70, 0.5), "lora": (0.70, 0.5)}, "level throughout"),
        ({"full": (0.50, 0.5), "lora": (0.70, 0.5)}, "ahead in domain, level out of domain, gap grows"),
        ({"full": (0.50, 0.5), "lora": (0.70, 0.8)}, "ahead throughout"),
        ({"full": (0.80, 0.6), "lora": (0.50, 0.3)}, "persists"),
        ({"full": (0.80, 0.6), "lora": (0.50, 0.6)}, "vanishes"),
        ({"full": (0.80, 0.4), "lora": (0.50, 0.6)}, "reverses"),
        ({"full": (0.80, 0.6), "lora": (0.70, 0.2)}, "widens"),
        ({"full": (0.80, 0.6), "lora": (0.20, 0.3)}, "shrinks"),
    ],
)
def test_a_clear_study_gets_its_verdict(tmp_path: Path, means: Means, verdict: str) -> None:
    assert str(only(plant(tmp_path, means, spread=0.005)).verdict) == verdict


def test_noise_larger_than_the_gap_is_inconclusive(tmp_path: Path) -> None:
    found = only(plant(tmp_path, {"full": (0.52, 0.5), "lora": (0.5, 0.5)}, spread=0.5))
    assert str(found.verdict) == "inconclusive"


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_are_described(tmp_path: Path, seeds: int) -> None:
    found = only(plant(tmp_path, {"full": (0.8, 0.6), "lora": (0.2, 0.3)}, seeds=seeds))
    assert found.verdict.descriptive
    assert (found.in_domain.adapter_seed_difference is None) == (seeds == 1)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_share_of_full_fine_tuning_s_gain_is_tested_item_by_item(tmp_path: Path, share: float) -> None:
    root = plant(tmp_path, {"none": (0.1, 0.1), "full": (0.8, 0.6), "lora": (0.55, 0.6)}, seeds=5)
    declare(root, share_kept=share)
    found = only(root)
    assert found.share == share
    for task, side in zip(TASKS, (found.in_domain, found.out_of_domain), strict=True):
        base, full, own = (array(root, name, task) for name in ("none", "full", "lora"))
        over = (own - base) - share * (full - base)
        assert side.kept
        assert side.kept.found.value == pytest.approx(over.mean(), rel=1e-9)
        groups, seeds = over.shape[1], over.shape[0]
        of_groups = over.mean(axis=0).var(ddof=1) / groups
        of_seeds = over.mean(axis=1).var(ddof=1) / seeds
        assert side.kept.found.stderr
        assert side.kept.found.stderr**2 <= of_groups + of_seeds
        assert side.kept.found.stderr**2 >= max(of_groups, of_seeds) * (1 - 1e-9)
        assert side.kept.finding.sign == {0.5: "> 0", 0.9: {"k8s_qa": "< 0", "manuals_qa": "> 0"}[task]}[share]


def test_a_margin_may_be_a_share_of_full_fine_tuning_s_gain(tmp_path: Path) -> None:
    """Two one-sided tests of the gap and the share of the gain together, item by item, on each side."""
    root = plant(tmp_path, {"none": (0.1, 0.1), "full": (0.8, 0.6), "lora": (0.79, 0.59)}, seeds=5, spread=0.05)
    declare(root, margins={"answer": "10%"})
    found = only(root)
    bounds: dict[str, list[Any]] = {}
    for task, side in zip(TASKS, (found.in_domain, found.out_of_domain), strict=True):
        base, full, own = (array(root, name, task) for name in ("none", "full", "lora"))
        assert side.margin == pytest.approx(0.1 * (full - base).mean(), rel=1e-9)
        gap, share = full - own, 0.1 * (full - base)
        bounds[task] = [gap, share]
        assert side.gap.equivalence == pytest.approx(max(one_sided(share + gap), one_sided(share - gap)), rel=1e-6)
    (gap, share), (other, _) = (bounds[task] for task in TASKS)
    assert found.did
    both = (one_sided(other, share - gap), one_sided(-other, share + gap))
    assert found.did.equivalence == pytest.approx(max(both), rel=1e-6)
    assert (found.verdict.in_domain, str(found.margin)) == ("level", "10% of full fine-tuning's gain")


def one_sided(*tables: Any) -> float:
    """The p-value of a sum of means being 0 or less, from its interval."""
    mean, stderr, half = two_way(*tables)
    df = optimize.brentq(lambda df: stats.t.ppf(0.975, df) - half / stderr, 1, 1000)
    return float(stats.t.sf(mean / stderr, df))


def test_a_margin_that_is_a_share_takes_a_gain(tmp_path: Path) -> None:
    for number, means in enumerate(({"none": (0.8, 0.8)}, {})):
        root = plant(tmp_path / str(number), {**means, "full": (0.8, 0.6), "lora": (0.8, 0.6)}, seeds=5)
        declare(root, margins={"answer": "10%"})
        found = only(root)
        assert (found.in_domain.margin, found.in_domain.gap.equivalence) == (None, None)
        assert found.verdict.in_domain != "level"


def test_a_share_of_no_gain_is_not_tested(tmp_path: Path) -> None:
    found = only(plant(tmp_path, {"none": (0.5, 0.5), "full": (0.5, 0.3), "lora": (0.6, 0.6)}, seeds=5))
    assert (found.in_domain.kept, found.out_of_domain.kept) == (None, None)
    assert only(plant(tmp_path / "no base", {"full": (0.8, 0.3), "lora": (0.6, 0.6)})).in_domain.kept is None


def test_the_hypotheses_are_a_family_of_their_own(tmp_path: Path) -> None:
    adapters = {"full": (0.8, 0.6), "lora": (0.78, 0.6), "layer_lora": (0.77, 0.6), "qlora": (0.77, 0.6)}
    root = plant(tmp_path, adapters, seeds=5)
    p_values: dict[tuple[str, ...], dict[str, Persistence]] = {}
    for declared in ((), ("layer_lora",)):
        declare(root, margins={"answer": 0.02}, adapters=declared)
        p_values[declared] = {pair.adapter: pair for pair in estimate_persistence(load(root))}
    alone, among = p_values["layer_lora",]["layer_lora"], p_values[()]["layer_lora"]
    assert (alone.declared, p_values["layer_lora",]["lora"].declared) == (True, False)
    assert alone.in_domain.gap.found == among.in_domain.gap.found
    mean, stderr, df = (
        alone.in_domain.gap.found.value,
        alone.in_domain.gap.found.stderr,
        alone.in_domain.gap.found.df,
    )
    assert alone.in_domain.gap.difference == pytest.approx(2 * stats.t.sf(abs(mean) / stderr, df))
    assert (among.in_domain.gap.difference or 0) > (alone.in_domain.gap.difference or 0)


def declare(root: Path, **analysis: Any) -> None:
    plan = json.loads((root / "plan.json").read_text())
    write_sealed(root / "plan.json", {**plan, "analysis": analysis})


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Holm's: each raised by the number of those that are not below it, and no smaller than any below it."""
    raised = {p: min(1.0, p * sum(other >= p for other in p_values)) for p in p_values}
    return [max(value for p, value in raised.items() if p <= own) for own in p_values]


def test_a_family_goes_over_training_tasks_and_sizes_but_over_no_two_scores(tmp_path: Path) -> None:
    made = []
    rng = random.Random(3)
    for task in TASKS:
        for size in (100, "all"):
            for number, name in enumerate(("full", "lora", "layer_lora")):
                for seed in range(3):
                    means = {"answer": 0.8 - number / 40, "gold_nll": 0.5 + number / 40}
                    scores = {
                        scored: {
                            score: {f"{scored} {n}": mean + rng.gauss(0, 0.1) for n in range(20)}
                            for score, mean in means.items()
                        }
                        for scored in TASKS
                    }
                    label, asked = f"{name}:train_items={size}", {"train": f"{task} {size}"}
                    made.append(Made(adapter=label, task=task, seed=seed, scores=scores, request=asked))
    root = write(tmp_path, *made)
    declare(root, adapters=["layer_lora"], margins={"answer": 0.02, "gold_nll": 0.02})
    found = estimate_persistence(load(root))
    assert len(found) == 16  # training tasks by sizes by adapters by scores
    families: dict[tuple[str, bool], list[Persistence]] = {}
    for pair in found:
        hypothesis = pair.score == "answer" and pair.adapter.startswith("layer_lora:")
        assert pair.declared == hypothesis
        families.setdefault((pair.score, hypothesis), []).append(pair)
    assert [len(family) for family in families.values()] == [4, 4, 8]
    for family in families.values():
        dids = [pair.did for pair in family if pair.did]
        for effects in (
            [pair.in_domain.gap for pair in family],
            [pair.out_of_domain.gap for pair in family],
            dids,
        ):
            for test, alone in (
                ("difference", difference),
                ("equivalence", lambda effect: equivalence(effect, 0.02)),
            ):
                raw = [alone(effect.found) or 0.0 for effect in effects]
                assert len(set(raw)) == len(family)
                assert [getattr(effect, test) for effect in effects] == pytest.approx(adjusted(raw), rel=1e-12)


def test_a_gap_in_domain_counts_once_however_many_the_shifts(tmp_path: Path) -> None:
    row = {"full": (0.8, 0.6), "lora": (0.77, 0.55)}
    alone = only(plant(tmp_path / "one", row))
    root = plant(tmp_path / "two", row)
    plan = json.loads((root / "plan.json").read_text())
    for cell in plan["cells"]:
        again = [one for one in cell["evaluations"] if one["task"] == "manuals_qa"]
        cell["evaluations"] += [{**one, "id": f"{one['id']}x", "task": "again"} for one in again]
    plan["tasks"]["again"] = plan["tasks"]["manuals_qa"]
    write_sealed(root / "plan.json", plan)
    for path in [*root.glob("cells/*/samples/manuals_qa-*")]:
        path.with_name(path.name.replace(".json", "x.json")).write_text(path.read_text())
    for path in [*root.glob("cells/*/scores/manuals_qa-*")]:
        record = json.loads(path.read_text())
        again = {**record, "score_id": f"{record['score_id']}x"}
        write_sealed(path.with_name(path.name.replace(".json", "x.json")), again)
    found = [pair for pair in estimate_persistence(load(root)) if pair.score == "answer"]
    assert [pair.out_of_domain.task for pair in found] == ["manuals_qa", "again"]
    for pair in found:
        assert pair.in_domain.gap == alone.in_domain.gap
        assert pair.out_of_domain.gap.difference == pytest.approx(2 * (alone.out_of_domain.gap.difference or 0))


def test_scores_of_other_forms_are_not_compared_but_likelihoods_are(tmp_path: Path) -> None:
    scores = {
        task: {"answer": dict.fromkeys("abcd", 1.0), "gold_nll": dict.fromkeys("abcd", 0.5)} for task in TASKS
    }
    root = write(tmp_path, *(Made(adapter=a, seed=s, scores=scores) for a in ("full", "lora") for s in (0, 1)))
    for path in root.glob("cells/*/scores/manuals_qa*.json"):
        write_sealed(path, json.loads(path.read_text().replace('"answer": "text"', '"answer": "letter"')))
    by_score = {pair.score: pair for pair in estimate_persistence(load(root))}
    assert by_score["answer"].did is None
    assert by_score["answer"].verdict.change is None
    assert by_score["gold_nll"].did is not None
    assert by_score["answer"].in_domain.mcnemar == {0: 1.0, 1: 1.0}


def test_without_full_fine_tuning_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    assert estimate_persistence(load(plant(tmp_path, {"lora": (0.8, 0.6), "qlora": (0.2, 0.3)}))) == ()


def test_right_and_wrong_are_counted_on_the_items_that_all_seeds_have(tmp_path: Path) -> None:
    right, odd = dict.fromkeys("abcd", 1.0), {**dict.fromkeys("abcd", 1.0), "e": 0.5}
    made = [
        Made(adapter=adapter, seed=seed, scores={key: {"answer": odd if seed == 0 else right} for key in TASKS})
        for adapter in ("full", "lora")
        for seed in range(2)
    ]
    assert only(write(tmp_path, *made)).in_domain.mcnemar == {0: 1.0, 1: 1.0}


def test_only_seeds_that_both_tasks_have_count(tmp_path: Path) -> None:
    root = plant(tmp_path, {"full": (0.8, 0.6), "lora": (0.6, 0.5)})
    (path,) = root.glob("cells/*lora__s2*/scores/manuals_qa*.json")
    path.unlink()
    found = only(root)
    assert found.did
    assert found.in_domain.gap.found.seeds == found.out_of_domain.gap.found.seeds == found.did.found.seeds == 2
    assert found.did.found.value == pytest.approx(
        found.out_of_domain.gap.found.value - found.in_domain.gap.found.value
    )


def test_seeds_that_share_no_task_show_nothing_yet(tmp_path: Path) -> None:
    root = plant(tmp_path, {"full": (0.8, 0.6), "lora": (0.6, 0.5)}, seeds=2)
    for pattern in ("*lora__s0*/scores/manuals_qa*", "*lora__s1*/scores/k8s_qa*"):
        (path,) = root.glob(f"cells/{pattern}.json")
        path.unlink()
    results = load(root)
    assert [pair for pair in estimate_persistence(results) if pair.score == "answer"] == []
    assert write_headline(build(results)).in_domain.startswith("In domain (k8s_qa): ")
    assert estimate_variances(results) == {}  # one seed on each task


def test_training_tasks_keep_the_order_of_the_plan(tmp_path: Path) -> None:
    row = {"answer": dict.fromkeys("abcd", 1.0)}
    made = [Made(adapter=a, task=t, scores=dict.fromkeys(TASKS, row)) for t in TASKS for a in ("full", "lora")]
    assert [pair.task for pair in estimate_persistence(load(write(tmp_path, *made)))] == [*TASKS]
