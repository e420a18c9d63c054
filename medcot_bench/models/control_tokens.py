"""Control tokens typed in data, such as `<eos>` in a row, are text, as all that data says; a template's own stay.

Data is marked before a prompt is written from it. The mark goes with the text, through templates of all kinds, to
where it becomes tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from medcot_bench.types import Example

MARK = "\ufdd0\ufdd1"
"""Stands after the first character of a control token that is text. Both are noncharacters, which no text has."""


class ControlTokens:
    """The control tokens of a tokenizer."""

    def __init__(self, tokenizer: Any):
        contents = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
        longest_first = sorted(contents, key=len, reverse=True)
        # Without control tokens nothing matches.
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def mark(self, text: str) -> str:
        """Return text whose control tokens are marked."""
        return self._pattern.sub(lambda found: f"{found[0][0]}{MARK}{found[0][1:]}", text)

    def mark_example(self, example: Example) -> Example:
        """Return an example whose texts are marked."""
        return replace(
            example,
            question=self.mark(example.question),
            answer=self.mark(example.answer),
            reasoning=None if example.reasoning is None else self.mark(example.reasoning),
            context=None if example.context is None else self.mark(example.context),
            options={letter: self.mark(text) for letter, text in example.options.items()},
            turns=tuple((role, self.mark(text)) for role, text in example.turns),
        )

    def split(self, text: str) -> Iterator[tuple[str, bool]]:
        """Yield the parts of a marked text, and whether control tokens in a part are text.

        Parts meet where a control token begins or ends that is none.
        """
        kept = ""
        end = 0
        for token in [*self._pattern.finditer(text), None]:
            between = text[end : token.start() if token else None]
            if MARK in between:
                yield from [(kept, False)] if kept else []
                yield unmark(between), True
                kept, between = "", ""
            kept += between + (token[0] if token else "")
            end = token.end() if token else end
        yield from [(kept, False)] if kept else []


def unmark(text: str) -> str:
    """Return a text as it was before it was marked."""
    return text.replace(MARK, "")
