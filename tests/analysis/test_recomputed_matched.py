"""The published gaps at matched score, and costs, computed a second time from the files themselves."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy
import pytest
from recomputed import FOLDERS, Groups, Stored, Table, agrees, board_of, holm, stored_in, two_tests

BASE = ("none", None)


def path_of(stored: Stored, row: tuple[str, str], seed: int, task: str) -> tuple[numpy.ndarray, list[str]] | None:
    """Points by items from the untouched base over the checkpoints to the end, and the items' names."""
    by_step = stored.steps[row].get(seed, {})
    names = sorted({name for name, _ in by_step if name != "final"}, key=Fraction)
    points = [stored.steps[BASE].get(0, {}).get(("final", task))]
    points += [by_step.get((name, task)) for name in (*names, "final")]
    if (not names and " at lr " not in row[0]) or any(not point for point in points):
        return None
    items = sorted(set.intersection(*(set(point) for point in points if point)))
    return numpy.array([[point[item] for item in items] for point in points if point]), items


def cut(same: numpy.ndarray, shift: numpy.ndarray, level: float) -> tuple[Any, Any, float, bool] | None:
    """Both sides where the mean of the first comes down to a level, how much the other falls with it, and whether
    that is between the first two points."""
    for before, after in pairwise(range(len(same))):
        high, low = same[before].mean(), same[after].mean()
        if high >= level >= low:
            w = (high - level) / (high - low) if high > low else 1.0
            slope = (shift[before].mean() - shift[after].mean()) / (high - low) if high > low else 0.0
            sides = [(1 - w) * side[before] + w * side[after] for side in (same, shift)]
            return sides[0], sides[1], slope, before == 0 and 0 < w < 1
    return None


def again(stored: Stored, found: Any) -> tuple[list[float], list[float], list[tuple[float, Table]], Table, Table]:
    """Levels and leads of the seeds, the weighted parts of the gap at matched score, the plain gap, and the plain
    gap of the seeds that are compared at that score."""
    levels, leads, ends, kept, crossed, of_level = [], [], [], [], [], []
    groups: tuple[Groups, Groups] = (Groups([], []), Groups([], []))
    full, own = (("full", found.task), (found.adapter, found.task))
    for seed in sorted(set(stored.steps[full]) & set(stored.steps[own])):
        sides = [[path_of(stored, row, seed, task) for task in (found.task, found.shift)] for row in (full, own)]
        if any(side is None for pair in sides for side in pair):
            continue
        values = [[side[0] for side in pair if side] for pair in sides]
        last = [pair[0][-1].mean() for pair in values]
        if " at lr " in found.adapter and last[1] < last[0]:
            continue
        both = [cut(*pair, max(last)) for pair in values]
        if both[0] is None or both[1] is None:
            continue
        groups = tuple(
            Groups((stored.groups[task, item] for item in side[1]), side[1])
            for task, side in zip((found.task, found.shift), sides[0], strict=True)
            if side
        )
        leads.append(last[1] - last[0])
        ends.append(values[1][1][-1] - values[0][1][-1])
        (full_same, full_shift, full_slope, full_early), (own_same, own_shift, own_slope, own_early) = both
        if full_early or own_early:
            continue
        levels.append(max(last))
        kept.append(ends[-1])
        crossed.append(own_shift - full_shift)
        of_level.append((full_slope if leads[-1] > 0 else own_slope) * (full_same - own_same))
    matched = [(1.0, (numpy.array(crossed), groups[1])), (1.0, (numpy.array(of_level), groups[0]))]
    return levels, leads, matched, (numpy.array(ends), groups[1]), (numpy.array(kept), groups[1])


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_gap_at_equal_value_of_a_published_study_is_found_again(folder: Path) -> None:
    stored, board = stored_in(folder), board_of(folder)
    for at_others in (False, True):
        family = [found for found in board.matched if (" at lr " in found.adapter) is at_others]
        tests: list[list[float | None]] = []
        for found in family:
            levels, leads, matched, end, kept = again(stored, found)
            assert (found.seeds, found.left_out) == (len(levels), len(leads) - len(levels))
            assert found.further == pytest.approx(fmean(leads), rel=1e-9)
            assert agrees(found.gap_at_end, (1.0, end))
            tested: list[list[tuple[float, Table]] | None] = [None, [(1.0, end)], None]
            if levels:
                explained = [(1.0, kept), *((-1.0, table) for _, table in matched)]
                assert found.level == pytest.approx(fmean(levels), rel=1e-9)
                assert agrees(found.gap_at_level, *matched)
                assert agrees(found.explained, *explained)
                tested = [matched, [(1.0, end)], explained]
            else:
                assert (found.level, found.gap_at_level, found.explained) == (None, None, None)
            tests.append([two_tests(1.0, *parts)[0] if parts else None for parts in tested])
        adjusted = [holm([*column]) for column in zip(*tests, strict=True)]
        for found, *p_values in zip(family, *adjusted, strict=bool(family)):
            told = [p is not None and p <= 0.05 for p in p_values]
            assert found.reading == reading(found, *told)
    assert board.matched or not stored.whole or folder.name != "persistence"


def reading(found: Any, gap: bool, plain: bool, explained: bool) -> str:
    """The rule of docs/persistence.md."""
    if not found.seeds:
        return "matched before the first checkpoint"
    if found.seeds < 2:
        return "descriptive: one seed"
    if found.seeds < 3:
        return "inconclusive"
    if gap:
        return f"{'full' if found.gap_at_level.value > 0 else 'adapter'} generalises better"
    behind = found.further > 0
    if plain and explained and (found.gap_at_end.value > 0, found.explained.value > 0) == (behind, behind):
        return "adapter under-trained" if behind else "adapter trained further"
    return "inconclusive"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_costs_and_distances_of_a_published_study_are_found_again(folder: Path) -> None:
    stored, measured = stored_in(folder), 0
    trials = stored.plan.get("trials", ())
    for row in board_of(folder).rows:
        key = (row.adapter, row.task)
        records = stored.records[key]
        assert row.costs
        trained = [record["phases"]["train"] for record in records.values()]
        assert row.costs.train_seconds == pytest.approx(fmean(phase["seconds"] for phase in trained), rel=1e-9)
        assert row.costs.peak_bytes == round(fmean(phase["peak_bytes"] for phase in trained))
        spent = [trial for trial in trials if (trial["adapter"], trial["task"]) == key]
        reused = sum(trial["reused"] for trial in spent if trial["chosen"])
        tuning = sum(trial["seconds"] for trial in spent) - reused
        assert row.costs.tuning_seconds == pytest.approx(tuning, rel=1e-9)
        kl = {seed: record["divergence"]["kl"] for seed, record in records.items() if record.get("divergence")}
        assert row.divergence == kl
        texts = [record["forgetting"] for record in records.values() if record.get("forgetting")]
        if texts:
            assert row.forgetting
            assert row.forgetting.nll == pytest.approx(fmean(text["nll"] for text in texts), rel=1e-9)
            lost = [text["nll"] - text["base"] for text in texts]
            assert [*row.forgetting.changes.values()] == pytest.approx(lost, rel=1e-9)
            measured += 1
    assert measured or folder.name == "quick"  # which leaves drift out
