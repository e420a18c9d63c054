"""Shuffled labels: every item gets another's, and all of them are still there."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.data.label_shuffle import shuffle_labels
from medcot_bench.types import Example


def made(count: int) -> list[Example]:
    return [
        Example(id=f"{n}", group=f"g{n}", question=f"q{n}", answer=f"a{n}", reasoning=f"r{n}", meta={"n": n})
        for n in range(count)
    ]


@given(st.integers(2, 60), st.integers(0, 99))
def test_nobody_keeps_their_own_and_no_label_is_lost(count: int, seed: int) -> None:
    before, after = made(count), shuffle_labels(made(count), seed)
    assert all(one.answer != other.answer for one, other in zip(before, after, strict=True))
    assert sorted(example.answer for example in after) == sorted(example.answer for example in before)
    for one, other in zip(before, after, strict=True):
        source = other.answer[1:]
        assert (other.reasoning, other.meta) == (f"r{source}", {"n": int(source)})
        assert replace(other, answer=one.answer, reasoning=one.reasoning, meta=one.meta) == one


def test_the_same_seed_gives_the_same_labels_and_one_item_keeps_its_own() -> None:
    assert shuffle_labels(made(30), 1) == shuffle_labels(made(30), 1) != shuffle_labels(made(30), 2)
    assert shuffle_labels(made(1), 0) == made(1)
    assert shuffle_labels([], 0) == []
