"""Rows that name no split: whole groups fill the splits to their shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from medcot_bench.types import Example, Split

SHARES: dict[Split, float] = {"eval": 0.3, "validation": 0.1}
"""Of the rows; the rest is trained on."""


def fill_splits(examples: Iterable[Example], place: Callable[[str], float]) -> dict[Split, list[Example]]:
    """Return split -> its examples, the groups whole; `place` says where a group lies from 0 to 1.

    From the last group on, `eval` takes each that brings it nearer to its share, then `validation` likewise of
    those that are left. Where the rows stand in their file makes no difference, and rows that are added later move
    few others. With two groups or more some is trained on and some scored.
    """
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(example.group, []).append(example)
    left = sorted(groups, key=lambda group: (place(group), group), reverse=True)
    count = sum(map(len, groups.values()))
    found: dict[Split, list[str]] = {}
    for split, share in SHARES.items():
        size, wanted, taken = 0, share * count, set[str]()
        for group in left:
            if size >= wanted:  # no group brings it nearer
                break
            if abs(size + len(groups[group]) - wanted) < abs(size - wanted):
                taken.add(group)
                size += len(groups[group])
        found[split] = [group for group in left if group in taken]
        left = [group for group in left if group not in taken]
    return {
        split: [example for group in own for example in groups[group]]
        for split, own in {"train": left, **found}.items()
    }
