"""The leaderboard as CSV: one line a row, a column for each task's score, standard error, n and gap."""

from __future__ import annotations

import csv
import io
from statistics import fmean
from typing import Any

from medcot_bench import hookimpl
from medcot_bench.analysis.leaderboard import Leaderboard, Row
from medcot_bench.report.text import one_line

FORMULA = tuple("=+-@＝＋－＠")
"""What begins a formula, the wide forms too, which spreadsheets take for the same where input is East Asian."""


class Csv:
    """The exporter plugin."""

    suffix = ".csv"

    def export(self, leaderboard: Leaderboard) -> str:
        """Return the whole file."""
        lines = [_line(leaderboard, row) for row in leaderboard.rows]
        columns = list(dict.fromkeys(column for line in lines for column in line))
        output = io.StringIO()
        writer = csv.DictWriter(output, columns, restval="", lineterminator="\n")
        writer.writerow({name: _safe(name) for name in columns})
        writer.writerows({name: _safe(value) for name, value in line.items()} for line in lines)
        return output.getvalue()


def _line(leaderboard: Leaderboard, row: Row) -> dict[str, Any]:
    line: dict[str, Any] = {
        "base": leaderboard.base["name"],
        "adapter": row.adapter,
        "trained_on": leaderboard.trained_on(row),
        "seeds": "+".join(str(seed) for seed in row.seeds),
        "failures": "; ".join(row.failures),
    }
    for task, title in leaderboard.tasks.items():
        found = row.tasks.get(task)
        line[f"{title}.relation"] = found.relation if found else ""
        for name in leaderboard.scores:
            for suffix, kind in (("", "scores"), (".gap", "gaps")):
                if not any(name in getattr(r.tasks[task], kind) for r in leaderboard.rows if task in r.tasks):
                    continue
                estimate = getattr(found, kind).get(name) if found else None
                column = f"{title}.{name}{suffix}"
                line[column] = estimate.value if estimate else ""
                line[f"{column}.stderr"] = estimate.stderr if estimate else ""
                line[f"{column}.n"] = estimate.items if estimate else ""
    if costs := row.costs:
        line |= {
            "trainable_parameters": costs.trainable_parameters,
            "adapter_bytes": costs.adapter_bytes,
            "peak_bytes": costs.peak_bytes,
            "peak_vs_full": costs.peak_vs_full,
            "train_tokens": costs.train_tokens,
            "train_seconds": costs.train_seconds,
            "tokens_per_second": costs.tokens_per_second,
            "score_seconds": costs.score_seconds,
            "tuning_seconds": costs.tuning_seconds,
            "lr": costs.lr,
            "steps": costs.steps,
        }
    if row.divergence:
        line["kl_from_base"] = fmean(row.divergence.values())
    if row.forgetting:
        line["general_nll"] = row.forgetting.nll
        line["forgetting"] = fmean(row.forgetting.changes.values())
    return line


def _safe(value: Any) -> Any:
    """Keep a text in one line, and from being run as a formula (OWASP ASVS 1.2.10); numbers stay numbers."""
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.startswith(FORMULA) else text


@hookimpl
def medcot_make_exporter(name: str) -> Csv:
    """Build the exporter."""
    return Csv()
