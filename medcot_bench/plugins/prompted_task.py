"""A task as a prompting baseline asks it, or with other stop strings, to be treated as any task."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

from medcot_bench.interfaces import Task
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.study.baselines import COT, NO_CONTEXT
from medcot_bench.types import Example, Form, Split, Target

BEFORE = (
    "Reason step by step first. Then end with a line that begins with 'Answer:' and holds the answer alone.\n\n"
)


AFTER = " Let's think step by step."
"""The trigger of Kojima et al. 2022 (arXiv 2205.11916)."""


MARK = "Answer:"


_MARK = re.compile(r"^[\W_]*answer\W*?:[*_ \t]*", re.IGNORECASE | re.MULTILINE)


class _SeenOtherwise:
    """A task as it is; its subclasses change one thing each."""

    def __init__(self, task: Task):
        self._task = task
        self.spec = task.spec

    def examples(self, split: Split) -> Iterable[Example]:
        """Yield the task's items."""
        return self._task.examples(split)

    def prompt(self, example: Example, template: str) -> str:
        """Return the task's prompt."""
        return self._task.prompt(example, template)

    def target(self, example: Example) -> Target:
        """Return the task's target."""
        return self._task.target(example)

    def options(self, example: Example) -> Mapping[str, Target]:
        """Return the task's options."""
        return self._task.options(example)

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        """Score as the task does."""
        return self._task.score(example, completion)


class _ReasonFirst(_SeenOtherwise):
    """Asks for reasoning, then an answer in a line of its own."""

    def __init__(self, task: Task):
        super().__init__(task)
        # A line break ends an answer, not the reasoning before it.
        stops = tuple(stop for stop in task.spec.stop if stop.strip())
        self.spec = dataclasses.replace(task.spec, stop=stops)

    def prompt(self, example: Example, template: str) -> str:
        """Return the task's prompt between what to do and the trigger."""
        return f"{BEFORE}{self._task.prompt(example, template)}{AFTER}"

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        """Score what follows the first answer mark at the start of a line; without one there is no answer.

        A task whose own targets have the mark reads the completion itself.
        """
        if self._task.target(example).answer.startswith(MARK):
            return self._task.score(example, completion)
        mark = _MARK.search(completion)
        answer = completion[mark.end() :].lstrip() if mark else ""
        for stop in self._task.spec.stop:
            answer = answer.split(stop, 1)[0]
        return self._task.score(example, answer.rstrip().removesuffix("**"))


class _StoppedBy(_SeenOtherwise):
    """Ends its answers at other strings."""

    def __init__(self, task: Task, stop: tuple[str, ...]):
        super().__init__(task)
        self.spec = dataclasses.replace(task.spec, stop=stop)


class _ClosedBook(_SeenOtherwise):
    """Asks without the context."""

    def __init__(self, task: Task):
        super().__init__(task)
        self.spec = dataclasses.replace(task.spec, form=Form("none", task.spec.form.answer))

    def prompt(self, example: Example, template: str) -> str:
        """Return the prompt of the item without its context."""
        return self._task.prompt(dataclasses.replace(example, context=None), template)


def stop_at(chosen: ResolvedTask, stop: tuple[str, ...]) -> ResolvedTask:
    """Return a task whose answers end at these strings."""
    if stop == chosen.task.spec.stop:
        return chosen
    return dataclasses.replace(chosen, task=_StoppedBy(chosen.task, stop), stop=stop)


def apply_baseline(chosen: ResolvedTask, baseline: str) -> ResolvedTask:
    """Return a task as a baseline asks it; without one, and where only the solved examples differ, as it is."""
    kinds = {COT: _ReasonFirst, NO_CONTEXT: _ClosedBook}
    return dataclasses.replace(chosen, task=kinds[baseline](chosen.task)) if baseline in kinds else chosen
