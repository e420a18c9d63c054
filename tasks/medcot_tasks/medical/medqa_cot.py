"""MedQA with chain of thought: an exam question with options, answered by reasoning, then a letter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from medcot_bench import Example, Form, Split, Target, TaskSpec, hookimpl

SPEC = TaskSpec(
    name="medqa_cot",
    version=1,
    domain="medical",
    form=Form(context="none", answer="letter"),
    licence="of the file given; MedQA: MIT",
    description="Medical exam questions: reasoning, then the letter of one option. Not for clinical use.",
    required=("options", "answer_letter"),
    trainable_with=("reasoning",),
    max_new_tokens=192,
    stop=("\nQuestion:",),
    sample=Example(
        id="sample",
        group="sample",
        question="A 30-year-old has had a sore throat and fever for two days. Rapid testing finds group A "
        "streptococci. What is the first choice of treatment?",
        options={"A": "Penicillin V", "B": "Ciprofloxacin", "C": "Doxycycline", "D": "Observation only"},
        reasoning="Group A streptococcal pharyngitis is treated to prevent rheumatic fever. The bacterium "
        "is reliably sensitive to penicillin.",
        answer="Penicillin V",
        answer_letter="A",
    ),
)
# A capital that ends its clause after an answer mark, also as "A)", "**A**" or "A - text"; "answer is A patient"
# names no option. The last one counts, since reasoning may weigh several.
_ANSWER = re.compile(r"\b[Aa](?:nswer|NSWER)(?:\s+is)?[\s:*(]*([A-Z])(?=[)*]|\s+[-–—]\s|\s*(?:[.,;:]|\n|$))")


class MedQACot:
    """The task plugin."""

    spec = SPEC

    def examples(self, split: Split) -> Iterable[Example]:
        """Yield nothing: the items come from a file."""
        return ()

    def prompt(self, example: Example, template: str) -> str:
        """Return question, options, and what to write."""
        options = "\n".join(f"{letter}. {text}" for letter, text in example.options.items())
        return (
            f"Question: {example.question}\n{options}\n"
            "Reason step by step, then end with the letter of the right option.\nReasoning:"
        )

    def target(self, example: Example) -> Target:
        """Return the reasoning on one line, then the answer line."""
        reasoning = " ".join(example.reasoning.split()) if example.reasoning else None
        return Target(f"Answer: {example.answer_letter}", reasoning)

    def options(self, example: Example) -> Mapping[str, Target]:
        """Return the answer line of every option."""
        return {letter: Target(f"Answer: {letter}") for letter in example.options}

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        """Return 1 where the last answer mark names the right letter, None where there is no mark."""
        found = [letter for letter in _ANSWER.findall(completion) if letter in example.options]
        return {"answer": float(found[-1] == example.answer_letter) if found else None}


@hookimpl
def medcot_make_task(name: str, options: Mapping[str, Any]) -> MedQACot:
    """Build the task."""
    return MedQACot()
