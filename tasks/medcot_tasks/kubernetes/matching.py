"""Whether the members of two lists can be paired off, each with one that it accepts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def can_pair_off(gold: Sequence[T], given: Sequence[T], accepts: Callable[[T, T], bool]) -> bool:
    """Say whether every member of `gold` gets its own of `given`, with none left over.

    >>> can_pair_off(["ab", "a"], ["a1", "ab1"], lambda one, other: other.startswith(one))
    True
    """
    if len(gold) != len(given):
        return False
    choices = [[n for n, other in enumerate(given) if accepts(one, other)] for one in gold]
    holder: dict[int, int] = {}
    return all(_place(number, choices, holder) for number in range(len(gold)))


def _place(newcomer: int, choices: Sequence[Sequence[int]], holder: dict[int, int]) -> bool:
    """Give `newcomer` one of its choices; whoever held it moves on to another (an augmenting path)."""
    asked_by: dict[int, int] = {}
    taken_by: dict[int, int] = {member: place for place, member in holder.items()}
    waiting = deque([newcomer])
    while waiting:
        member = waiting.popleft()
        for place in choices[member]:
            if place in asked_by:
                continue
            asked_by[place] = member
            if place in holder:
                waiting.append(holder[place])
                continue
            free: int | None = place
            while free is not None:
                mover = asked_by[free]
                holder[free] = mover
                free = taken_by.get(mover)
            return True
    return False
