"""Clinical calculators and scoring tables: a patient note, a question, worked steps, then a number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from medcot_bench import Example, Form, Split, Target, TaskSpec, hookimpl
from medcot_tasks.bundled import OPTIONS, SHIFTS, Level
from medcot_tasks.medical import vignettes
from medcot_tasks.medical.hub import MEDCALC
from medcot_tasks.medical.number import is_right, read_answer, to_float
from medcot_tasks.medical.steps import SCORES, check
from medcot_tasks.target import ANSWER_TOKENS, OPTION, Kind
from medcot_tasks.text_answer import has_same_tokens

SPEC = TaskSpec(
    name="medcalc_cot",
    version=2,
    domain="medical",
    form=Form(context="given", answer="number"),
    licence="bundled items: Apache-2.0; else of the file given",
    description="Clinical calculations on invented patients: steps, then a number. Not for clinical use.",
    sources={
        "bundled": "generated patients for clinical calculators and scoring tables",
        "hub": MEDCALC.id,
    },
    hub=(MEDCALC,),
    options={**OPTION, **OPTIONS},
    shifts=SHIFTS,
    templates=("default", "other_prompt"),
    pool={"train": 600, "validation": 48, "eval": 100},
    usable_with=("context",),
    trainable_with=("reasoning",),
    trainable_where={"label_check": ("reviewed_agrees",)},
    scores=("answer", *SCORES),
    max_new_tokens=128,
    stop=("\nQuestion:", "\nQ:"),
)
_WITHOUT_REASONING = replace(SPEC, scores=("answer",), max_new_tokens=ANSWER_TOKENS)
_TEXT = re.compile(r"^answer:[ \t]*(\S.*)", re.IGNORECASE | re.MULTILINE)


class MedCalcCot:
    """The task plugin."""

    def __init__(self, shift: str = "", target: Kind = "cot", level: Level = "basic", seed: int = 0):
        self._made = partial(vignettes.examples, shift=shift, level=level, seed=seed)
        self._reasons = target == "cot"
        self.spec = SPEC if self._reasons else _WITHOUT_REASONING
        if self._reasons and level == "hard":
            self.spec = replace(SPEC, max_new_tokens=320)

    def examples(self, split: Split) -> Iterable[Example]:
        """Yield invented patients without end."""
        return self._made(split)

    def prompt(self, example: Example, template: str) -> str:
        """Return note (if there), question, and what to write."""
        shown = example.context is not None
        if template != "default":
            how = "Think it through in steps; the last line gives" if self._reasons else "Write 'Answer:' and"
            note = f"A patient: {example.context}\n" if shown else ""
            return f"{note}Q: {example.question}\n{how} the number.\nA:"
        reason = "Work step by step, then give the number.\nReasoning:"
        how = reason if self._reasons else "Write 'Answer:' and the number."
        note = f"Patient note: {example.context}\n" if shown else ""
        return f"{note}Question: {example.question}\n{how}"

    def target(self, example: Example) -> Target:
        """Return the steps, a line each, if they are asked for, then the answer line."""
        return Target(f"Answer: {example.answer}", example.reasoning if self._reasons else None)

    def options(self, example: Example) -> Mapping[str, Target]:
        """Return nothing: the answer is free."""
        return {}

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        """Return whether the number is right, and how far the steps are."""
        return {"answer": _answer(example, completion), **(check(example, completion) if self._reasons else {})}


def _answer(example: Example, completion: str) -> float | None:
    if to_float(example.answer) is None:  # rows of a file may ask for a date, or for weeks and days
        found = _TEXT.findall(completion)
        return float(has_same_tokens(example.answer, found[-1])) if found else None
    number = read_answer(completion)
    return None if number is None else float(is_right(example, number))


@hookimpl
def medcot_make_task(name: str, options: Mapping[str, Any]) -> MedCalcCot:
    """Build the task, or a graded shift of it."""
    return MedCalcCot(shift=name.partition("@")[2], **options)
