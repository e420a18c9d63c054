"""What would settle a study's question: missing runs, more seeds, more items, or the method that is not there."""

from __future__ import annotations

from medcot_bench.report.format import duration, rounded
from medcot_bench.report.needed_table import inconclusive_effects, write_way
from medcot_bench.results.comparisons import Needed, Persistence, Showing, Sizes
from medcot_bench.results.leaderboard import Leaderboard, Row
from medcot_bench.stats.verdict import LEAST_SEEDS
from medcot_bench.text import counted

NAMES = ("gap in domain", "gap on {task}", "difference-in-differences")


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
    elif all(row.reference for row in trained):
        steps.append("add another adapter to --adapters, e.g. lora")
    if 0 < seeds < LEAST_SEEDS and any(row.seeds for row in trained):
        first = min(seed for row in trained for seed in row.seeds)
        numbers = ",".join(str(first + n) for n in range(LEAST_SEEDS))
        steps.append(f"at least --seeds {numbers}{'' if steps else _price(board, LEAST_SEEDS - seeds)}")
    if found is None and not any(part.relation == "shift" for row in trained for part in row.tasks.values()):
        steps.append("add a task of another domain by --eval-tasks")
    if steps:
        return f"To settle it: {'; '.join(steps)}."
    if found is None:
        return "To settle it: score full fine-tuning and an adapter on the same items of another domain."
    for place, effect in inconclusive_effects(found):
        name = NAMES[place].format(task=found.out_of_domain.task)
        return f"To settle it: {_write_needed(name, effect.needed, board)}."
    tuned = "" if board.trials else "other learning rates (--tune-lr 3), "
    return f"Not tested: {tuned}other models and other data."


def _incomplete(board: Leaderboard) -> str:
    failed = sum(len(row.failures) for row in board.rows)
    state = "is missing or incomplete" if board.unfinished == 1 else "are missing or incomplete"
    why = f", {failed} failed" if failed else ""
    return f"{counted(board.unfinished, 'training run')} {state}{why}"


def _write_needed(effect: str, needed: Needed | None, board: Leaderboard) -> str:
    """Say what is enough for an effect: of several ways the one that takes least time."""
    if needed is None:
        return f"more items; too few groups of them differ to say how many a {effect} takes"
    shows = f"show a {effect} of {rounded(needed.size)}"
    if needed.showing is Showing.EQUIVALENCE:
        shows = f"show no {effect} beyond {rounded(needed.size)}, if there is none"
    shows += " (80% power, corrected)"
    if not needed.ways:
        return f"out of reach; ten times the seeds with ten times the items would not {shows}"
    way = needed.ways[0]
    about = f"; about {duration(way.seconds)}" if way.seconds else ""
    return f"{write_way(way, needed.now)}{_write_flags(way, needed.now, board)} would {shows}{about}"


def _write_flags(way: Sizes, now: Sizes, board: Leaderboard) -> str:
    """Write the flags that make a study so large; more groups of items are other data, and no flag."""
    flags = []
    seeds = sorted({seed for row in board.rows if row.task for seed in row.seeds})
    if way.seeds > now.seeds and seeds:
        flags.append(f"--seeds {seeds[0]}-{seeds[0] + way.seeds - 1}")
    if way.items > now.items and way.groups == (now.groups if now.groups < now.items else way.items):
        flags.append(f"--limit {way.items}")
    return f" ({' '.join(flags)})" if flags else ""


def _price(board: Leaderboard, seeds: int) -> str:
    """Write how long more seeds of every trained row take, by this study's own seconds; empty if unknown."""
    seconds = sum(_seconds(row) for row in board.rows if row.task)
    return f"; about {duration(seeds * seconds)}" if seconds else ""


def _seconds(row: Row) -> float:
    costs = row.costs
    return costs.train_seconds + (costs.measure_seconds or 0.0) + costs.score_seconds if costs else 0.0
