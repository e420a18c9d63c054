"""What a kind of device (or software) is: the vocabulary from which its manuals are made."""

from __future__ import annotations

from dataclasses import dataclass

CONVERSIONS = {
    "kPa": ("bar", 100),
    "minutes": ("hours", 60),
    "seconds": ("minutes", 60),
    "ms": ("seconds", 1000),
    "MB": ("GB", 1000),
    "g": ("kg", 1000),
    "mm": ("cm", 10),
    "mA": ("A", 1000),
    "ml": ("litres", 1000),
}
"""Unit -> a larger unit, and how many of the first make one of it: the traps of the hard level."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting whose limits lie from `low` up, in steps: 5 for its minimum, factory value and maximum each."""

    name: str
    unit: str
    low: int
    step: int = 1


@dataclass(frozen=True, slots=True)
class Device:
    """One kind of device. Every phrase fits into a sentence: settings and parts take `the`, steps are orders."""

    settings: tuple[Setting, ...]
    faults: tuple[tuple[str, str], ...]
    """Cause and remedy."""
    parts: tuple[str, ...]
    interval: str
    """The unit in which intervals of maintenance are counted."""
    procedure: str
    steps: tuple[str, ...]
    """The steps of the procedure, in any order."""
