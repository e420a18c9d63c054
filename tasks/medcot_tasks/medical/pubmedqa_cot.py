"""Research questions with their abstract, answered by reasoning, then yes, no or maybe: PubMedQA's form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from medcot_bench import Example, Form, Split, Target, TaskSpec, hookimpl
from medcot_tasks.medical.hub import PUBMEDQA
from medcot_tasks.target import ANSWER_TOKENS, OPTION, Kind
from medcot_tasks.text_answer import one_line

CHOICES = ("yes", "no", "maybe")
SPEC = TaskSpec(
    name="pubmedqa_cot",
    version=1,
    domain="medical",
    form=Form(context="given", answer="letter"),
    licence="of the file given (PubMedQA: MIT)",
    description="Questions on an abstract: reasoning, then yes, no or maybe. Not for clinical use.",
    sources={"hub": PUBMEDQA.id},
    hub=(PUBMEDQA,),
    options=OPTION,
    templates=("default", "other_prompt"),
    usable_with=("context",),
    trainable_with=("reasoning",),
    max_new_tokens=160,
    stop=("\nQuestion:", "\nQ:"),
)
# Nothing but signs may follow on its line: "no longer" is no answer.
_ANSWER = re.compile(
    r"\banswer(?:\s+is)?[\s:*]*(yes|no|maybe)(?=[\s.,;)*]*$)", re.IGNORECASE | re.ASCII | re.MULTILINE
)


class PubMedQACot:
    """The task plugin."""

    def __init__(self, target: Kind = "cot"):
        self._reasons = target == "cot"
        self.spec = SPEC if self._reasons else replace(SPEC, max_new_tokens=ANSWER_TOKENS)

    def examples(self, split: Split) -> Iterable[Example]:
        """Yield nothing: there are no bundled items."""
        return ()

    def prompt(self, example: Example, template: str) -> str:
        """Return abstract (if there), question, and what to write."""
        shown = example.context is not None
        if template != "default":
            how = "Think it through; the last line says" if self._reasons else "Write 'Answer:' and"
            abstract = f"Read this abstract.\n\n{example.context}\n\n" if shown else ""
            return f"{abstract}Q: {example.question}\n{how} yes, no or maybe.\nA:"
        reason = "Reason first, then end with yes, no or maybe.\nReasoning:"
        how = reason if self._reasons else "Write 'Answer:' and yes, no or maybe."
        abstract = f"Abstract:\n{example.context}\n\n" if shown else ""
        return f"{abstract}Question: {example.question}\n{how}"

    def target(self, example: Example) -> Target:
        """Return the reasoning on one line, if asked for, and the answer. Raises ValueError for another answer."""
        answer = example.answer.strip().casefold()
        if answer not in CHOICES:
            raise ValueError(f"the answer is '{example.answer}', not one of {', '.join(CHOICES)}")
        reasoning = one_line(example.reasoning) if self._reasons and example.reasoning else None
        return Target(f"Answer: {answer}", reasoning)

    def options(self, example: Example) -> Mapping[str, Target]:
        """Return the three answers."""
        return {choice: Target(f"Answer: {choice}") for choice in CHOICES}

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        """Return whether the last answer is right, None where there is none."""
        found = _ANSWER.findall(completion)
        right = example.answer.strip().casefold()
        return {"answer": float(found[-1].casefold() == right) if found else None}


@hookimpl
def medcot_make_task(name: str, options: Mapping[str, Any]) -> PubMedQACot:
    """Build the task."""
    return PubMedQACot(**options)
