"""Frequently asked questions on technical products, answered at length and without a context."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from medcot_bench import Example, Form, Split, Target, TaskSpec, hookimpl
from medcot_tasks.text_answer import SCORES, one_line, score_text

SPEC = TaskSpec(
    name="manuals_faq",
    version=2,
    domain="manuals",
    form=Form(context="none", answer="text"),
    licence="of the file given",
    description="Frequently asked questions on technical products, answered in one or several paragraphs.",
    templates=("default", "other_prompt"),
    scores=SCORES,
    max_new_tokens=256,
    stop=("\nQuestion:", "\nQ:"),
)


class ManualsFaq:
    """The task plugin."""

    spec = SPEC

    def examples(self, split: Split) -> Iterable[Example]:
        """Yield nothing: there are no bundled items."""
        return ()

    def prompt(self, example: Example, template: str) -> str:
        """Return the question and the mark of the answer."""
        question, answer = ("Question", "Answer") if template == "default" else ("Q", "A")
        return f"{question}: {one_line(example.question)}\n{answer}:"

    def target(self, example: Example) -> Target:
        """Return the answer with its lines."""
        return Target(example.answer.strip())

    def options(self, example: Example) -> Mapping[str, Target]:
        """Return nothing: there are no options."""
        return {}

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        """Return token F1 and whether the answer is the same, None where nothing was written."""
        return score_text(example.answer, completion)


@hookimpl
def medcot_make_task(name: str, options: Mapping[str, Any]) -> ManualsFaq:
    """Build the task."""
    return ManualsFaq()
