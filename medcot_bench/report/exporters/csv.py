"""The leaderboard as CSV: one line per row, columns for each task's scores, gaps, ranks, DiDs and verdicts."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from medcot_bench.analysis.learning_rates import count_rates_tried
from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.report.format import one_line
from medcot_bench.report.gap_tables import write_verdict
from medcot_bench.report.needed_table import inconclusive_effects, write_needed
from medcot_bench.report.notes import write_failure
from medcot_bench.results.comparisons import Persistence
from medcot_bench.results.leaderboard import Leaderboard, Rank, Row
from medcot_bench.stats.contrasts import Contrast

FORMULA = tuple("=+-@＝＋－＠")
"""What begins a formula, the wide forms too, which spreadsheets take for the same where input is East Asian."""

PARTS = ("in_domain", "out_of_domain", "change")
"""Of a verdict."""


class Csv:
    """The exporter plugin."""

    suffix = ".csv"

    def export(self, leaderboard: Leaderboard) -> str:
        """Return the whole file."""
        tried = count_rates_tried([(row.adapter, row.task) for row in leaderboard.rows], leaderboard.trials)
        tasks = [_TaskColumns.of(leaderboard, task) for task in leaderboard.tasks]
        lines = [_line(leaderboard, row, tasks, tried) for row in leaderboard.rows]
        columns = list(dict.fromkeys(column for line in lines for column in line))
        output = io.StringIO()
        writer = csv.DictWriter(output, columns, restval="", lineterminator="\n")
        writer.writerow({name: _safe(name) for name in columns})
        writer.writerows({name: _safe(value) for name, value in line.items()} for line in lines)
        return output.getvalue()


@dataclass(frozen=True, slots=True)
class _TaskColumns:
    """What an evaluation task's columns hold in some row: a row without it leaves them empty."""

    task: str
    title: str
    scores: Collection[str]
    gaps: Collection[str]
    ranked: Collection[str]
    """The scores that ranks are by."""
    judged: Mapping[tuple[str, str, str], Persistence]
    """(Adapter, training task, score) -> its comparison with this task out of domain."""

    @classmethod
    def of(cls, leaderboard: Leaderboard, task: str) -> _TaskColumns:
        parts = [row.tasks[task] for row in leaderboard.rows if task in row.tasks]
        found = (one for one in leaderboard.persistence if one.out_of_domain.task == task)
        return cls(
            task,
            leaderboard.tasks[task],
            scores={name for part in parts for name in part.scores},
            gaps={name for part in parts for name in part.gaps},
            ranked={rank.score for row in leaderboard.rows for rank in _ranks(row, task)},
            judged={(one.adapter, one.task, one.score): one for one in found},
        )


def _line(
    leaderboard: Leaderboard,
    row: Row,
    tasks: Sequence[_TaskColumns],
    tried: Mapping[tuple[str, str | None], int],
) -> dict[str, Any]:
    line: dict[str, Any] = {
        "base": leaderboard.base["name"],
        "adapter": row.adapter,
        "trained_on": leaderboard.trained_on(row),
        "seeds": "+".join(str(seed) for seed in row.seeds),
        "failures": "; ".join(map(write_failure, row.failures)),
    }
    for columns in tasks:
        line |= _task(leaderboard, row, columns)
    if costs := row.costs:
        line |= {
            "trainable_parameters": costs.trainable_parameters,
            "adapter_bytes": costs.adapter_bytes,
            "peak_bytes": costs.peak_bytes,
            "peak_vs_full": costs.peak_vs_full,
            "train_tokens": costs.train_tokens,
            "train_seconds": costs.train_seconds,
            "tokens_per_second": costs.tokens_per_second,
            "measure_seconds": costs.measure_seconds,
            "score_seconds": costs.score_seconds,
            "tuning_seconds": costs.tuning_seconds,
            "lr": costs.lr,
            "rates_tried": tried.get((row.adapter, row.task), ""),
            "steps": costs.steps,
        }
    if row.divergence:
        line["kl_from_base"] = fmean(row.divergence.values())
    if row.forgetting:
        line["general_nll"] = row.forgetting.nll
        line["forgetting"] = fmean(row.forgetting.changes.values())
    return line


def _task(leaderboard: Leaderboard, row: Row, columns: _TaskColumns) -> dict[str, Any]:
    """Return an evaluation task's columns: every score that some row has, empty where this one has none."""
    found, title = row.tasks.get(columns.task), columns.title
    line: dict[str, Any] = {f"{title}.relation": found.relation if found else ""}
    judged = {score for _, _, score in columns.judged}
    for name in leaderboard.scores:
        if name in columns.scores:
            line |= _estimate(f"{title}.{name}", found.scores.get(name) if found else None, ends=False)
        if name in columns.gaps:
            line |= _estimate(f"{title}.{name}.gap", found.gaps.get(name) if found else None, ends=True)
        if name in columns.ranked:
            ranks = (str(rank) for rank in _ranks(row, columns.task) if rank.score == name)
            line[f"{title}.{name}.rank"] = next(ranks, "")
        if name in judged:
            own = columns.judged.get((row.adapter, row.task or "", name))
            did = own.did.found if own and own.did else None
            line |= _estimate(f"{title}.{name}.did", did, ends=True)
            line[f"{title}.{name}.verdict"] = write_verdict(own) if own else ""
            parts = own.verdict if own else None
            line[f"{title}.{name}.verdict.in_domain"] = parts.in_domain if parts else ""
            line[f"{title}.{name}.verdict.out_of_domain"] = parts.out_of_domain if parts else ""
            line[f"{title}.{name}.verdict.change"] = (parts.change or "not comparable") if parts else ""
            needed = dict(inconclusive_effects(own)) if own else {}
            for place, part in enumerate(PARTS):
                effect = needed.get(place)
                line[f"{title}.{name}.needed.{part}"] = write_needed(effect.needed) if effect else ""
    return line


def _estimate(column: str, found: Contrast | None, *, ends: bool) -> dict[str, Any]:
    """Return the columns of an estimate, with the ends of its 95% CI where they are asked for."""
    low, high = (found.interval() if found else None) or ("", "")
    values = {
        column: found.value if found else "",
        f"{column}.stderr": found.stderr if found else "",
        f"{column}.n": found.items if found else "",
    }
    return values | ({f"{column}.low": low, f"{column}.high": high} if ends else {})


def _ranks(row: Row, task: str) -> list[Rank]:
    """Return a row's rank on a task; none where it has one for each of several training tasks, as the base has."""
    ranks = [*row.tasks[task].ranks.values()] if task in row.tasks else []
    return ranks if len(ranks) == 1 else []


def _safe(value: Any) -> Any:
    """Keep a string in one line, and from being run as a formula (OWASP ASVS 1.2.10); numbers stay numbers."""
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.startswith(FORMULA) else text


@hookimpl
def medcot_make_exporter(name: str) -> Csv:
    """Build the exporter."""
    return Csv()
