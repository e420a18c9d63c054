"""The published studies computed a second time: from the files themselves, with numpy and scipy alone."""

from __future__ import annotations

import bz2
import json
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


def two_tests(found: Contrast, margin: float) -> tuple[float, float]:
    assert found.stderr is not None
    if found.stderr == 0:
        return float(found.value == 0), float(abs(found.value) >= margin)
    half = ((found.interval() or (0, 0))[1] - found.value) / found.stderr
    df = optimize.brentq(lambda df: stats.t.ppf(0.975, df) - half, 1, 1e6, xtol=1e-12)
    tails = [stats.t.sf((margin - sign * found.value) / found.stderr, df) for sign in (1, -1)]
    return 2 * stats.t.sf(abs(found.value) / found.stderr, df), max(tails)


def holm(p_values: list[float]) -> list[float]:
    order = numpy.argsort(p_values, kind="stable")
    raised = [min(1.0, (len(order) - rank) * p_values[place]) for rank, place in enumerate(order)]
    adjusted = numpy.empty(len(order))
    adjusted[order] = numpy.maximum.accumulate(raised)
    return [float(p) for p in adjusted]


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
def test_every_p_value_of_a_published_study_is_found_again(folder: Path) -> None:
    asked = json.loads((folder / "plan.json").read_text())["analysis"]
    families: defaultdict[tuple[str, bool], list[Any]] = defaultdict(list)
    for found in build(load(folder)).persistence:
        named = [(asked["adapters"], found.adapter), (asked["shifts"], found.shift.task)]
        hypothesis = found.score == asked["primary"] and all(not names or one in names for names, one in named)
        assert found.declared == hypothesis
        families[found.score, hypothesis].append(found)
    for family in families.values():
        same = {(found.task, found.adapter): found.same.gap for found in family}
        under = [found.shift.gap for found in family]
        changes = [found.change for found in family if found.change]
        for effects in ([*same.values()], under, changes):
            tests = [
                two_tests(effect.found, family[0].margin) for effect in effects if effect.found.stderr is not None
            ]
            for place, name in enumerate(("difference", "equivalence")):
                shown = [getattr(effect, name) for effect in effects if effect.found.stderr is not None]
                assert shown == pytest.approx(holm([test[place] for test in tests]), rel=1e-6, abs=1e-12)
