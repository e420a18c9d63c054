"""Support questions answered from a technote (the form of TechQA): the out-of-domain technical manuals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from medcot_bench import Example, Form, Split, Target, TaskSpec, hookimpl
from medcot_tasks.text_answer import one_line, token_f1

SPEC = TaskSpec(
    name="manuals_qa",
    version=1,
    domain="manuals",
    form=Form(context="given", answer="text"),
    licence="of the file given; TechQA: Apache-2.0",
    description="Support questions on technical products, answered from the technote at hand.",
    usable_with=("context",),
    max_new_tokens=64,
    stop=("\n",),
    sample=Example(
        id="sample",
        group="sample",
        question="The Orlen P2 pump stops and shows code 17. What should I do?",
        context="Orlen P2, note 8. Code 17: the inlet filter is blocked. Switch the pump off, rinse the "
        "filter under running water and put it back with the arrow pointing to the motor.",
        answer="Switch the pump off, rinse the filter under running water and put it back.",
    ),
)


class ManualsQA:
    """The task plugin."""

    spec = SPEC

    def examples(self, split: Split) -> Iterable[Example]:
        """Yield nothing: the items come from a file."""
        return ()

    def prompt(self, example: Example, template: str) -> str:
        """Return the technote, the question, and the mark of the answer."""
        return f"Documentation:\n{example.context}\n\nQuestion: {one_line(example.question)}\nAnswer:"

    def target(self, example: Example) -> Target:
        """Return the answer on one line."""
        return Target(one_line(example.answer))

    def options(self, example: Example) -> Mapping[str, Target]:
        """Return nothing: there are no options."""
        return {}

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        """Return the token F1 of the answer, None where nothing was written."""
        return {"answer": token_f1(example.answer, completion) if completion.strip() else None}


@hookimpl
def medcot_make_task(name: str, options: Mapping[str, Any]) -> ManualsQA:
    """Build the task."""
    return ManualsQA()
