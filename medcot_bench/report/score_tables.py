"""Scores as tables: the overview of all tasks, and every task by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medcot_bench.report.blocks import Block, Heading, Paragraph, Table
from medcot_bench.report.format import duration, estimate, listed, size
from medcot_bench.report.names import describe_items, most_items, row_names, score_name
from medcot_bench.results.leaderboard import Leaderboard, Row
from medcot_bench.text import counted

SHOWN_TASKS = 3
"""In the overview."""
SHOWN_SCORES = 4
"""In the table of a task."""
INCOMPLETE = "incomplete"
LESS_IS_BETTER = {"gold_nll": "gold_nll (nats per byte)", "truncated": "truncated", "repetition": "repetition"}
"""Scores of the core, as sentences call them."""


def overview_tasks(board: Leaderboard) -> list[str]:
    """Return the tasks that an overview has room for; graded shifts only where there is no other task."""
    whole = [task for task in board.tasks if "@" not in task]
    return (whole or [*board.tasks])[:SHOWN_TASKS]


@dataclass(frozen=True, slots=True)
class _Column:
    """One score on one task."""

    task: str
    score: str
    items: int
    """The most that a row has."""

    @classmethod
    def of(cls, board: Leaderboard, task: str, score: str) -> _Column:
        most = most_items(board, task, score)
        return cls(task, score, most.items if most else 0)

    def write(self, row: Row) -> str:
        """Write a row's mean, or why there is none; with its number of items where other rows have more."""
        if self.task not in row.planned:
            return ""
        if self.task not in row.tasks:
            return INCOMPLETE
        value = row.tasks[self.task].scores.get(self.score)
        if value is None:
            return f"no {self.score}"
        return estimate(value, count=value.items < self.items)


def overview_table(board: Leaderboard) -> Table:
    """Return one row per method and training task: the main score of each task, peak memory, training time."""
    columns = [_Column.of(board, task, board.headline(task)) for task in overview_tasks(board)]
    titles = [f"{one.task}: {score_name(board, one.task, one.score)}" for one in columns]
    rows = [[*row_names(row), *(column.write(row) for column in columns), *_price(row)] for row in board.rows]
    return Table(["method", "trained on", *titles, "peak memory", "training time"], rows)


def describe_overview(board: Leaderboard) -> Iterator[str]:
    """Yield the sentences under the overview: items, chance, seeds, how to read values, what is missing."""
    tasks = overview_tasks(board)
    shown = {task: board.headline(task) for task in tasks}
    if tasks:
        yield describe_tasks(board)
    seeds = sorted({seed for row in board.rows for seed in row.seeds})
    made = f"{counted(len(seeds), 'seed')} ({', '.join(map(str, seeds))})" if seeds else "seeds"
    yield f"Mean ± standard error over groups of items and {made}. {_directions([*shown.values()], board)}"
    if others := [task for task in board.tasks if task not in tasks]:
        yield f"In the appendix: {listed(others)}."


def describe_tasks(board: Leaderboard) -> str:
    """Say how many items the tasks of the overview have, and what chance accuracy is."""
    tasks = overview_tasks(board)
    return " ".join(f"{describe_items(board, task, board.headline(task))}." for task in tasks)


def _directions(scores: Sequence[str], board: Leaderboard) -> str:
    """Say which way scores are better."""
    less = [said for name, said in LESS_IS_BETTER.items() if name in scores]
    marked = {name for names in board.lower.values() for name in names}
    less += ["what is marked so"] if marked & {*scores} else []
    return f"Higher is better, except for {listed(less)}." if less else "Higher is better."


def describe_scores(board: Leaderboard) -> str:
    """Say how the tables of scores are to be read."""
    return f"Mean ± standard error. {_directions(board.scores, board)} {describe_ranks(board)}"


def describe_ranks(board: Leaderboard) -> str:
    """Say what ranks are by, and what stands in for the primary score where a task has none."""
    others: dict[str, dict[str, None]] = {}
    for row in board.rows:
        for task, part in row.tasks.items():
            for rank in part.ranks.values():
                if rank.score != board.primary:
                    others.setdefault(rank.score, {})[task] = None
    instead = "; ".join(f"by {score} on {', '.join(tasks)}" for score, tasks in others.items())
    missing = f" ({instead}, which have none)" if instead else ""
    return (
        f"Ranks are by {board.primary}, the study's primary score{missing}, among the rows of one training task "
        "and the base model. A tie (=) means no significant difference from the best of that rank after Holm "
        "correction."
    )


def score_tables(board: Leaderboard, level: int = 3) -> Iterator[Block]:
    """Yield a table for each evaluation task, under a heading of that level."""
    shown = overview_tasks(board)
    for task, title in board.tasks.items():
        yield Heading(f"{title}, {board.domains[task]}", level)
        if task not in shown:
            yield Paragraph(f"{describe_items(board, task, board.headline(task))}.")
        yield _task_table(board, task)
        if rest := _scores_of(board, task)[SHOWN_SCORES:]:
            yield Paragraph(f"In leaderboard.csv and leaderboard.json too: {listed(rest)}.")


def _scores_of(board: Leaderboard, task: str) -> list[str]:
    """Return the scores of a task, the main one first."""
    made = {name for row in board.rows if task in row.tasks for name in row.tasks[task].scores}
    first = board.headline(task)
    return [name for name in dict.fromkeys([first, *board.scores]) if name in made]


def _task_table(board: Leaderboard, task: str) -> Table:
    columns = [_Column.of(board, task, score) for score in _scores_of(board, task)[:SHOWN_SCORES]]
    rows = []
    for row in board.rows:
        if task in row.tasks:
            part = row.tasks[task]
            rank = str(next(iter(part.ranks.values()))) if len(part.ranks) == 1 else ""
            means = [column.write(row) if column.score in part.scores else "" for column in columns]
            rows.append([*row_names(row), rank, *means])
    titles = [score_name(board, task, column.score) for column in columns]
    return Table(["method", "trained on", "rank", *titles], rows)


def _price(row: Row) -> list[str]:
    if row.costs is None or not row.costs.train_tokens:
        return ["", ""]
    return [size(row.costs.peak_bytes), duration(row.costs.train_seconds)]
