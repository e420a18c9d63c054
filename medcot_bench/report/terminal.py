"""The leaderboard on a terminal: one line a row, the main score of every task."""

from __future__ import annotations

from tabulate import tabulate

from medcot_bench.report.format import estimate, number, size
from medcot_bench.results.leaderboard import Leaderboard, Row


def overview(leaderboard: Leaderboard) -> str:
    """Return the table; a task that a row is not scored on stays empty.

    Shifts of a task (`NAME@...`) would make it too wide: they are named below it where other tasks are there.
    """
    shifts = [task for task in leaderboard.tasks if "@" in task]
    beside = shifts if len(shifts) < len(leaderboard.tasks) else []
    shown = {task: leaderboard.headline(task) for task in leaderboard.tasks if task not in beside}
    headers = ["adapter", "trained on"]
    headers += [f"{leaderboard.tasks[task]}\n{name}" for task, name in shown.items()]
    headers += ["peak\nmemory", "tokens/s"]
    rows = []
    for row in leaderboard.rows:
        scores = [_score(row, task, name) for task, name in shown.items()]
        rows.append([row.adapter, leaderboard.trained_on(row), *scores, *_costs(row)])
    table = tabulate(rows, headers, disable_numparse=True)
    return "\n".join([table, *([f"in the leaderboard too: {', '.join(beside)}"] if beside else [])])


def _score(row: Row, task: str, name: str) -> str:
    if task not in row.planned:
        return ""
    found = row.tasks.get(task)
    return (estimate(found.scores.get(name)) or f"no {name}") if found else "not finished"


def _costs(row: Row) -> list[str]:
    if row.costs is None or not row.costs.train_tokens:
        return ["", ""]
    return [size(row.costs.peak_bytes), number(row.costs.tokens_per_second)]
