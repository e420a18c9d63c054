"""Questions answered from a manual or a technote (the form of TechQA): the out-of-domain technical manuals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from medcot_bench import Example, Form, HubData, Split, Target, TaskSpec, hookimpl
from medcot_tasks.bundled import OPTIONS, SHIFTS, Level
from medcot_tasks.manuals import devices
from medcot_tasks.text_answer import SCORES, one_line, score_text


def _techqa(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if row["is_impossible"] or not row["contexts"]:
        return None
    technote = row["contexts"][0]
    return {
        "id": row["id"],
        "question": row["question"],
        "context": technote["text"],
        "answer": row["answer"],
        "group": technote["filename"],
    }


TECHQA = HubData(
    id="nvidia/TechQA-RAG-Eval",
    splits={"train": ("train", "validation", "eval")},
    columns=("id", "question", "answer", "is_impossible", "contexts"),
    row=_techqa,
)
"""TechQA (arXiv 1911.02984); questions without an answer are left out, those on one technote are a group."""
SPEC = TaskSpec(
    name="manuals_qa",
    version=1,
    domain="manuals",
    form=Form(context="given", answer="text"),
    licence="bundled items: Apache-2.0; else of the file given (TechQA: Apache-2.0)",
    description="Questions on technical products, answered in a few words from a manual or a technote.",
    sources={"bundled": "generated manuals of invented devices and software", "hub": TECHQA.id},
    hub=(TECHQA,),
    options=OPTIONS,
    shifts=SHIFTS,
    templates=("default", "other_prompt"),
    pool={"train": 240, "validation": 48, "eval": 100},
    usable_with=("context",),
    scores=SCORES,
    max_new_tokens=64,
    stop=("\n",),
)


class ManualsQA:
    """The task plugin."""

    spec = SPEC

    def __init__(self, shift: str = "", level: Level = "basic", seed: int = 0):
        self._made = partial(devices.examples, shift=shift, level=level, seed=seed)

    def examples(self, split: Split) -> Iterable[Example]:
        """Yield questions on invented devices without end."""
        return self._made(split)

    def prompt(self, example: Example, template: str) -> str:
        """Return the technote (if there), the question, and the mark of the answer."""
        shown = example.context is not None
        question = one_line(example.question)
        if template != "default":
            passage = f"Read this passage.\n\n{example.context}\n\n" if shown else ""
            return f"{passage}Q: {question}\nA:"
        passage = f"Documentation:\n{example.context}\n\n" if shown else ""
        return f"{passage}Question: {question}\nAnswer:"

    def target(self, example: Example) -> Target:
        """Return the answer on one line."""
        return Target(one_line(example.answer))

    def options(self, example: Example) -> Mapping[str, Target]:
        """Return nothing: there are no options."""
        return {}

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        """Return token F1 and whether the answer is the same, None where nothing was written."""
        return score_text(example.answer, completion)


@hookimpl
def medcot_make_task(name: str, options: Mapping[str, Any]) -> ManualsQA:
    """Build the task, or a graded shift of it."""
    return ManualsQA(shift=name.partition("@")[2], **options)
