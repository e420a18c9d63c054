"""Medical questions with options, answered by reasoning, then a letter: MedQA's form."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from medcot_bench import Example, Form, Split, Target, TaskSpec, hookimpl
from medcot_tasks.bundled import OPTIONS, SHIFTS, Level
from medcot_tasks.medical import vignettes
from medcot_tasks.medical.hub import MEDQA, medical_o1
from medcot_tasks.medical.number import NUMBER, is_right, is_value, read_answer
from medcot_tasks.medical.steps import SCORES, check, solution
from medcot_tasks.target import ANSWER_TOKENS, OPTION, Kind
from medcot_tasks.text_answer import one_line

SPEC = TaskSpec(
    name="medqa_cot",
    version=2,
    domain="medical",
    form=Form(context="none", answer="letter"),
    licence="bundled items: Apache-2.0; else of the file given (MedQA: MIT)",
    description="Multiple-choice medical questions: reasoning, then a letter. Not for clinical use.",
    sources={
        "bundled": "generated patients for clinical calculators and scoring tables",
        "hub": f"trained on {medical_o1().id}, scored on {MEDQA.id}",
    },
    hub=(medical_o1("train", "validation"), MEDQA),
    options={**OPTION, **OPTIONS},
    shifts=SHIFTS,
    templates=("default", "other_prompt"),
    pool={"train": 600, "validation": 48, "eval": 100},
    required=("options", "answer_letter"),
    trainable_with=("reasoning",),
    scores=("answer", "value", "letter_fits", *SCORES),
    max_new_tokens=192,
    stop=("\nQuestion:", "\nQ:"),
)
_WITHOUT_REASONING = replace(SPEC, scores=("answer", "value", "letter_fits"), max_new_tokens=ANSWER_TOKENS)
_VALUE = rf"(?:(?:{NUMBER})(?:,|\s+[^\s(]{{1,20}}\s*(?=\())?)?"
"""The value before the letter of a bundled item, with its unit or without."""
_ENDS = r"(?=[)*]|\s+[-–—]\s|\s*(?:\.(?![ \t\u00a0\u202f]*[a-z])|[,;:。．，；：、]|\n|$))"
# A capital that ends its clause after an answer mark, also as "A)", "**A**" or "A - text"; "answer is A patient"
# and "answer is E. coli" name no option. The last one counts, since reasoning may weigh several.
_ANSWER = re.compile(
    rf"\b[Aa](?:nswer|NSWER)(?:\s+is)?[\s:：*]*{_VALUE}[\s*(]*([A-Z]){_ENDS}"
    r"|\\boxed\{(?:\\text\{)?\(?([A-Z])(?:[)}]|\.(?![ \t\u00a0\u202f]*[a-z]))",  # in LaTeX, a mark by itself
    re.ASCII,
)


class MedQACot:
    """The task plugin. Bundled items have a value to work out before its letter; exam questions have none.

    Items to train on may have no options; they are asked for the answer itself.
    """

    def __init__(self, shift: str = "", target: Kind = "cot", level: Level = "basic", seed: int = 0):
        self._made = partial(vignettes.examples, shift=shift, level=level, seed=seed)
        self._reasons = target == "cot"
        self.spec = SPEC if self._reasons else _WITHOUT_REASONING
        if self._reasons and level == "hard":
            self.spec = replace(SPEC, max_new_tokens=320)

    def examples(self, split: Split) -> Iterable[Example]:
        """Yield invented patients without end, the note as part of the question."""
        for example in self._made(split):
            yield replace(example, question=f"{example.context} {example.question}", context=None)

    def prompt(self, example: Example, template: str) -> str:
        """Return question, options, and what to write."""
        if _is_worked(example):
            written = [f"{text} ({letter})" for letter, text in example.options.items()]
            options = f"Options: {', '.join(written)}"
        else:
            options = "\n".join(f"{letter}. {text}" for letter, text in example.options.items())
        asked = f"{example.question}\n{options}" if options else example.question
        what = "the letter of the right option" if options else "the answer"
        if template != "default":
            how = "Think it through in steps; the last line gives" if self._reasons else "Write 'Answer:' and"
            return f"Q: {asked}\n{how} {what}.\nA:"
        if not self._reasons:
            return f"Question: {asked}\nWrite 'Answer:' and {what}."
        return f"Question: {asked}\nReason step by step, then end with {what}.\nReasoning:"

    def target(self, example: Example) -> Target:
        """Return the reasoning if it is asked for (typed steps a line each, other text on one), and the answer."""
        reasoning = example.reasoning if self._reasons else None
        if reasoning and not _is_worked(example):
            reasoning = one_line(reasoning)
        return Target(_answer(example, example.answer_letter or ""), reasoning)

    def options(self, example: Example) -> Mapping[str, Target]:
        """Return the answer of every option."""
        return {letter: Target(_answer(example, letter)) for letter in example.options}

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        """Score the letter of the last answer mark; and where there is a value, that, the letter's fit, the steps.

        `letter_fits` asks whether the letter is that of the value written, right or wrong: a skill of its own. It
        is None where no value is written.
        """
        letter = read_letter(completion, example.options)
        right = fits = None
        if _is_worked(example):
            value = read_answer(completion)
            right = float(value is not None and is_right(example, value))
            if value is not None:
                fits = float(letter is not None and is_value(example, value, example.options[letter]))
        return {
            "answer": None if letter is None else float(letter == example.answer_letter),
            "value": right,
            "letter_fits": fits,
            **(check(example, completion) if self._reasons else {}),
        }


def read_letter(text: str, options: Container[str]) -> str | None:
    """Return the option named after the last answer mark, None where there is none.

    >>> read_letter("Answer: B, or: Answer: A) Penicillin", "AB"), read_letter("The answer is A. baumannii.", "AB")
    ('A', None)
    """
    named = (plain or boxed for plain, boxed in _ANSWER.findall(text))
    found = [letter for letter in named if letter in options]
    return found[-1] if found else None


def _is_worked(example: Example) -> bool:
    return bool(solution(example))


def _answer(example: Example, letter: str) -> str:
    if _is_worked(example):
        return f"Answer: {example.options[letter]} ({letter})"
    # Questions of medical-o1-reasoning-SFT have no options: they are trained on, and not scored.
    return f"Answer: {letter}" if example.options else f"Answer: {example.answer.strip()}"


@hookimpl
def medcot_make_task(name: str, options: Mapping[str, Any]) -> MedQACot:
    """Build the task, or a graded shift of it."""
    return MedQACot(shift=name.partition("@")[2], **options)
