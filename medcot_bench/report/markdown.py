"""The leaderboard as Markdown: an overview, a table for each evaluation task, costs, failures."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabulate import tabulate

from medcot_bench import hookimpl
from medcot_bench.analysis.leaderboard import Costs, Leaderboard, Row
from medcot_bench.report import effects, persistence
from medcot_bench.report.recommendation import recommend
from medcot_bench.report.text import estimate, number, size

RELATIONS = {
    "base": "untouched",
    "elsewhere": "trained elsewhere",
    "same_task": "same task",
    "same_domain": "same domain",
    "shift": "shift",
}
DISCLAIMER = "A benchmark of fine-tuning methods. Not for clinical use."


class Markdown:
    """The exporter plugin."""

    suffix = ".md"

    def export(self, leaderboard: Leaderboard) -> str:
        """Return the whole file."""
        base = leaderboard.base
        parts = [
            "# Leaderboard",
            f"Base model: {_escape(base['name'])} ({_escape(base['origin'])}). Higher is better, except for "
            "gold_nll (nats per byte of the target), truncated and repetition. ± is the standard error over "
            "groups of items and over seeds; with one seed it leaves out how much seeds differ. The number of "
            "items is in brackets. Ranks are by the primary score, = is a tie.",
            "## Overview",
            _overview(leaderboard),
            *(f"Take, {_escape(line)}." for line in recommend(leaderboard)),
            *_persistence(leaderboard),
            *_sections(leaderboard),
            *[
                part
                for task, title in leaderboard.tasks.items()
                for part in (
                    f"## {_escape(f'{title}, {leaderboard.domains[task]}')}",
                    _task(leaderboard, task),
                )
            ],
            "## Costs",
            _costs(leaderboard),
            "Peak memory is that of training, with the base's weights in it. Seconds of training and scoring are "
            "means over seeds, those of tuning (learning rates tried and not chosen) are for all seeds together.",
            *_trials(leaderboard),
        ]
        failures = [(row, failure) for row in leaderboard.rows for failure in row.failures]
        if failures:
            parts += [
                "## Not finished",
                _table(
                    ["adapter", "trained on", "what"],
                    [[*_names(leaderboard, row), failure] for row, failure in failures],
                ),
            ]
        marks = [
            f"- {_escape(' '.join([*_names(leaderboard, row), 'on', leaderboard.tasks[task]]))}: {_escape(mark)}"
            for row in leaderboard.rows
            for task, scores in row.tasks.items()
            for mark in scores.marks
        ]
        notes = [f"- {_escape(note)}" for note in leaderboard.notes]
        parts += ["## Notes", "\n".join([*notes, *marks, f"- {DISCLAIMER}"])]
        return "\n\n".join(parts) + "\n"


def _overview(leaderboard: Leaderboard) -> str:
    headers = ["adapter", "trained on", "seeds"]
    headers += [f"{title}: answer" for title in leaderboard.tasks.values()]
    headers += ["peak memory", "of full", "tokens/s", "trainable"]
    rows = []
    for row in leaderboard.rows:
        cells = [*_names(leaderboard, row), _seeds(row)]
        for task in leaderboard.tasks:
            if task not in row.planned:
                cells.append("")
                continue
            found = row.tasks.get(task)
            score = estimate(found.scores.get("answer"), count=True) if found else ""
            cells.append(f"{score}, {RELATIONS[found.relation]}" if found and score else "not finished")
        costs = row.costs
        cells += (
            [
                size(costs.peak_bytes),
                "" if costs.peak_vs_full is None else f"{costs.peak_vs_full:.0%}",
                number(costs.tokens_per_second),
                number(costs.trainable_parameters),
            ]
            if costs and costs.train_tokens
            else ["", "", "", ""]
        )
        rows.append(cells)
    return _table(headers, rows)


def _persistence(leaderboard: Leaderboard) -> list[str]:
    parts = []
    for score in persistence.scores(leaderboard):
        parts += [f"## Does the gap to full fine-tuning persist? By {_escape(score)}"]
        parts += [_table(*table(leaderboard, score)) for table in (persistence.verdicts, persistence.means)]
        parts += [" ".join(persistence.limits(leaderboard, score))]
    return [*parts, persistence.RULE] if parts else []


def _task(leaderboard: Leaderboard, task: str) -> str:
    found = [row for row in leaderboard.rows if task in row.tasks]
    names = [name for name in leaderboard.scores if any(name in row.tasks[task].scores for row in found)]
    gaps = [name for name in names if name in {"answer", "choice", "gold_nll"}]
    gaps = [name for name in gaps if any(name in row.tasks[task].gaps for row in found)]
    headers = ["adapter", "trained on", "relation", "rank", "n", *names, *(f"full ahead: {name}" for name in gaps)]
    rows = []
    for row in found:
        part = row.tasks[task]
        most = max((score.items for score in part.scores.values()), default=0)
        scores = [
            estimate(part.scores.get(name), count=name in part.scores and part.scores[name].items != most)
            for name in names
        ]
        rows.append(
            [
                *_names(leaderboard, row),
                RELATIONS[part.relation],
                str(next(iter(part.ranks.values()))) if len(part.ranks) == 1 else "",
                str(most),
                *scores,
                *(estimate(part.gaps.get(name), signed=True) for name in gaps),
            ]
        )
    return _table(headers, rows)


def _costs(leaderboard: Leaderboard) -> str:
    headers = ["adapter", "trained on", "trainable", "saved", "peak memory", "of full", "tokens/s"]
    headers += ["lr", "steps", "trained tokens", "training s", "scoring s", "tuning s"]
    rows = [[*_names(leaderboard, row), *_cost(row.costs)] for row in leaderboard.rows if row.costs]
    return _table(headers, rows)


def _cost(costs: Costs) -> list[str]:
    trained = bool(costs.train_tokens)
    return [
        number(costs.trainable_parameters),
        size(costs.adapter_bytes) if costs.adapter_bytes else "",
        size(costs.peak_bytes) if trained else "",
        "" if costs.peak_vs_full is None else f"{costs.peak_vs_full:.0%}",
        number(costs.tokens_per_second),
        "" if costs.lr is None else f"{costs.lr:g}",
        str(costs.steps) if trained else "",
        number(costs.train_tokens),
        f"{costs.train_seconds:.1f}" if trained else "",
        f"{costs.score_seconds:.1f}",
        f"{costs.tuning_seconds:.1f}" if costs.tuning_seconds else "",
    ]


def _trials(leaderboard: Leaderboard) -> list[str]:
    return ["## Learning rates tried", _table(*effects.trials(leaderboard))] if leaderboard.trials else []


def _sections(leaderboard: Leaderboard) -> list[str]:
    return [
        part
        for title, (headers, rows), about in effects.sections(leaderboard)
        for part in (f"## {title}", _table(headers, rows), about)
    ]


def _names(leaderboard: Leaderboard, row: Row) -> list[str]:
    return [row.adapter, leaderboard.trained_on(row) or "nothing"]


def _seeds(row: Row) -> str:
    return "+".join(str(seed) for seed in row.seeds)


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    escaped = [[_escape(cell) for cell in row] for row in rows]
    return tabulate(escaped, [_escape(h) for h in headers], tablefmt="pipe", disable_numparse=True)


def _escape(text: str) -> str:
    """Escape what Markdown or HTML would act on, and keep a cell on its line."""
    text = " ".join(text.split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\|`*\[\]])", r"\\\1", text)


@hookimpl
def medcot_make_exporter(name: str) -> Markdown:
    """Build the exporter."""
    return Markdown()
