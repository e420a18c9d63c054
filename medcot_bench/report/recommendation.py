"""What to take: one line for every training task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medcot_bench.report.format import size
from medcot_bench.results.leaderboard import Leaderboard, Rank, Row
from medcot_bench.stats.inference import equivalence, holm
from medcot_bench.stats.verdict import ALPHA

GIGABYTE = 1_000_000_000
MEMORY = 24.0
"""GB of a common card."""


def recommend(leaderboard: Leaderboard, memory: float = MEMORY) -> Iterator[str]:
    """Yield, for each training task, the adapter to take within so many GB, and whether full is worth its cost.

    Taken is the one with the least peak memory among those that share the best rank on the training task and are
    shown to be ahead of the untouched base, where some are; else among all that share it. Full
    fine-tuning is worth its cost where it has a better rank than that one, or than every other trained one, and
    its lead is not shown to lie within the margin.
    """
    for task in dict.fromkeys(row.task for row in leaderboard.rows if row.task):
        ranks = [
            (row, row.tasks[task].ranks[task])
            for row in leaderboard.rows
            if task in row.tasks and task in row.tasks[task].ranks
        ]
        fitting = [(row, rank) for row, rank in ranks if _peak(row) <= memory * GIGABYTE]
        if not fitting:
            continue
        first = min(rank.place for _, rank in fitting)
        score = ranks[0][1].score
        best = [row for row, rank in fitting if rank.place == first]
        taken, *tied = sorted(best, key=lambda row: (_idle(row, task, score), _peak(row)))
        parts = [f"on {leaderboard.tasks[task]} by {score}, within {memory:g} GB: {taken.adapter}"]
        parts += [f"sharing its rank: {', '.join(row.adapter for row in tied)}"] if tied else []
        better = [row for row, rank in ranks if rank.place < first]
        parts += [f"ranked higher beyond it: {row.adapter} ({size(_peak(row))})" for row in better]
        if taken.reference and tied and all(_idle(row, task, score) for row in tied):
            parts.append("no other of that rank is shown to be ahead of the untouched base")
        else:
            parts += _full(leaderboard, taken, ranks, task)
        parts += _prompting(leaderboard, task)
        if taken.task and _idle(taken, task, score):
            parts.append(f"{taken.adapter} itself is not shown to be ahead of the untouched base")
        if any(
            found.seeds == 1 for row, _ in fitting if row.task and (found := row.tasks[task].scores.get(score))
        ):
            parts.append("one seed describes these models, not their methods")
        yield "; ".join(parts)


def _full(leaderboard: Leaderboard, taken: Row, ranks: Sequence[tuple[Row, Rank]], task: str) -> Iterator[str]:
    """Say whether full fine-tuning is worth more memory and time than what is taken, or than the next best.

    Beside a prompt of the base, and beside itself, it is compared with the best of the other trained rows.
    """
    by_place = sorted(ranks, key=lambda pair: (pair[1].place, _peak(pair[0])))
    full, rank = next(((row, rank) for row, rank in by_place if row.task and row.reference), (None, None))
    trained = [row for row, _ in by_place if row.task and row is not full]
    other = taken if taken in trained else next(iter(trained), None)
    if full is None or rank is None or other is None:
        return
    gap = other.tasks[task].gaps.get(rank.score)
    if gap is None or (ends := gap.interval()) is None:
        return
    better = rank.place < other.tasks[task].ranks[task].place
    ahead = f"ahead of {other.adapter} by {gap.value:+.3f}, {ends[0]:+.3f} to {ends[1]:+.3f}"
    if gap.value < 0:
        ahead = f"behind {other.adapter} by {-gap.value:.3f}, {-ends[1]:+.3f} to {-ends[0]:+.3f}"
    if _within(leaderboard, other, task, rank.score):
        verdict = "not worth its cost"
        ahead += f", within the margin of {leaderboard.margins[rank.score]:g}"
    else:
        verdict = "worth its cost" if better else "not shown to be worth its cost"
    price = ""
    if other.costs and full.costs and other.costs.train_seconds and other.costs.peak_bytes:
        memory = full.costs.peak_bytes / other.costs.peak_bytes
        price = f", for {memory:.1f} times the memory"
        if full.costs.machines == other.costs.machines:
            price += f" and {full.costs.train_seconds / other.costs.train_seconds:.1f} times the time"
    tests = "" if better or ends[0] <= 0 else "; ranks are by tests adjusted for all rows, this interval is not"
    yield f"{full.adapter} is {verdict} ({ahead}{price}{tests})"


def _idle(row: Row, task: str, score: str) -> bool:
    """Whether a row is the untouched base, or not shown to be ahead of it on a task, by its interval.

    It may still share the best rank: sharing is by what is told from the leader.
    """
    if not row.task and not row.baseline:
        return True
    gain = row.tasks[task].gains.get(score)
    ends = gain.interval() if gain else None
    return gain is not None and (ends is None or ends[0] <= 0)


def _within(leaderboard: Leaderboard, other: Row, task: str, score: str) -> bool:
    """Whether full fine-tuning's gap to a row on their training task is shown to lie within the margin.

    By the verdicts' own tests where there are verdicts; else adjusted for the adapters of that task (Holm).
    """
    judged = [
        found.same.gap.finding.negligible
        for found in leaderboard.persistence
        if (found.task, found.adapter, found.score) == (task, other.adapter, score)
    ]
    margin = leaderboard.margins.get(score)
    if judged or margin is None:
        return any(judged)
    gaps = {
        row.adapter: row.tasks[task].gaps[score]
        for row in leaderboard.rows
        if row.task == task and task in row.tasks and score in row.tasks[task].gaps
    }
    adjusted = holm([equivalence(gap, margin) for gap in gaps.values()])
    p_value = dict(zip(gaps, adjusted, strict=True))[other.adapter]
    return p_value is not None and p_value <= ALPHA


def _prompting(leaderboard: Leaderboard, task: str) -> Iterator[str]:
    """Say whether the best prompt of the base is as good as the best trained model, where the study asks that."""
    pairs = [pair for pair in leaderboard.prompted if pair.task == task]
    if not pairs:
        return
    leader = max((pair for pair in pairs if pair.prompt == pairs[0].prompt), key=lambda pair: pair.ahead.value)
    pair = min((pair for pair in pairs if pair.adapter == leader.adapter), key=lambda pair: pair.ahead.value)
    told, ends = pair.finding, pair.ahead.interval()
    by = f"trained less prompted {pair.ahead.value:+.3f}" + (f", {ends[0]:+.3f} to {ends[1]:+.3f}" if ends else "")
    if not pair.settled:
        yield f"{pair.adapter} against the best prompt, {pair.prompt}: {by}, too little to tell them apart"
    elif told.sign == "below":
        yield f"prompting beats training: {pair.prompt} is ahead of {pair.adapter} ({by}): no need to train"
    elif told.negligible:
        within = f"{pair.prompt} is within {pair.margin:g} of it"
        yield f"prompting ties with {pair.adapter}: {within} ({by}): no need to train"
    elif told.sign == "above":
        yield f"training pays: {pair.adapter} is ahead of the best prompt, {pair.prompt} ({by})"
    else:
        best = f"the best prompt, {pair.prompt}"
        yield f"{pair.adapter} is not told from {best} ({by}): no gain from training is shown"


def _peak(row: Row) -> float:
    return float(row.costs.peak_bytes) if row.costs and row.costs.train_tokens else 0.0
