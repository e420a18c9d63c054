"""Which items a training sees, in which order, and where it ends."""

from __future__ import annotations

from itertools import chain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench import Recipe
from medcot_bench.training.batches import Item, flatten, plan_steps, split_step


def make_items(*lengths: int) -> list[Item]:
    return [Item([1] * (length - 2), [2, 3]) for length in lengths]


def test_an_epoch_sees_every_item_once_in_an_order_of_the_seed() -> None:
    items = make_items(*range(5, 15))
    steps = plan_steps(items, Recipe(lr=1, batch_size=4), seed=0)
    assert [len(step) for step in steps] == [4, 4, 2]
    assert sorted(chain(*steps)) == list(range(10))
    assert steps == plan_steps(items, Recipe(lr=9, batch_size=4), seed=0)
    assert steps != plan_steps(items, Recipe(lr=1, batch_size=4), seed=1)


def test_epochs_differ_in_order_and_may_be_fractions() -> None:
    items = make_items(*[5] * 8)
    steps = plan_steps(items, Recipe(lr=1, batch_size=8, epochs=2.5), seed=0)
    assert [len(step) for step in steps] == [8, 8, 4]
    assert steps[0] != steps[1]


def test_steps_go_over_the_items_as_often_as_it_takes() -> None:
    steps = plan_steps(make_items(5, 5, 5), Recipe(lr=1, batch_size=2, max_steps=6), seed=0)
    assert len(steps) == 6
    counts = [list(chain(*steps)).count(number) for number in range(3)]
    assert counts == [4, 4, 4]


def test_no_steps_and_no_items() -> None:
    assert plan_steps(make_items(5), Recipe(lr=1, max_steps=0), seed=0) == []
    assert plan_steps([], Recipe(lr=1, max_steps=3), seed=0) == []


@given(
    lengths=st.lists(st.integers(3, 60), min_size=1, max_size=12),
    budget=st.integers(1, 2000),
    size=st.integers(1, 5),
    seed=st.integers(0, 3),
)
def test_a_token_budget_is_used_up_and_never_exceeded_beyond_one_step(
    lengths: list[int], budget: int, size: int, seed: int
) -> None:
    items = make_items(*lengths)
    steps = plan_steps(items, Recipe(lr=1, batch_size=size, train_tokens=budget), seed)
    used = sum(len(items[number]) for step in steps for number in step)
    assert steps
    assert used <= budget or len(steps) == 1
    assert used + size * max(lengths) > budget


@given(step=st.lists(st.integers(), min_size=1, max_size=20), parts=st.integers(1, 25))
def test_a_split_step_keeps_its_items_in_order(step: list[int], parts: int) -> None:
    split = split_step(step, parts)
    assert list(chain(*split)) == step
    assert len(split) <= parts
    assert all(split)


def test_a_flat_batch_predicts_every_target_token_and_nothing_else() -> None:
    items = [Item([10, 11, 12], [13, 14]), Item([20], [21, 22, 23])]
    batch = flatten(items, torch.device("cpu"))
    assert batch.input_ids.tolist() == [[10, 11, 12, 13, 14, 20, 21, 22, 23]]
    assert batch.position_ids.tolist() == [[0, 1, 2, 3, 4, 0, 1, 2, 3]]
    assert [segment.length for segment in batch.segments] == [5, 4]
    predicting = batch.input_ids[0, batch.predicting].tolist()
    assert list(zip(predicting, batch.labels.tolist(), strict=True)) == [
        (12, 13),
        (13, 14),
        (20, 21),
        (21, 22),
        (22, 23),
    ]


@pytest.mark.parametrize("bad", [{"accumulation": 9}, {"batch_size": 0}, {"warmup": 1.0}, {"lr": -1}])
def test_impossible_recipes_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        Recipe(**{"lr": 1.0} | bad)  # type: ignore[arg-type]
