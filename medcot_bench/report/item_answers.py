"""Items on which methods differ, as people read them: question, right answer, each method's score and answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medcot_bench.analysis.item_differences import ItemDifference, TaskDifferences
from medcot_bench.report.blocks import Table
from medcot_bench.security.foreign_text import shorten
from medcot_bench.text import counted

NAME, ANSWER, QUESTION = 80, 240, 600
"""Most characters of an item's name, an answer and a question; of longer ones the beginning and the end."""
OLDER = "Questions are missing: these samples were made before they kept them."
HOW = "Scores are means over seeds; the answer is that of the first seed."


def write_differences(found: TaskDifferences, score: str) -> str:
    """Say what the items below are."""
    trained = f"Trained on {found.trained}, scored" if found.trained else "Scored"
    lower = " (lower is better)" if found.lower_is_better else ""
    place = f"{trained} on {found.task} by {score}{lower}"
    if not found.items:
        return f"{place}: all methods score the same on every item."
    differing = counted(found.differing, "item", ("differs", "differ"))
    return f"{place}: {differing} between methods; {len(found.items)} with the largest difference:"


def write_item(number: int, item: ItemDifference) -> list[str]:
    """Return what was asked and what is right, a line each, as far as samples have them."""
    asked = f": {shorten(item.question, QUESTION)}" if item.question else ""
    options = "; ".join(f"{shorten(letter, NAME)}: {shorten(text)}" for letter, text in item.options.items())
    right = [f"Right answer: {shorten(item.right, ANSWER)}"] if item.right else []
    return [f"{number}. {shorten(item.item, NAME)}{asked}", *([f"Options: {options}"] if options else []), *right]


def answers_table(item: ItemDifference, folders: Sequence[Path]) -> Table:
    """Return what the methods answered, in the order of the study; `folders` are those compared."""
    several = len(folders) > 1
    headers = [*(["folder"] if several else []), "method", "score", "answer"]
    rows = [
        [
            *([str(folders[one.folder])] if several else []),
            one.method,
            f"{one.value:.3f}",
            "not generated" if one.answer is None else shorten(one.answer, ANSWER) or "(empty)",
        ]
        for one in item.answers
    ]
    return Table(headers, rows)
