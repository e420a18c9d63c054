"""What documents are made of: headings, paragraphs, tables and lists, which every format writes in its own way.

Strings are as they are, names of models and errors among them. A format escapes what it would act on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """A title; `level` 1 is the document's own."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Headers and rows of strings."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    texts: Sequence[str]


Block = Heading | Paragraph | Table | Items
