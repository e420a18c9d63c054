"""Questions on the Kubernetes documentation with short answers, with or without the passage at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from medcot_bench import Example, Form, Option, Split, Target, TaskSpec, hookimpl
from medcot_tasks.text_answer import one_line, token_f1

SPEC = TaskSpec(
    name="k8s_qa",
    version=1,
    domain="kubernetes",
    form=Form(context="given", answer="text"),
    licence="of the file given; Kubernetes documentation: CC-BY-4.0",
    description="Questions on Kubernetes, answered in a few words from a passage of its documentation.",
    options={"context": Option(str, "given", "whether the prompt holds the passage", choices=("given", "none"))},
    usable_with=("context",),
    max_new_tokens=48,
    stop=("\n",),
    sample=Example(
        id="sample",
        group="sample",
        question="What happens to a container that exceeds its memory limit?",
        context="A container may use more than its CPU limit allows only by being throttled. Memory can't be "
        "throttled: a container that exceeds its memory limit is terminated and may be restarted.",
        answer="It is terminated and may be restarted.",
    ),
)


class K8sQA:
    """The task plugin. Without the context the form is another one, and so are the comparisons."""

    def __init__(self, context: str = "given"):
        self.with_context = context == "given"
        self.spec = SPEC if self.with_context else replace(SPEC, form=Form("none", "text"), usable_with=())

    def examples(self, split: Split) -> Iterable[Example]:
        """Yield nothing: the items come from a file."""
        return ()

    def prompt(self, example: Example, template: str) -> str:
        """Return the passage (if wanted), the question, and the mark of the answer."""
        passage = f"Documentation:\n{example.context}\n\n" if self.with_context else ""
        return f"{passage}Question: {example.question}\nAnswer:"

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
def medcot_make_task(name: str, options: Mapping[str, Any]) -> K8sQA:
    """Build the task."""
    return K8sQA(**options)
