"""What is recommended, and what learning rates that a race left beside the chosen ones recommend instead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from medcot_bench.analysis.rate_checks import finished_rates, swap_rates
from medcot_bench.analysis.recommendation import MEMORY, recommend
from medcot_bench.analysis.rows import build_rows
from medcot_bench.results.folder import Results
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.results.recommendations import Recommendation


def recommend_over_rates(results: Results, board: Leaderboard, memory: float = MEMORY) -> Iterator[Recommendation]:
    """Yield what `recommend` does, with what other rates recommend: one of one method at a time."""
    found: defaultdict[str, list[str | None]] = defaultdict(list)
    for (_, task), rates in finished_rates(results).items():
        for cells in rates.values():
            swapped = replace(board, rows=build_rows(swap_rates(results, cells)))
            found[str(task)] += [one.recommended for one in recommend(swapped, memory) if one.task == task]
    for one in recommend(board, memory):
        others = dict.fromkeys(name for name in found[one.task] if name != one.recommended)
        yield replace(one, at_other_rates=tuple(others))
