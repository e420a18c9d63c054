"""Leaderboard -> what to use for each training task: facts and tests; `report/recommendation.py` words them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from medcot_bench.results.comparisons import Prompted
from medcot_bench.results.leaderboard import USUAL, Leaderboard, Rank, Row
from medcot_bench.results.recommendations import Caveat, FullCost, Recommendation, Worth
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.p_values import difference, equivalence, holm
from medcot_bench.stats.verdict import ALPHA

GIGABYTE = 1_000_000_000
MEMORY = 24.0
"""GB of a common card."""
SHARES = ("answer", "choice")
"""Scores of which chance has a part."""


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A row with its rank on the training task."""

    row: Row
    rank: Rank
    works: bool
    """Whether it is shown to beat the base model, and chance where there is one."""


def recommend(board: Leaderboard, memory: float = MEMORY) -> Iterator[Recommendation]:
    """Yield what to use within so many GB, for each training task whose rows have ranks and fit.

    With one seed nothing has a rank: all count as one.
    """
    for task in dict.fromkeys(row.task for row in board.rows if row.task):
        ranked = _rank(board, task)
        fitting = [one for one in ranked if _peak(one.row) <= memory * GIGABYTE]
        if fitting:
            yield _recommend(board, task, memory, ranked, fitting)


def _recommend(
    board: Leaderboard, task: str, memory: float, ranked: Sequence[_Ranked], fitting: Sequence[_Ranked]
) -> Recommendation:
    score = ranked[0].rank.score
    first = min(one.rank.place for one in fitting)
    best = [one for one in fitting if one.rank.place == first]
    working = sorted((one for one in best if one.works), key=lambda one: _peak(one.row))
    chosen = working[0] if working else None
    tied = [one for one in best if one is not chosen and not one.row.is_base]
    beyond = [one for one in ranked if one.works and one not in fitting]
    larger = [one for one in beyond if chosen is None or one.rank.place < first]
    trained = [one.row for one in fitting if one.row.task]
    has_base = any(one.row.is_base for one in ranked)
    one_seed = any(found.seeds == 1 for row in trained if (found := row.tasks[task].scores.get(score)) is not None)
    caveats = {
        Caveat.ONE_SEED: one_seed,
        Caveat.NO_BASE: not has_base,
    }
    return Recommendation(
        task=task,
        score=score,
        memory_gb=memory,
        recommended=chosen.row.adapter if chosen else None,
        tied=() if one_seed else tuple(one.row.adapter for one in tied),
        working=tuple(one.row.adapter for one in ranked if one.works),
        larger={one.row.adapter: round(_peak(one.row)) for one in larger},
        chance=find_chance(board, task, score),
        full=_cost_of_full(board, ranked, chosen.row if chosen else None, task),
        prompting=_best_prompt(board, task),
        caveats=tuple(caveat for caveat, holds in caveats.items() if holds),
    )


def _rank(board: Leaderboard, task: str) -> list[_Ranked]:
    """Return the rows that have a rank on a training task; with one seed, all as if they shared one."""
    ranks = [
        (row, row.tasks[task].ranks[task])
        for row in board.rows
        if task in row.tasks and task in row.tasks[task].ranks
    ]
    if not ranks:
        rows = [row for row in board.rows if row.task in (None, task) and task in row.tasks]
        scores = [row.tasks[task].scores for row in rows]
        score = next((name for name in (board.primary, *USUAL) if all(name in own for own in scores)), None)
        if score and all(row.tasks[task].scores[score].seeds == 1 for row in rows if row.task):
            ranks = [(row, Rank(1, True, score)) for row in rows]
    works = find_working(board, [row for row, _ in ranks], task, ranks[0][1].score) if ranks else []
    return [_Ranked(row, rank, works) for (row, rank), works in zip(ranks, works, strict=True)]


def find_working(board: Leaderboard, rows: Sequence[Row], task: str, score: str) -> list[bool]:
    """Return whether each row is shown to beat the base model and chance on a task, by tests adjusted for all."""
    chance = find_chance(board, task, score)
    parts = [row.tasks[task] for row in rows]
    gains = [_is_above(part.gains.get(score), part.gain_p_values.get(score)) for part in parts]
    above = [None if chance is None else _less(part.scores.get(score), chance) for part in parts]
    tested = holm(
        [difference(one) if one and not row.is_base else None for row, one in zip(rows, above, strict=True)]
    )
    over_chance = [chance is None or _is_above(*pair) for pair in zip(above, tested, strict=True)]
    return [not row.is_base and all(both) for row, *both in zip(rows, over_chance, gains, strict=True)]


def _less(found: Contrast | None, chance: float) -> Contrast | None:
    return replace(found, value=found.value - chance) if found else None


def _is_above(found: Contrast | None, p_value: float | None) -> bool:
    return found is not None and found.value > 0 and p_value is not None and p_value <= ALPHA


def find_chance(board: Leaderboard, task: str, score: str) -> float | None:
    """Return chance accuracy on a task, or what right answers to other items score; None without."""
    scored = board.scored.get(task)
    if scored is None or score not in SHARES:
        return None
    return scored.shuffled if scored.chance is None and score == "answer" else scored.chance


def _cost_of_full(board: Leaderboard, ranked: Sequence[_Ranked], chosen: Row | None, task: str) -> FullCost | None:
    """Set full fine-tuning beside what is recommended, or beside the best of the other trained rows."""
    by_place = sorted(ranked, key=lambda one: (one.rank.place, _peak(one.row)))
    full = next((one for one in by_place if one.row.reference), None)
    trained = [one for one in by_place if one.row.task and one is not full]
    other = next((one for one in trained if one.row is chosen), trained[0] if trained else None)
    gap = other.row.tasks[task].gaps.get(other.rank.score) if other else None
    if full is None or other is None or gap is None or (ends := gap.interval()) is None:
        return None
    score, better = other.rank.score, full.rank.place < other.rank.place
    margin = _margin_within(board, other.row, task, score)
    costs, of_full = other.row.costs, full.row.costs
    comparable = costs is not None and of_full is not None and bool(costs.train_seconds and costs.peak_bytes)
    return FullCost(
        full=full.row.adapter,
        other=other.row.adapter,
        gap=gap,
        worth=Worth.NO if margin else Worth.YES if better else Worth.NOT_SHOWN,
        margin=margin,
        memory=of_full.peak_bytes / costs.peak_bytes if comparable and costs and of_full else None,
        time=of_full.train_seconds / costs.train_seconds
        if comparable and costs and of_full and costs.machines == of_full.machines
        else None,
        tied_after_correction=not better and ends[0] > 0,
    )


def _margin_within(board: Leaderboard, other: Row, task: str, score: str) -> float | None:
    """Return the margin that full fine-tuning's gap to a row on their training task is shown to lie within.

    By the verdicts' own tests where there are verdicts; else adjusted for the adapters of that task (Holm).
    """
    judged = [
        found.in_domain
        for found in board.persistence
        if (found.task, found.adapter, found.score) == (task, other.adapter, score)
    ]
    margin = board.margins.get(score)
    if judged:
        return next((side.margin for side in judged if side.gap.finding.negligible), None)
    if not isinstance(margin, float):
        return None
    gaps = {
        row.adapter: row.tasks[task].gaps[score]
        for row in board.rows
        if row.task == task and task in row.tasks and score in row.tasks[task].gaps
    }
    adjusted = holm([equivalence(gap, margin) for gap in gaps.values()])
    p_value = dict(zip(gaps, adjusted, strict=True))[other.adapter]
    return margin if p_value is not None and p_value <= ALPHA else None


def _best_prompt(board: Leaderboard, task: str) -> Prompted | None:
    """Return the best trained row beside the best prompt of the base model, where the study asks for baselines."""
    pairs = [pair for pair in board.prompted if pair.task == task]
    if not pairs:
        return None
    leader = max((pair for pair in pairs if pair.prompt == pairs[0].prompt), key=lambda pair: pair.ahead.value)
    return min((pair for pair in pairs if pair.adapter == leader.adapter), key=lambda pair: pair.ahead.value)


def _peak(row: Row) -> float:
    return float(row.costs.peak_bytes) if row.costs and row.costs.train_tokens else 0.0
