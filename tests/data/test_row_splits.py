"""Rows that name no split fill them to their shares, by whole groups."""

from __future__ import annotations

import hashlib
import random

from hypothesis import given
from hypothesis import strategies as st

from medcot_bench import Example
from medcot_bench.data.row_splits import SHARES, fill_splits


def place(group: str) -> float:
    return int(hashlib.sha256(group.encode()).hexdigest()[:13], 16) / 16**13


def rows(sizes: list[int]) -> list[Example]:
    return [
        Example(id=f"{group}-{n}", group=str(group), question="?", answer="!")
        for group, size in enumerate(sizes)
        for n in range(size)
    ]


def test_rows_without_groups_are_split_exactly() -> None:
    for count, trained, validation, scored in ((120, 72, 12, 36), (40, 24, 4, 12), (10, 6, 1, 3), (2, 1, 0, 1)):
        found = fill_splits(rows([1] * count), place)
        assert [len(found[split]) for split in ("train", "validation", "eval")] == [trained, validation, scored]


@given(st.lists(st.integers(1, 30), max_size=40), st.randoms(use_true_random=False))
def test_groups_stay_whole_shares_are_near_and_order_makes_no_difference(
    sizes: list[int], mixed: random.Random
) -> None:
    examples = rows(sizes)
    found = fill_splits(examples, place)
    assert sorted(e.id for own in found.values() for e in own) == sorted(e.id for e in examples)
    groups = [{e.group for e in own} for own in found.values()]
    assert sum(map(len, groups)) == len(set().union(*groups))
    for split, share in SHARES.items():
        assert abs(len(found[split]) - share * len(examples)) <= max(
            share * len(examples), max(sizes, default=0) / 2
        )
    if len(sizes) > 1:
        assert found["train"]
        assert found["eval"]
    mixed.shuffle(examples)
    again = fill_splits(examples, place)
    assert {split: {e.id for e in own} for split, own in again.items()} == {
        split: {e.id for e in own} for split, own in found.items()
    }


def test_rows_that_are_added_move_few_others() -> None:
    before, after = (fill_splits(rows([1] * count), place) for count in (200, 220))
    where = {e.id: split for split, own in after.items() for e in own}
    moved = [e.id for split, own in before.items() for e in own if where[e.id] != split]
    assert len(moved) < 20
