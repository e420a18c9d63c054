"""A question that a user types, as an item of a task."""

from __future__ import annotations

from collections.abc import Mapping

from medcot_bench.errors import ConfigErrors
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.types import Example


def ask(task: ResolvedTask, question: str, context: str | None, options: Mapping[str, str]) -> Example:
    """Return an item without an answer. Raises ConfigErrors for missing parts, and for parts that don't fit."""
    spec = task.task.spec
    needed = {*spec.required, *spec.usable_with}
    problems = []
    if not question.strip():
        problems.append("the question is empty")
    if "context" in needed and context is None:
        problems.append(f"task {task.label} needs a context: add --context TEXT or --context-file FILE")
    if context is not None and "context" not in needed and spec.form.context == "none":
        problems.append(f"task {task.label} takes no context; put it into the question")
    if "options" in needed and not options:
        problems.append(f"task {task.label} needs options: add --option A=TEXT --option B=TEXT ...")
    if options and spec.form.answer != "letter":
        problems.append(f"task {task.label} takes no options")
    if problems:
        raise ConfigErrors(problems)
    return Example(
        id="question", group="question", question=question.strip(), answer="", context=context, options=options
    )
