"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "fails"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    state: State
    """`note` works, though not as everywhere; `fails` will end a run."""
    subject: str
    text: str
