"""Leaderboard -> what the study answers on each training task: facts; `report/answer.py` words them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from statistics import median_low

from medcot_bench.analysis.recommendation import find_chance, find_working
from medcot_bench.results.answer import LEAST_READ, MethodAnswer, Place, TaskAnswer
from medcot_bench.results.leaderboard import USUAL, Leaderboard, Row
from medcot_bench.results.recommendations import Recommendation
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.p_values import ENOUGH_SEEDS
from medcot_bench.stats.verdict import ALPHA

POWER = 0.8
REACH = 100
"""Times the items of a study that are named as what would show a gain."""


def find_answers(board: Leaderboard) -> Iterator[TaskAnswer]:
    """Yield an answer for each training task with a score; where nothing was trained, one for all rows."""
    trained = [*dict.fromkeys(row.task for row in board.rows if row.task)]
    for task in trained:
        rows = [row for row in board.rows if row.task in (None, task) and task in row.tasks]
        if any(row.task for row in rows) and (score := _choose_score(board, rows, task)):
            yield _answer(board, rows, task, score, trained=True)
    if not trained:
        for task in board.tasks:
            rows = [row for row in board.rows if task in row.tasks]
            if score := _choose_score(board, rows, task):
                yield _answer(board, rows, task, score, trained=False)
                return


def _choose_score(board: Leaderboard, rows: Sequence[Row], task: str) -> str | None:
    """Return the score that rows are ranked by, or the first of the usual ones that most rows have."""
    ranked = [one.score for one in board.recommendations if one.task == task]
    wanted = dict.fromkeys([*ranked, board.headline(task), board.primary, *USUAL])
    counts = {name: sum(name in row.tasks[task].scores for row in rows) for name in wanted}
    return max((name for name in wanted if counts[name]), key=lambda name: counts[name], default=None)


def _answer(board: Leaderboard, rows: Sequence[Row], task: str, score: str, *, trained: bool) -> TaskAnswer:
    scored = [row for row in rows if score in row.tasks[task].scores]
    others = [row for row in scored if not row.is_base]
    advice = next((one for one in board.recommendations if one.task == task and trained), None)
    working = _working(board, others, task, score, advice)
    up = board.higher_is_better(task, score)
    best_first = sorted(others, key=lambda row: -row.tasks[task].scores[score].value * (1 if up else -1))
    places = _places(best_first, task)
    chance = find_chance(board, task, score)
    methods = tuple(
        _method(row, task, score, row.adapter in working, places.get(row.adapter), advice) for row in best_first
    )
    methods = tuple(_with_items_needed(one, chance, len(methods)) for one in methods)
    means = [row.tasks[task].scores[score] for row in scored]
    base = next((row for row in scored if row.is_base), None)
    smallest = [size for one in methods if one.gain and (size := _smallest(one.gain)) is not None]
    return TaskAnswer(
        task=task,
        trained=trained,
        score=score,
        higher_is_better=up,
        items=max(mean.items for mean in means),
        groups=max(mean.groups for mean in means),
        seeds=max((len(row.seeds) for row in others), default=0),
        base=base.tasks[task].scores[score] if base else None,
        chance=chance,
        smallest=median_low(smallest) if smallest else None,
        methods=methods,
        unparsed=tuple(row.adapter for row in best_first if _is_unparsed(row.tasks[task].scores.get("parsed"))),
    )


def _working(
    board: Leaderboard, rows: Sequence[Row], task: str, score: str, advice: Recommendation | None
) -> Collection[str]:
    """Return the rows that are shown to work: those of the recommendation, so that both say the same."""
    if advice and advice.score == score:
        return advice.working
    shown = find_working(board, rows, task, score) if rows else []
    return [row.adapter for row, works in zip(rows, shown, strict=True) if works]


def _method(
    row: Row, task: str, score: str, works: bool, place: Place | None, advice: Recommendation | None
) -> MethodAnswer:
    part, costs = row.tasks[task], row.costs if row.task else None
    gain = part.gains.get(score)
    return MethodAnswer(
        method=row.adapter,
        score=part.scores[score],
        gain=gain,
        works=works,
        place=place,
        recommended=advice is not None and advice.recommended == row.adapter,
        items_needed=None,
        peak_bytes=costs.peak_bytes if costs else None,
        train_seconds=costs.train_seconds if costs else None,
        adapter_bytes=costs.adapter_bytes if costs else None,
    )


def _places(best_first: Sequence[Row], task: str) -> dict[str, Place]:
    """Return where rows stand by their ranks: those of the best rank are tied, and the best mean leads them.

    Of equal means none leads.
    """
    ranks = {row.adapter: rank for row in best_first if (rank := row.tasks[task].ranks.get(task))}
    if len(ranks) < 2:
        return {}
    first = min(rank.place for rank in ranks.values())
    leading = [row for row in best_first if row.adapter in ranks and ranks[row.adapter].place == first]
    means = [row.tasks[task].scores[ranks[row.adapter].score].value for row in leading]
    leader = leading[0].adapter if means.count(means[0]) == 1 else None
    return {
        name: Place.BEST if name == leader else Place.TIED if rank.place == first else Place.BEHIND
        for name, rank in ranks.items()
    }


def _smallest(found: Contrast) -> float | None:
    """Return about the smallest difference that one test shows: (t[0.975, df] + t[power, df]) standard errors."""
    if found.stderr is None or found.df is None or found.sparse:
        return None
    return _factor(found.df) * found.stderr


def _factor(df: float, tests: int = 1) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, 1 - ALPHA / (2 * tests)) + stdtrit(df, POWER))


def _with_items_needed(found: MethodAnswer, chance: float | None, tests: int) -> MethodAnswer:
    """Return a method with the items that would show it to work: to beat the base model, and chance."""
    if found.works or found.gain is None:
        return found
    over_chance = [] if chance is None else [replace(found.score, value=found.score.value - chance)]
    needed = [_items_needed(one, tests) for one in (found.gain, *over_chance)]
    known = [items for items in needed if items is not None]
    return replace(found, items_needed=max(known) if len(known) == len(needed) else None)


def _items_needed(gain: Contrast, tests: int) -> int | None:
    """Return about how many items would show a gain as large as estimated with 80% power, as the first of tests.

    V_groups shrinks as items grow, what seeds add stays: items * V_groups / ((value / factor)^2 - V_others).
    None for no gain, with few seeds, whose tests are stricter than this, and beyond `REACH` times the items.
    """
    few = 1 < gain.seeds < ENOUGH_SEEDS
    if gain.value <= 0 or gain.stderr is None or gain.df is None or gain.sparse or few:
        return None
    variance = gain.stderr**2
    of_groups = variance
    if gain.estimates:
        of_groups = min(variance, math.fsum(one.variance for one in gain.estimates.groups))
    left = (gain.value / _factor(gain.df, tests)) ** 2 - (variance - of_groups)
    if left <= 0 or of_groups / left > REACH:
        return None
    return max(gain.items + 1, math.ceil(gain.items * of_groups / left))


def _is_unparsed(parsed: Contrast | None) -> bool:
    return parsed is not None and parsed.value < LEAST_READ
