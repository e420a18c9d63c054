"""What the rows of a leaderboard cost, as tables."""

from __future__ import annotations

from medcot_bench.report.blocks import Table
from medcot_bench.report.format import number, percent, size
from medcot_bench.report.names import row_names
from medcot_bench.results.leaderboard import Costs, Leaderboard

MEMORY = (
    "Peak memory is that of training, with the base model's weights in it; the percentage is of full "
    "fine-tuning's. Training times are means over seeds."
)
"""Under the table of memory."""
SECONDS = (
    "Seconds are means over seeds. Drift eval measures KL and forgetting. LR search is the time of all learning "
    "rates tried, for all seeds together, less a training that the study uses."
)
"""Under the table of seconds."""


def memory_table(board: Leaderboard) -> Table:
    """Return parameters, bytes and speed of every trained row."""
    headers = ["method", "trained on", "trainable", "saved", "peak memory", "training time (s)", "tokens/s"]
    rows = [[*row_names(row), *_memory(row.costs)] for row in board.rows if row.costs and row.costs.train_tokens]
    return Table(headers, rows)


def _memory(costs: Costs) -> list[str]:
    share = "" if costs.peak_vs_full is None else f" ({percent(costs.peak_vs_full)})"
    return [
        number(costs.trainable_parameters),
        size(costs.adapter_bytes) if costs.adapter_bytes else "",
        f"{size(costs.peak_bytes)}{share}",
        f"{costs.train_seconds:.1f}",
        number(costs.tokens_per_second),
    ]


def recipe_table(board: Leaderboard) -> Table:
    """Return what every trained row was trained with."""
    rows = [
        [
            *row_names(row),
            "" if costs.lr is None else f"{costs.lr:g}",
            str(costs.steps),
            number(costs.train_tokens),
        ]
        for row in board.rows
        if (costs := row.costs) and costs.train_tokens
    ]
    return Table(["method", "trained on", "lr", "steps", "tokens"], rows)


def seconds_table(board: Leaderboard) -> Table:
    """Return the seconds of every phase."""
    rows = [
        [
            *row_names(row),
            f"{costs.train_seconds:.1f}" if costs.train_tokens else "",
            "" if costs.measure_seconds is None else f"{costs.measure_seconds:.1f}",
            f"{costs.score_seconds:.1f}",
            f"{costs.tuning_seconds:.1f}" if costs.tuning_seconds else "",
        ]
        for row in board.rows
        if (costs := row.costs)
    ]
    return Table(["method", "trained on", "training", "drift eval", "scoring", "LR search"], rows)
