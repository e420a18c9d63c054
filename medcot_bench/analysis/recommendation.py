"""What to take: one line for every training task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medcot_bench.analysis.leaderboard import Leaderboard, Row

GIGABYTE = 1_000_000_000
MEMORY = 24.0
"""GB of a common card."""


def recommend(leaderboard: Leaderboard, memory: float = MEMORY) -> Iterator[str]:
    """Yield, for each training task, the adapter to take within so many GB, and whether full is worth its cost.

    Taken is the one with the least peak memory among those that share the best rank on the training task. Full
    fine-tuning is worth its cost where its lead over that one is told from zero (95 %).
    """
    for task in dict.fromkeys(row.task for row in leaderboard.rows if row.task):
        ranks = {
            (row.adapter, row.task): (row, row.tasks[task].rank)
            for row in leaderboard.rows
            if row.task in (None, task) and task in row.tasks
        }
        fitting = [(row, rank) for row, rank in ranks.values() if rank and _peak(row) <= memory * GIGABYTE]
        if not fitting:
            continue
        first = min(rank.place for _, rank in fitting)
        best = sorted((row for row, rank in fitting if rank.place == first), key=_peak)
        score = fitting[0][1].score
        tied = [row.adapter for row in best[1:]]
        parts = [f"on {leaderboard.tasks[task]} by {score}, within {memory:g} GB: {best[0].adapter}"]
        parts += [f"tied with {', '.join(tied)}"] if tied else []
        parts += _full(leaderboard.rows, best[0], task, score)
        if any(len(row.seeds) == 1 for row in best):
            parts.append("one seed describes these models, not their methods")
        yield "; ".join(parts)


def _full(rows: Sequence[Row], taken: Row, task: str, score: str) -> Iterator[str]:
    """Say whether full fine-tuning is worth more memory and time than what is taken."""
    gap = taken.tasks[task].gaps.get(score)
    full = next((row for row in rows if row.task == task and row.reference), None)
    if gap is None or full is None or (ends := gap.interval()) is None:
        return
    worth = "worth its cost" if ends[0] > 0 else "not shown to be worth its cost"
    ahead = f"ahead by {gap.value:+.3f}, {ends[0]:+.3f} to {ends[1]:+.3f}"
    price = ""
    if taken.costs and full.costs and taken.costs.train_seconds and taken.costs.peak_bytes:
        memory = full.costs.peak_bytes / taken.costs.peak_bytes
        seconds = full.costs.train_seconds / taken.costs.train_seconds
        price = f", for {memory:.1f} times the memory and {seconds:.1f} times the time"
    yield f"{full.adapter} is {worth} ({ahead}{price})"


def _peak(row: Row) -> float:
    return float(row.costs.peak_bytes) if row.costs and row.costs.train_tokens else 0.0
