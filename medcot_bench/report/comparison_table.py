"""Rows of one or two result folders beside a baseline, as a table and in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medcot_bench.analysis.comparison import Compared, Conflict
from medcot_bench.report.blocks import Table
from medcot_bench.report.format import interval
from medcot_bench.text import counted


def comparison_table(rows: Sequence[Compared], folders: Sequence[Path]) -> Table:
    """Return the rows beside their baseline on one evaluation task; `folders` are those compared."""
    several = len(folders) > 1
    headers = [*(["folder"] if several else []), "method", "mean", "difference", "p", "items better / worse"]
    lines = [
        [
            *([str(folders[row.folder])] if several else []),
            row.adapter,
            f"{row.mean.value:.3f}",
            interval(row.ahead, signed=True),
            "" if row.p_value is None else f"{row.p_value:.2g}",
            f"{row.better} / {row.worse}",
        ]
        for row in rows
    ]
    return Table(headers, lines)


def write_comparison(rows: Sequence[Compared], baseline: str, score: str) -> str:
    """Say what the table above holds: training task, evaluation task, baseline, items and seeds."""
    first = rows[0]
    trained = f"Trained on {first.beside}, scored" if first.beside else "Scored"
    values = sorted({f"{row.baseline.value:.3f}" for row in rows})
    items, seeds = ({count(row) for row in rows} for count in (_items, _seeds))
    counts = ", ".join(" or ".join(sorted(found)) for found in (items, seeds))
    return f"{trained} on {first.task} by {score} ({counts}); baseline {baseline}, {' or '.join(values)}:"


def _items(row: Compared) -> str:
    return counted(row.ahead.items, "item")


def _seeds(row: Compared) -> str:
    return counted(row.ahead.seeds, "seed")


def write_conflict(found: Conflict) -> str:
    """Say why two folders should not be compared.

    >>> write_conflict(Conflict("k8s_qa", "items"))
    'k8s_qa: different items'
    """
    sides = f" ({found.sides[0]} and {found.sides[1]})" if found.sides else ""
    return f"{found.task}: different {found.what}{sides}"
