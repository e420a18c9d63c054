"""Facts about rows that are worth knowing before training on them. They stop nothing, and take linear time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from medcot_bench.security.foreign_text import shorten
from medcot_bench.text import counted, stands_alone, without_thinking
from medcot_bench.types import Example

LOOKED_AT = 200
"""Rows whose script is looked at."""
_LETTER = re.compile(r"\s*\(?[A-J][).:]?\s*", re.IGNORECASE)
SHOWN = 60
"""Characters of a text that a line shows."""


def describe_rows(examples: Sequence[Example]) -> Iterator[str]:
    """Yield what is to be known of rows: groups, answers, repetitions, scripts."""
    if not examples:
        return
    yield _groups(examples)
    yield from _answers(examples)
    yield from _forms(examples)
    yield from _repetitions(examples)
    if sum(_is_unspaced(example) for example in islice(examples, LOOKED_AT)) * 2 > min(len(examples), LOOKED_AT):
        yield "a script without spaces between words: scores by words count its characters"


def _groups(examples: Sequence[Example]) -> str:
    sizes = Counter(example.group for example in examples).values()
    least, most = min(sizes), max(sizes)
    of = f"{least} to {most} rows" if least < most else counted(most, "row")
    return f"{counted(len(examples), 'row')} in {counted(len(sizes), 'group')} of {of}"


def _answers(examples: Sequence[Example]) -> Iterator[str]:
    """Yield that answers are nothing but thinking, or all the same."""
    if empty := sum(_is_thinking(example.answer.strip()) for example in examples):
        yield f"{counted(empty, 'answer')} without text; thinking is not scored"
    first = examples[0].answer
    if len(examples) > 1 and all(example.answer == first for example in examples):
        yield f"every answer is '{shorten(first, SHOWN)}', a constant answer"


def _forms(examples: Sequence[Example]) -> Iterator[str]:
    """Yield that answers are written in a form that scores of text don't read."""
    if all(not example.options and _LETTER.fullmatch(example.answer) for example in examples):
        yield (
            "every answer is a letter, compared as text; rows with options and answer_letter are read by "
            "--data medqa_cot=file:PATH, with chance in view"
        )
    boxed = [example.answer for example in examples if "\\boxed{" in example.answer]
    if boxed:
        yield f"{counted(len(boxed), 'answer')} with \\boxed{{}}, compared as written; take what is in it"
    marked = [example.answer for example in examples if "\n####" in example.answer]
    if marked:
        yield (
            f"{counted(len(marked), 'answer')} with reasoning before ####, compared whole; "
            "make it a column of its own (--reasoning)"
        )


def _is_thinking(answer: str) -> bool:
    """Whether nothing is left of an answer; only what begins or ends with a tag is looked at closely."""
    return (answer[:1] in "<[◁" or answer[-1:] in ">]▷") and not without_thinking(answer).strip()


def _repetitions(examples: Sequence[Example]) -> Iterator[str]:
    """Yield how many rows are duplicates, and how many questions have different answers, word for word."""
    answers: dict[int, int] = {}
    differing: dict[int, Example] = {}
    duplicates = 0
    for example in examples:
        asked = hash((example.question, example.context, *example.options.items()))
        answer = hash(example.answer)
        first = answers.setdefault(asked, answer)
        if first != answer:
            differing.setdefault(asked, example)
        else:
            duplicates += 1
    duplicates -= len(answers)  # the first of each question is none
    if duplicates:
        yield f"{counted(duplicates, 'row')} repeating the question and the answer of another"
    if differing:
        shown = shorten(next(iter(differing.values())).question, SHOWN)
        yield f"{counted(len(differing), 'question')} with different answers, e.g. '{shown}'"


def _is_unspaced(example: Example) -> bool:
    return not example.question.isascii() and any(map(stands_alone, example.question))
