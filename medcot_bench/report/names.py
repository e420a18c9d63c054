"""How rows and tasks are called in tables and sentences."""

from __future__ import annotations

from medcot_bench.results.leaderboard import Leaderboard, Row
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.text import counted

BASE, EXTERNAL = "base model", "external adapter"
FULL = "full fine-tuning"


def trained_on(row: Row) -> str:
    """Return the task that a row was trained on, or what it is if nothing was trained."""
    return row.task or (EXTERNAL if row.external else BASE)


def row_names(row: Row) -> list[str]:
    """Return the first two columns of a table of rows."""
    return [row.adapter, trained_on(row)]


def method(adapter: str) -> str:
    """Return what a sentence calls an adapter.

    >>> method("full"), method("lora:r=8")
    ('full fine-tuning', 'lora:r=8')
    """
    return FULL if adapter == "full" else adapter


def begin(name: str) -> str:
    """Return a method's name for the beginning of a sentence: those that a user typed stay as they are."""
    return "Full fine-tuning" if name == FULL else name


def score_name(board: Leaderboard, task: str, score: str) -> str:
    """Return a score's name, with its direction where only the task knows it."""
    return f"{score} (lower is better)" if score in board.lower.get(task, ()) else score


def describe_items(board: Leaderboard, task: str, score: str) -> str:
    """Return a task's name with its source, how many items have a score, and chance accuracy.

    E.g. `medqa_cot[bundled-v1]: 60 items in 12 groups, chance accuracy 0.25`.
    """
    found = board.scored.get(task)
    most = most_items(board, task, score)
    parts = []
    if found and found.documents is not None:
        parts.append(counted(found.documents, "document"))
    elif most:
        parts.append(f"{counted(most.items, 'item')} in {counted(most.groups, 'group')}")
    if found and found.chance is not None:
        parts.append(f"chance accuracy {found.chance:.2f}")
    elif found and found.shuffled is not None and score == "answer":
        parts.append(f"answers to other items score {found.shuffled:.2f}")
    return board.tasks[task] + (f": {', '.join(parts)}" if parts else "")


def most_items(board: Leaderboard, task: str, score: str) -> Contrast | None:
    """Return the mean over the most items that a row has of a score on a task, None where none has it."""
    parts = (row.tasks[task] for row in board.rows if task in row.tasks)
    means = (part.scores[score] for part in parts if score in part.scores)
    return max(means, key=lambda mean: mean.items, default=None)
