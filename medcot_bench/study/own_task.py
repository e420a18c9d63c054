"""The section `own` of a study: a task made of the user's own rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import PositiveInt, field_validator

from medcot_bench.study.fields import Section
from medcot_bench.types import SPLITS, Split

FIELDS = ("question", "answer", "reasoning", "context", "group")
"""The fields of a row that the user names columns for."""


class OwnTask(Section):
    """A task made of the user's own rows: the files, the columns, the prompt.

    Without `question` and `answer` the columns are recognised by their names.
    """

    data: str | Mapping[Split, str]
    """A file (CSV, JSON lines, a JSON list, parquet), or split -> file."""
    question: str = ""
    """Column of the question."""
    answer: str = ""
    """Column of the answer."""
    reasoning: str = ""
    """Column of the reasoning, trained before the answer."""
    context: str = ""
    group: str = ""
    """Column of what rows share (a page, a patient): rows of one value lie in one split and are one cluster."""
    domain: str = "own"
    """The domain of the rows. A task of another domain is out-of-domain."""
    prompt: str = ""
    """The prompt, with {question} and, if the rows have one, {context}. Empty: the built-in prompt."""
    max_new_tokens: PositiveInt | None = None
    """Most tokens of a generated answer; null: the built-in number."""
    stop: tuple[str, ...] | None = None
    """Strings that end an answer; null: the built-in ones, a next question; [] none."""

    @field_validator("stop", mode="before")
    @classmethod
    def _read_stop(cls, value: Any) -> Any:
        strings = [value] if isinstance(value, str) else value
        if strings is None or (
            isinstance(strings, list | tuple) and all(isinstance(one, str) and one for one in strings)
        ):
            return strings
        raise ValueError("give a string or a list of strings, none of them empty")

    @field_validator("data", mode="before")
    @classmethod
    def _read_data(cls, value: Any) -> Any:
        by_split = value if isinstance(value, dict) else {"train": value}
        files = by_split.values()
        if files and set(by_split) <= set(SPLITS) and all(isinstance(file, str) and file for file in files):
            return value
        raise ValueError(f"give a file, or one per split ({', '.join(SPLITS)})")

    @property
    def columns(self) -> dict[str, str]:
        """Field -> the column named for it."""
        return {field: column for field in FIELDS if (column := getattr(self, field))}

    @property
    def sources(self) -> dict[Split | None, str]:
        """Split (None: all splits) -> source."""
        if isinstance(self.data, str):
            return {None: f"file:{self.data}"}
        return {split: f"file:{path}" for split, path in self.data.items()}
