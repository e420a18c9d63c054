"""The published studies computed a second time: from the files themselves, with numpy and scipy alone."""

from __future__ import annotations

import bz2
import json
import math
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy
import pytest
from scipy import optimize, stats

from medcot_bench.analysis.contrasts import Contrast
from medcot_bench.analysis.leaderboard import build
from medcot_bench.results import load

FOLDERS = sorted((Path(__file__).parents[2] / "docs" / "results").glob("*/"))
Table = tuple[Any, list[str]]
"""Seeds by items, and the group of each item."""


def read(folder: Path) -> dict[tuple[str, str | None, str, str], Table]:
    """Return (adapter, training task, evaluation task, score) -> table."""
    rows: defaultdict[tuple[str, str | None, str, str], dict[int, dict[str, float]]] = defaultdict(dict)
    groups: dict[str, str] = {}
    cells = json.loads((folder / "plan.json").read_text())["cells"]
    planned = {score_id for cell in cells for score_id in cell["scores"]}
    for path in sorted(folder.glob("cells/*/samples/*.jsonl.bz2")):
        cell = json.loads(bz2.decompress((path.parents[1] / "cell.json.bz2").read_bytes()))
        record = path.parents[1] / "scores" / f"{path.name.removesuffix('.jsonl.bz2')}.json.bz2"
        score = json.loads(bz2.decompress(record.read_bytes()))
        if score["score_id"] not in planned:
            continue
        for line in bz2.decompress(path.read_bytes()).decode().splitlines():
            sample = json.loads(line)
            groups[sample["id"]] = sample["group"]
            for name, value in sample["scores"].items():
                key = (cell["adapter"], cell["task"], score["task"], name)
                rows[key].setdefault(cell["seed"] or 0, {})[sample["id"]] = value
    found = {}
    for key, by_seed in rows.items():
        items = sorted(set.intersection(*map(set, by_seed.values())))
        if items:
            table = numpy.array([[by_seed[seed][item] for item in items] for seed in sorted(by_seed)])
            found[key] = (table, [groups[item] for item in items])
    return found


def expected(*tables: tuple[float, Table]) -> tuple[float, float, float]:
    """Mean, standard error and half the interval of a weighted sum of means over disjoint groups."""
    seeds = tables[0][1][0].shape[0]
    of_groups, dfs, sums, rest, mean = [], [], numpy.zeros(seeds), 0.0, 0.0
    for weight, (table, groups) in tables:
        mean += weight * table.mean()
        names = sorted(set(groups))
        shares = numpy.zeros((seeds, len(names)))
        for place, name in enumerate(names):
            mine = [n for n, group in enumerate(groups) if group == name]
            shares[:, place] = weight * (table[:, mine] - table.mean()).sum(axis=1) / table.shape[1]
        factor = len(names) / (len(names) - 1)
        of_groups.append(factor * (shares.mean(axis=0) ** 2).sum())
        dfs.append(len(names) - 1)
        sums += shares.sum(axis=1)
        left = shares - shares.mean(axis=0) - shares.mean(axis=1, keepdims=True) + shares.mean()
        rest += factor * (left**2).sum()
    pairs = max(seeds * (seeds - 1), 1)
    of_seeds, rest = (sums**2).sum() / pairs, rest / pairs if seeds > 1 else 0.0
    of_seeds = of_seeds if seeds > 1 else 0.0
    variance = max(sum(of_groups) + of_seeds - rest, sum(of_groups), of_seeds)
    parts = [*of_groups, max(variance - sum(of_groups), 0.0)] if seeds > 1 else of_groups
    quantiles = stats.t.ppf(0.975, [*dfs, seeds - 1] if seeds > 1 else dfs) ** 2
    return mean, variance**0.5, float(quantiles @ parts) ** 0.5


def agrees(found: Contrast | None, *tables: tuple[float, Table]) -> bool:
    assert found is not None
    value, stderr, half = expected(*tables)
    ends = () if stderr < 1e-15 or any(sparse(table) for _, table in tables) else (value - half, value + half)
    shown = (found.value, found.stderr, *(found.interval() or ()))
    return shown == pytest.approx((value, stderr, *ends), rel=1e-9, abs=1e-12)


def sparse(table: Table) -> bool:
    """Whether nearly every group holds one value only, the same as the others."""
    values, groups = table
    kinds, counts = numpy.unique(values, return_counts=True)
    of_group = {group: values[:, [n for n, g in enumerate(groups) if g == group]] for group in groups}
    differing = sum(bool((mine != kinds[counts.argmax()]).any()) for mine in of_group.values())
    return differing < min(5, len(of_group) - 1)


def less(one: Table, other: Table, sign: float = 1.0) -> Table:
    """The difference item by item, the base's one row taken for every seed."""
    assert one[1] == other[1]
    return sign * (one[0] - other[0]), one[1]


def two_tests(margin: float, *tables: tuple[float, Table]) -> tuple[float, float | None]:
    """The p-values of no difference, and of a difference of the margin or more."""
    value, stderr, half = expected(*tables)
    if stderr < 1e-15:
        return float(abs(value) < 1e-15), None
    df = optimize.brentq(lambda df: stats.t.ppf(0.975, df) - half / stderr, 0.5, 1e7, xtol=1e-13, rtol=1e-15)
    tails = [stats.t.sf((margin - sign * value) / stderr, df) for sign in (1, -1)]
    alike = any(sparse(table) for _, table in tables)
    return 2 * stats.t.sf(abs(value) / stderr, df), None if alike else max(tails)


def holm(p_values: list[float | None]) -> list[float | None]:
    made = [place for place, p in enumerate(p_values) if p is not None]
    order = sorted(made, key=lambda place: (p_values[place], place))
    raised = [min(1.0, (len(order) - rank) * (p_values[place] or 0.0)) for rank, place in enumerate(order)]
    adjusted: list[float | None] = [None] * len(p_values)
    for place, p in zip(order, numpy.maximum.accumulate(raised), strict=True):
        adjusted[place] = float(p)
    return adjusted


def same_p(shown: list[float | None], mine: list[float | None]) -> bool:
    assert [p is None for p in shown] == [p is None for p in mine]
    made = [p for p in mine if p is not None]
    return [p for p in shown if p is not None] == pytest.approx(made, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_number_of_a_published_study_is_found_again(folder: Path) -> None:
    tables, board = read(folder), build(load(folder))
    compared = 0
    for row in board.rows:
        for task, part in row.tasks.items():
            for name, mean in part.scores.items():
                if (row.adapter, row.task, task, name) in tables:
                    assert agrees(mean, (1.0, tables[row.adapter, row.task, task, name]))
                    compared += 1
    for found in board.persistence:
        sign = -1.0 if found.score == "gold_nll" else 1.0
        for side in (found.same, found.shift):
            full, own = (tables[a, found.task, side.task, found.score] for a in ("full", found.adapter))
            assert agrees(side.full, (1.0, full))
            assert agrees(side.adapter, (1.0, own))
            assert agrees(side.gap.found, (1.0, less(full, own, sign)))
            if ("none", None, side.task, found.score) in tables:
                base = tables["none", None, side.task, found.score]
                assert agrees(side.full_gain, (1.0, less(full, base, sign)))
                assert agrees(side.adapter_gain, (1.0, less(own, base, sign)))
            apart = [abs(own[0][a] - own[0][b]).mean() for a, b in combinations(range(own[0].shape[0]), 2)]
            if apart:
                assert side.adapter_wobble == pytest.approx(numpy.mean(apart), rel=1e-9)
        if found.change:
            same, under = (
                less(*(tables[a, found.task, s.task, found.score] for a in ("full", found.adapter)), sign)
                for s in (found.same, found.shift)
            )
            assert agrees(found.change.found, (1.0, under), (-1.0, same))
            compared += 1
    assert compared > 10


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_p_value_and_verdict_of_a_published_study_is_found_again(folder: Path) -> None:
    asked = json.loads((folder / "plan.json").read_text())["analysis"]
    tables, board = read(folder), build(load(folder))
    families: defaultdict[tuple[str, bool], list[Any]] = defaultdict(list)
    for found in board.persistence:
        named = [(asked["adapters"], found.adapter), (asked["shifts"], found.shift.task)]
        hypothesis = found.score == asked["primary"] and all(not names or one in names for names, one in named)
        assert found.declared == hypothesis
        families[found.score, hypothesis].append(found)
    for (score, _), family in families.items():
        margin = asked["margins"][score]

        def gap(found: Any, task: str) -> Table:
            full, own = (tables[a, found.task, task, found.score] for a in ("full", found.adapter))
            return less(full, own, -1.0 if found.score == "gold_nll" else 1.0)

        same = {(f.task, f.adapter): (f.same.gap, [(1.0, gap(f, f.task))]) for f in family}
        under = [(f.shift.gap, [(1.0, gap(f, f.shift.task))]) for f in family]
        changes = [(f.change, [(1.0, gap(f, f.shift.task)), (-1.0, gap(f, f.task))]) for f in family if f.change]
        adjusted: dict[int, tuple[Any, ...]] = {}
        for effects in ([*same.values()], under, changes):
            tests = [two_tests(margin, *parts) for _, parts in effects]
            both = [holm([test[place] for test in tests]) for place in (0, 1)]
            assert same_p([effect.difference for effect, _ in effects], both[0])
            assert same_p([effect.equivalence for effect, _ in effects], both[1])
            adjusted |= {
                id(effect): (value > 0, *ps)
                for (effect, parts), *ps in zip(effects, *both, strict=True)
                for value in [expected(*parts)[0]]
            }
        for found in family:
            if found.change:
                own = same[found.task, found.adapter][0]
                read_off = [adjusted[id(effect)] for effect in (own, found.shift.gap, found.change)]
                assert str(found.verdict) == verdict(*(told(*one) for one in read_off))


def told(above: bool, zero: float | None, beyond: float | None) -> tuple[int, bool]:
    """1, -1, or 0 for what is not told from zero; and whether it lies within the margin."""
    sign = (1 if above else -1) if zero is not None and zero <= 0.05 else 0
    return sign, beyond is not None and beyond <= 0.05


def verdict(same: tuple[int, bool], shift: tuple[int, bool], change: tuple[int, bool]) -> str:
    """The table of docs/persistence.md."""
    if same[1]:
        return "no gap in domain"
    if same[0] < 1:
        return "adapter better in domain" if same[0] else "undetermined"
    if shift[0] == 1 and change[1]:
        return "persists"
    if shift[1] and change[0] == -1:
        return "vanishes"
    if shift[0] == -1:
        return "reverses"
    if shift[0] == 1 and change[0]:
        return "widens" if change[0] == 1 else "shrinks"
    return "undetermined"


def quantile(*tables: tuple[float, Table]) -> float:
    _, stderr, half = expected(*tables)
    return half / stderr


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_ratio_and_count_of_a_published_study_is_found_again(folder: Path) -> None:
    tables, compared = read(folder), 0
    for found in build(load(folder)).persistence:
        sign = -1.0 if found.score == "gold_nll" else 1.0
        gaps = []
        for side in (found.shift, found.same):
            full, own = (tables[a, found.task, side.task, found.score] for a in ("full", found.adapter))
            gaps.append(less(full, own, sign))
            apart = [abs(full[0][a] - full[0][b]).mean() for a, b in combinations(range(full[0].shape[0]), 2)]
            assert side.full_wobble == (pytest.approx(numpy.mean(apart), rel=1e-9) if apart else None)
            for place, p in enumerate(side.mcnemar.values()):
                only = [int((one[0][place] > other[0][place]).sum()) for one, other in ((full, own), (own, full))]
                tail = sum(math.comb(sum(only), k) for k in range(min(only) + 1)) / 2 ** sum(only)
                assert p == pytest.approx(min(1.0, 2 * tail), rel=1e-9)
            if side.recovered and side.recovered.low is not None:
                base = tables["none", None, side.task, found.score]
                gains = [less(one, base, sign) for one in (own, full)]
                q = max(quantile((1.0, gain)) for gain in gains)
                for end in (side.recovered.low, side.recovered.high):
                    value, stderr, _ = expected((1.0, (gains[0][0] - end * gains[1][0], gains[0][1])))
                    assert abs(value) == pytest.approx(q * stderr, rel=1e-6)
                compared += 1
        if found.ratio and found.ratio.low is not None:
            q = max(quantile((1.0, gap)) for gap in gaps)
            for end in (found.ratio.low, found.ratio.high):
                value, stderr, _ = expected((1.0, gaps[0]), (-end, gaps[1]))
                assert abs(value) == pytest.approx(q * stderr, rel=1e-6)
            compared += 1
    assert compared or folder.name != "quick"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_factor_and_prompt_effect_of_a_published_study_is_found_again(folder: Path) -> None:
    tables, board = read(folder), build(load(folder))
    weights = {
        "all layers, not some": (0.5, 0.5, -0.5, -0.5),
        "full rank, not low": (0.5, 0.5, -0.5, -0.5),
        "interaction": (1.0, -1.0, -1.0, 1.0),
        "16 or 32 bits, not 4": (1.0, -1.0),
    }
    for effect in board.factors:
        rows = [tables[adapter, effect.trained, effect.task, effect.score] for adapter in effect.adapters]
        sign = -1.0 if effect.score == "gold_nll" else 1.0
        combined = sum(sign * w * row[0] for w, row in zip(weights[effect.effect], rows, strict=True))
        assert agrees(effect.found, (1.0, (combined, rows[0][1])))
    for effect in board.prompts:
        own, other = (
            tables[effect.adapters[0], effect.trained, t, effect.score] for t in (effect.trained, effect.task)
        )
        assert agrees(effect.found, (1.0, less(own, other, -1.0 if effect.score == "gold_nll" else 1.0)))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_rank_of_a_published_study_is_found_again(folder: Path) -> None:
    tables, board = read(folder), build(load(folder))
    compared = 0
    for task in board.tasks:
        for trained in {row.task for row in board.rows if row.task}:
            ranks = {
                (row.adapter, row.task): row.tasks[task].ranks[trained]
                for row in board.rows
                if task in row.tasks and trained in row.tasks[task].ranks
            }
            if not ranks:
                continue
            score = next(iter(ranks.values())).score
            sign = -1.0 if score == "gold_nll" else 1.0
            mine = {key: tables[*key, task, score] for key in ranks}
            seeds = max(table.shape[0] for table, _ in mine.values())
            mine = {
                key: (numpy.repeat(t, seeds // t.shape[0], axis=0), groups) for key, (t, groups) in mine.items()
            }
            left = sorted(mine, key=lambda key: -sign * mine[key][0].mean())
            place = 1
            while left:
                leader, *others = left
                p_values = [two_tests(1.0, (1.0, less(mine[leader], mine[other])))[0] for other in others]
                tied = [
                    leader,
                    *(o for o, p in zip(others, holm([*p_values]), strict=True) if p is None or p > 0.05),
                ]
                for key in tied:
                    assert (ranks[key].place, ranks[key].shared) == (place, len(tied) > 1)
                    compared += 1
                place += len(tied)
                left = [key for key in left if key not in tied]
    assert compared
