"""What would settle a study's question: missing runs, more seeds, more items, or the method that is not there."""

from __future__ import annotations

from medcot_bench.report.format import duration, rounded
from medcot_bench.results.comparisons import Blocking, Needed, Persistence
from medcot_bench.results.leaderboard import Leaderboard, Row
from medcot_bench.stats.verdict import LEAST_SEEDS
from medcot_bench.text import counted


def write_next_step(board: Leaderboard, found: Persistence | None, seeds: int) -> str:
    """Say what would settle the question; `found` is the gap that the headline tells of, if there is one.

    `seeds` are those of the headline's finding. Only what is computed from the study's own records is said.
    """
    trained = [row for row in board.rows if row.task]
    if board.unfinished:
        return f"To settle it: run the same command again; {_incomplete(board)}."
    if not trained:
        return "Next: add adapters to train, e.g. --adapters none,full,lora."
    steps = []
    if not any(row.reference for row in trained):
        missing = "none,full" if not any(row.is_base for row in board.rows) else "full"
        steps.append(f"add {missing} to --adapters, to compare with")
    if 0 < seeds < LEAST_SEEDS and any(row.seeds for row in trained):
        first = min(seed for row in trained for seed in row.seeds)
        numbers = ",".join(str(first + n) for n in range(LEAST_SEEDS))
        steps.append(f"at least --seeds {numbers}{'' if steps else _price(board, LEAST_SEEDS - seeds)}")
    if steps:
        return f"To settle it: {'; '.join(steps)}."
    if len(trained) == 1 or all(row.reference for row in trained):
        return "To settle it: add another adapter to --adapters, e.g. lora."
    if found is None:
        return "To settle it: add a task of another domain by --eval-tasks."
    if found.verdict.inconclusive:
        return (
            _write_needed(board, found.needed, seeds)
            if found.needed
            else "To settle it: more seeds or more items."
        )
    tuned = "" if board.trials else "other learning rates (--tune-lr 3), "
    return f"Not tested: {tuned}other models and other data."


def _incomplete(board: Leaderboard) -> str:
    failed = sum(len(row.failures) for row in board.rows)
    state = "is missing or incomplete" if board.unfinished == 1 else "are missing or incomplete"
    why = f", {failed} failed" if failed else ""
    return f"{counted(board.unfinished, 'training run')} {state}{why}"


def _write_needed(board: Leaderboard, needed: Needed, seeds: int) -> str:
    effect = f"an {needed.effect}" if needed.effect is not Blocking.DID else f"a {needed.effect}"
    detect = f"would detect {effect} of {rounded(needed.size)} (80% power, uncorrected)"
    if needed.seeds and needed.seeds > seeds:
        more = needed.seeds - seeds
        return f"To settle it: {counted(more, 'more seed')} {detect}{_price(board, more)}."
    if needed.groups_needed and needed.groups_needed > needed.groups:
        return (
            f"To settle it: {counted(needed.groups_needed, 'group')} of items instead of {needed.groups} {detect}."
        )
    if needed.seeds or needed.groups_needed:
        return "To settle it: more seeds, or fewer hypotheses; without correction the study is large enough."
    return f"To settle it: more items and more seeds; neither alone {detect}."


def _price(board: Leaderboard, seeds: int) -> str:
    """Write how long more seeds of every trained row take, by this study's own seconds; empty if unknown."""
    seconds = sum(_seconds(row) for row in board.rows if row.task)
    return f"; about {duration(seeds * seconds)}" if seconds else ""


def _seconds(row: Row) -> float:
    costs = row.costs
    return costs.train_seconds + (costs.measure_seconds or 0.0) + costs.score_seconds if costs else 0.0
