"""Medical questions with long reasoning and an answer in sentences: the form of medical-o1-reasoning-SFT."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from medcot_bench import Example, Form, Split, Target, TaskSpec, hookimpl
from medcot_tasks.medical.hub import medical_o1
from medcot_tasks.target import OPTION, Kind
from medcot_tasks.text_answer import SCORES, reasoned, score_after_mark, score_text

SPEC = TaskSpec(
    name="medical_o1_cot",
    version=2,
    domain="medical",
    form=Form(context="none", answer="text"),
    licence="of the file given (medical-o1-reasoning-SFT: Apache-2.0)",
    description="Medical questions: long reasoning, then an answer in sentences. Not for clinical use.",
    sources={"hub": "FreedomIntelligence/medical-o1-reasoning-SFT"},
    hub=(medical_o1("train", "validation", "eval"),),
    options=OPTION,
    templates=("default", "other_prompt"),
    trainable_with=("reasoning",),
    scores=SCORES,
    max_new_tokens=768,
    stop=("\nQuestion:", "\nQ:"),
)


class MedicalO1Cot:
    """The task plugin."""

    def __init__(self, target: Kind = "cot"):
        self._reasons = target == "cot"
        self.spec = SPEC if self._reasons else replace(SPEC, max_new_tokens=256)

    def examples(self, split: Split) -> Iterable[Example]:
        """Yield nothing: there are no bundled items."""
        return ()

    def prompt(self, example: Example, template: str) -> str:
        """Return the question and what to write."""
        if template != "default":
            how = "Think it through, then write 'Answer:' and the answer." if self._reasons else "Answer it."
            return f"Q: {example.question}\n{how}\nA:"
        how = "Reason step by step, then give the answer.\nReasoning:" if self._reasons else "Answer:"
        return f"Question: {example.question}\n{how}"

    def target(self, example: Example) -> Target:
        """Return the reasoning with its paragraphs, if asked for, then the answer."""
        return reasoned(example, asked=self._reasons)

    def options(self, example: Example) -> Mapping[str, Target]:
        """Return nothing: the answer is free."""
        return {}

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        """Return token F1 and equality of what follows the last answer mark, None where there is none."""
        score = score_after_mark if self._reasons else score_text
        return score(example.answer, completion)


@hookimpl
def medcot_make_task(name: str, options: Mapping[str, Any]) -> MedicalO1Cot:
    """Build the task."""
    return MedicalO1Cot(**options)
