"""Prompting baselines: what they ask the untouched base, and where one is left out.

Each is the task seen in another way, so that engines, gates and scores treat it as any task.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from medcot_bench.baselines import COT, NO_CONTEXT, shots_of
from medcot_bench.chosen import ChosenTask
from medcot_bench.data.sources import digest
from medcot_bench.harness.task import FORM
from medcot_bench.interfaces import Task
from medcot_bench.plan import Plan, Score
from medcot_bench.scores import needs_generation
from medcot_bench.types import Example, Form, Split, Target

BEFORE = (
    "Reason step by step first. Then end with a line that begins with 'Answer:' and holds the answer alone.\n\n"
)
AFTER = " Let's think step by step."
"""The trigger of Kojima et al. 2022 (arXiv 2205.11916)."""
ROOM = 256
"""Tokens for the reasoning, more than the task's own for its answer."""
MARK = "Answer:"
_MARK = re.compile(r"^[\W_]*answer\W*?:[*_ \t]*", re.IGNORECASE | re.MULTILINE)
_OF_REASONING = {"parsed", "truncated", "repetition"}
"""The core's scores that mean something of reasoning in front of an answer; a task's own always do."""


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


class _ClosedBook(_SeenOtherwise):
    """Asks without the context."""

    def __init__(self, task: Task):
        super().__init__(task)
        self.spec = dataclasses.replace(task.spec, form=Form("none", task.spec.form.answer))

    def prompt(self, example: Example, template: str) -> str:
        """Return the prompt of the item without its context."""
        return self._task.prompt(dataclasses.replace(example, context=None), template)


def asked(chosen: ChosenTask, baseline: str) -> ChosenTask:
    """Return a task as a baseline asks it; without one, and where only the solved examples differ, as it is."""
    kinds = {COT: _ReasonFirst, NO_CONTEXT: _ClosedBook}
    return dataclasses.replace(chosen, task=kinds[baseline](chosen.task)) if baseline in kinds else chosen


def form_of(plan: Plan, score: Score) -> dict[str, str]:
    """Return the form that an evaluation's prompts have, as records name it."""
    if score.task in plan.harness:
        return dict(FORM)
    form = asked(plan.tasks[score.task], score.baseline).task.spec.form
    return {"context": form.context, "answer": form.answer}


def baseline_requests(plan: Plan, label: str, plain: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each baseline of a task with its request: the plain evaluation's, but for what differs."""
    for baseline in plan.study.baselines:
        request = _request(plan, label, baseline, plain)
        if not isinstance(request, str):
            yield baseline, request


def left_out(plan: Plan, label: str, plain: Mapping[str, Any]) -> Iterator[str]:
    """Yield why baselines are left out on a task, a sentence each."""
    for baseline in plan.study.baselines:
        reason = _request(plan, label, baseline, plain)
        if isinstance(reason, str):
            yield f"{label}: no baseline {baseline}: {reason}"


def _request(plan: Plan, label: str, baseline: str, plain: Mapping[str, Any]) -> dict[str, Any] | str:
    """Return the request, or why there is none."""
    spec = plan.tasks[label].task.spec
    count = shots_of(baseline, plan.scoring.num_fewshot)
    shots = plan.shots(label, count=count)
    if len(shots) < count:
        return f"only {len(shots)} training items share no group or question with what is scored"
    request = {**plain, "shots": digest(shots) if count else None}
    if baseline == NO_CONTEXT:
        if spec.form.context == "none":
            return "its prompts have no context"
        request["context"] = "removed"
    if baseline == COT:
        possible = {*spec.scores, *_OF_REASONING}
        wanted = possible & set(plain["scores"] or possible)
        if not any(needs_generation(name) for name in wanted):
            return "no score of a generated answer is asked for"
        room = plain["max_new_tokens"] + ROOM
        request |= {"scores": sorted(wanted), "max_new_tokens": room, "trigger": [BEFORE, AFTER]}
    return "its prompt is that of the base's own row" if request == plain else request
