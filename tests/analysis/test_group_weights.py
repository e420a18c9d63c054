"""`analysis.weights: groups`: every mean over items is one of group means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest

from medcot_bench.analysis.build import build
from medcot_bench.analysis.ranks import rank
from medcot_bench.report.notes import write_notes
from medcot_bench.results.folder import Results, load

PUBLISHED = Path(__file__).parents[2] / "docs" / "results" / "persistence"
TASK, SCORE = "manuals_qa", "gold_nll"


@pytest.fixture(scope="module")
def results() -> Results:
    """A published study, its groups (15 of unequal size on the manuals) counted alike."""
    found = load(PUBLISHED)
    return replace(found, plan=replace(found.plan, analysis={**found.plan.analysis, "weights": "groups"}))


def mean_of_groups(results: Results, adapter: str, trained: str | None, task: str = TASK) -> float:
    cells = [c for c in results.cells if (c.cell.adapter, c.cell.task) == (adapter, trained)]
    return fmean(_by_group(results.items(cell, task).scores[SCORE], results, task) for cell in cells)


def _by_group(values: Mapping[str, float], results: Results, task: str) -> float:
    groups = results.items(results.cells[0], task).groups
    members: dict[str, list[float]] = {}
    for item, value in values.items():
        members.setdefault(groups[item], []).append(value)
    assert task != TASK or len({len(values) for values in members.values()}) > 1
    return fmean(map(fmean, members.values()))


def test_scores_gains_and_gaps_are_means_of_group_means(results: Results) -> None:
    board = build(results)
    assert "Groups count alike in means over items, however many items each has" in write_notes(board)
    base = mean_of_groups(results, "none", None)
    for trained in ("k8s_qa", "medqa_cot"):
        own, full = (mean_of_groups(results, adapter, trained) for adapter in ("layer_lora", "full"))
        row = next(r for r in board.rows if (r.adapter, r.task) == ("layer_lora", trained))
        scores = row.tasks[TASK]
        assert scores.scores[SCORE].value == pytest.approx(own)
        assert scores.gaps[SCORE].value == pytest.approx(own - full)
        assert scores.gains[SCORE].value == pytest.approx(base - own)
        found = next(
            p
            for p in board.persistence
            if (p.adapter, p.task, p.score, p.out_of_domain.task) == ("layer_lora", trained, SCORE, TASK)
        )
        assert found.out_of_domain.gap.found.value == pytest.approx(own - full)
        assert found.out_of_domain.gap.found.effective == 15
        assert found.did is not None
        in_domain = mean_of_groups(results, "layer_lora", trained, trained) - mean_of_groups(
            results, "full", trained, trained
        )
        assert found.did.found.value == pytest.approx(own - full - in_domain)
        matched = next(m for m in board.matched if (m.adapter, m.task, m.shift) == ("layer_lora", trained, TASK))
        assert matched.gap_at_end.value == pytest.approx(own - full)
        level = fmean(
            max(
                _by_group(results.items(cell, trained).scores[SCORE], results, trained)
                for cell in results.cells
                if (cell.cell.task, cell.cell.seed) == (trained, seed)
                and cell.cell.adapter in ("full", "layer_lora")
            )
            for seed in (0, 1, 2, 3, 4)
        )
        assert matched.left_out or matched.level == pytest.approx(level)


def test_ranks_follow_the_means_of_groups() -> None:
    groups = {"big0": "big", "big1": "big", "big2": "big", "one": "one", "two": "two"}
    better_on_many = {s: {i: float(g == "big") + 0.01 * s for i, g in groups.items()} for s in range(3)}
    better_in_groups = {s: {i: float(g != "big") + 0.01 * s for i, g in groups.items()} for s in range(3)}
    rows = {"many": better_on_many, "groups": better_in_groups}
    assert [*rank(rows, groups, "answer")] == ["many", "groups"]
    assert [*rank(rows, groups, "answer", alike="groups")] == ["groups", "many"]
