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
class Quantity:
    """A setting or a reading, whose values lie from `low` up, in steps."""

    name: str
    unit: str
    low: int
    step: int = 1


@dataclass(frozen=True, slots=True)
class Device:
    """One kind of device. Every phrase fits into a sentence: all names take `the`, steps are orders."""

    settings: tuple[Quantity, ...]
    """What can be set, each in a unit of its own: a value tells which setting it is of."""
    readings: tuple[Quantity, ...]
    """What the device measures and warns of. None is a setting: a value above its maximum could not come about."""
    faults: tuple[tuple[str, str], ...]
    """Cause and remedy."""
    parts: tuple[str, ...]
    interval: str
    """The unit in which intervals of maintenance are counted."""
    procedure: str
    steps: tuple[str, ...]
    """Checks that can be made in any order: a fixed one could be learnt by heart and not read."""
