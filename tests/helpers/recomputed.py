"""The published studies read a second time: from the files themselves, with numpy and scipy alone."""

from __future__ import annotations

import bz2
import json
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy
import published
import pytest
from scipy import optimize, stats

from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.stats.contrasts import Contrast

FOLDERS = sorted((Path(__file__).parents[2] / "docs" / "results").glob("*/"))
Step = tuple[str, str]
"""Checkpoint, `final` at the end, and evaluation task."""
Steps = dict[int, dict[Step, dict[str, float]]]
"""Seed -> step -> item -> gold_nll."""


class Groups(list[str]):
    """The group of each item of a table, and the items' names."""

    def __init__(self, groups: Iterable[str], items: list[str]):
        super().__init__(groups)
        self.items = items


Table = tuple[Any, Groups]
"""Seeds by items, and the group of each item."""
Key = tuple[str, str | None, str, str]
"""Adapter, training task, evaluation task, score."""


class Stored:
    """The values in a folder's files, as far as its latest plan asks for them."""

    def __init__(self, folder: Path):
        self.rows: defaultdict[Key, dict[int, dict[str, float]]] = defaultdict(dict)
        self.groups: dict[tuple[str, str], str] = {}
        self.steps: defaultdict[tuple[str, str | None], Steps] = defaultdict(dict)
        """By adapter, with its learning rate if it wasn't chosen, and training task."""
        self.records: defaultdict[tuple[str, str | None], dict[int, dict[str, Any]]] = defaultdict(dict)
        """(Adapter, training task) -> seed -> the record of a training."""
        self.whole = True
        """Whether all that the plan asks for is there: a published study may still grow."""
        self.plan = plan = json.loads((folder / "plan.json").read_text())
        for name, unchosen in (("cells", False), ("other_rates", True)):
            for cell in plan.get(name, ()):
                cell = cell if "name" in cell else _as_older(cell, folder)
                self._read(folder / "cells" / cell["name"], cell, unchosen)

    def _read(self, folder: Path, cell: dict[str, Any], unchosen: bool) -> None:
        asked = {score: ("final", task) for score, task in cell["scores"].items()}
        asked |= {score: (checkpoint, task) for score, (checkpoint, task) in cell["checkpoints"].items()}
        self.whole &= all(any(folder.glob(f"samples/*{score}.jsonl.bz2")) for score in asked)
        if not (folder / "cell.json.bz2").exists():
            return
        record = json.loads(bz2.decompress((folder / "cell.json.bz2").read_bytes()))
        row, seed = (cell["adapter"], cell["task"]), cell["seed"] or 0
        if unchosen:
            row = (f"{row[0]} at lr {record['request']['recipe']['lr']:g}", row[1])
        else:
            self.records[row][seed] = record
        for score, (checkpoint, task) in asked.items():
            for path in folder.glob(f"samples/*{score}.jsonl.bz2"):
                for line in bz2.decompress(path.read_bytes()).decode().splitlines():
                    sample = json.loads(line)
                    self.groups[task, sample["id"]] = f"{task.split('@')[0]} {sample['group']}"
                    for name, value in sample["scores"].items():
                        if checkpoint == "final" and not unchosen:
                            self.rows[(*row, task, name)].setdefault(seed, {})[sample["id"]] = value
                        if name == "gold_nll":
                            by_step = self.steps[row].setdefault(seed, {})
                            by_step.setdefault((checkpoint, task), {})[sample["id"]] = value

    def seeds(self, *keys: Key) -> list[int]:
        """The seeds that all trained rows have; the base's are all."""
        return sorted(set.intersection(*(set(self.rows[key]) for key in keys if key[1] or len(keys) == 1)))

    def tables(self, *keys: Key, seeds: list[int] | None = None) -> list[Table]:
        """The values of each on the items that all have."""
        seeds = self.seeds(*keys) if seeds is None else seeds
        rows = [[self.rows[key][s if s in self.rows[key] else 0] for s in seeds] for key in keys]
        items = sorted(set.intersection(*(set(row) for by_seed in rows for row in by_seed)))
        groups = Groups((self.groups[keys[0][2], item] for item in items), items)
        return [(numpy.array([[row[item] for item in items] for row in by_seed]), groups) for by_seed in rows]


def _as_older(cell: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a planned training run as the first plans had it."""
    (found,) = folder.glob(f"cells/*-{cell['key']['id']}")
    asked = [one for one in cell["evaluations"] if not one["baseline"]]
    return cell["key"] | {
        "name": found.name,
        "scores": {one["id"]: one["task"] for one in asked if one["checkpoint"] == "final"},
        "checkpoints": {
            one["id"]: (one["checkpoint"], one["task"]) for one in asked if one["checkpoint"] != "final"
        },
    }


class Found:
    """A weighted sum of means, computed anew: its error, and what that is made of."""

    def __init__(self, *tables: tuple[float, Table]):
        seeds = tables[0][1][0].shape[0]
        self.seeds, self.value, blocks = seeds, 0.0, []
        for weight, (table, groups) in tables:
            self.value += weight * table.mean()
            adds = weight * (table - table.mean()) / table.shape[1]
            block: dict[str, Any] = {}
            sizes: dict[str, float] = {}
            for name in set(groups):
                mine = [n for n, group in enumerate(groups) if group == name]
                block[name], sizes[name] = adds[:, mine].sum(axis=1), abs(weight) * len(mine) / len(groups)
            items = dict(zip(groups.items, adds.mean(axis=0), strict=True))
            for other in [other for other in blocks if set(other[0]) & set(block)]:
                blocks.remove(other)
                names = {*block, *other[0]}
                block = {name: block.get(name, 0.0) + other[0].get(name, 0.0) for name in names}
                sizes = {name: sizes.get(name, 0.0) + other[2].get(name, 0.0) for name in names}
                items = {name: items.get(name, 0.0) + other[1].get(name, 0.0) for name in {**items, **other[1]}}
            blocks.append((block, items, sizes))
        of_groups, of_items, dfs, sums, rest = [], [], [], numpy.zeros(seeds), 0.0
        for block, items, sizes in blocks:
            shares = numpy.array([block[name] for name in sorted(block)]).T
            each = numpy.array([*items.values()])
            factor = len(block) / (len(block) - 1)
            of_groups.append(factor * (shares.mean(axis=0) ** 2).sum())
            of_items.append(len(each) / (len(each) - 1) * (each**2).sum())
            of_size = numpy.array([*sizes.values()])
            dfs.append(max(round(of_size.sum() ** 2 / (of_size**2).sum(), 9) - 1, 1.0))
            sums += shares.sum(axis=1)
            left = shares - shares.mean(axis=0) - shares.mean(axis=1, keepdims=True) + shares.mean()
            rest += factor * (left**2).sum()
        self.of_groups = of_groups if sum(of_groups) >= sum(of_items) else of_items
        self.dfs, pairs = dfs, max(seeds * (seeds - 1), 1)
        self.of_seeds, self.rest = ((sums**2).sum() / pairs, rest / pairs) if seeds > 1 else (0.0, 0.0)
        total = sum(self.of_groups)
        variance = max(total + self.of_seeds - self.rest, total, self.of_seeds)
        parts = [*self.of_groups, max(variance - total, 0.0)] if seeds > 1 else self.of_groups
        quantiles = stats.t.ppf(0.975, [*dfs, seeds - 1] if seeds > 1 else dfs) ** 2
        self.stderr, self.half = variance**0.5, float(quantiles @ parts) ** 0.5

    def tail(self, distance: float) -> float:
        """How probable it is to be as far by chance: over possible variances below five seeds, else by t."""
        if self.seeds == 1 or self.seeds >= 5:
            own = self.half / self.stderr
            df = optimize.brentq(lambda df: stats.t.ppf(0.975, df) - own, 0.5, 1e7, xtol=1e-13, rtol=1e-15)
            return float(stats.t.sf(distance / self.stderr, df))
        dfs = [*self.dfs, self.seeds - 1, sum(self.dfs) * (self.seeds - 1)]
        points = stats.qmc.Sobol(len(dfs), scramble=False).random(1024) + 1 / 2048
        *groups, seeds, rest = (stats.chi2.ppf(column, df) / df for column, df in zip(points.T, dfs, strict=True))
        variances = sum(own / by for own, by in zip(self.of_groups, groups, strict=True))
        variances += numpy.maximum(self.of_seeds / seeds - self.rest / rest, 0)
        return float(stats.norm.sf(distance / numpy.sqrt(variances)).mean())


def expected(*tables: tuple[float, Table]) -> tuple[float, float, float]:
    """Mean, standard error and half the interval of a weighted sum of means."""
    found = Found(*tables)
    return found.value, found.stderr, found.half


def agrees(found: Contrast | None, *tables: tuple[float, Table]) -> bool:
    assert found is not None
    value, stderr, half = expected(*tables)
    ends = () if stderr < 1e-15 or any(sparse(table) for _, table in tables) else (value - half, value + half)
    shown = (found.value, found.stderr, *(found.interval() or ()))
    return shown == pytest.approx((value, stderr, *ends), rel=1e-9, abs=1e-12)


def sparse(table: Table) -> bool:
    """Whether nearly every group holds one value only, the same as the others, or a few groups most items."""
    values, groups = table
    kinds, counts = numpy.unique(values, return_counts=True)
    of_group = {group: values[:, [n for n, g in enumerate(groups) if g == group]] for group in groups}
    differing = sum(bool((mine != kinds[counts.argmax()]).any()) for mine in of_group.values())
    shares = numpy.array([mine.shape[1] for mine in of_group.values()]) / len(groups)
    return differing < min(5, len(of_group) - 1) or 1 / (shares**2).sum() < 3 - 1e-9


def less(one: Table, other: Table, sign: float = 1.0) -> Table:
    """The difference item by item, the base's one row taken for every seed."""
    assert one[1] == other[1]
    return sign * (one[0] - other[0]), one[1]


def two_tests(
    margin: float | str, *tables: tuple[float, Table], gain: Table | None = None
) -> tuple[float | None, float | None]:
    """The p-values of no difference, and of one of the margin or more; none where too few groups differ.

    A margin such as `10%` is of full fine-tuning's gain, on the items of the last table.
    """
    found = Found(*tables)
    if found.stderr < 1e-15:
        return float(abs(found.value) < 1e-15), None
    if any(sparse(table) for _, table in tables):
        return None, None
    zero = 2 * found.tail(abs(found.value))
    if isinstance(margin, str):
        return zero, beyond_share(float(margin.removesuffix("%")) / 100, gain, *tables)
    return zero, max(found.tail(margin - sign * found.value) for sign in (1, -1))


def beyond_share(share: float, gain: Table | None, *tables: tuple[float, Table]) -> float | None:
    """The p-value of an effect of a share of the gain or more; none where the gain is not significant."""
    if gain is None or sparse(gain):
        return None
    gained = Found((1.0, gain))
    if gained.value <= 0 or 2 * gained.tail(gained.value) > 0.05:
        return None
    tails = []
    for sign in (1, -1):
        *others, (weight, (table, groups)) = tables
        moved = (sign * weight * table + share * gain[0], groups)
        found = Found(*((sign * one, other) for one, other in others), (1.0, moved))
        tails.append(found.tail(found.value))
    return max(tails)


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


@cache
def stored_in(folder: Path) -> Stored:
    return Stored(folder)


@cache
def board_of(folder: Path) -> Leaderboard:
    return published.read(folder)[1]
