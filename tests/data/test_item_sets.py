"""The items of a study in their roles: prefixes of one order, and solved examples that give nothing away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.data.item_sets import DIVERGENCE_ITEMS, VALIDATION_ITEMS, ItemSets
from medcot_bench.data.sources import TaskData
from medcot_bench.study.schema import Study
from medcot_bench.types import SPLITS, Example, Split


def item(split: str, number: int, **changes: Any) -> Example:
    fields = {
        "id": f"{split}{number}",
        "group": f"{split} {number}",
        "question": f"{split} {number}?",
        "answer": "a",
    }
    return Example(**{**fields, **changes})


def data_of(counts: Mapping[Split, int]) -> dict[str, TaskData]:
    splits = {split: tuple(item(split, n) for n in range(counts.get(split, 0))) for split in SPLITS}
    return {"ports": TaskData("bundled-v1", splits)}


def sets(data: Mapping[str, TaskData], *, choosing: bool = False, **study: Any) -> ItemSets:
    return ItemSets(Study.model_validate(study), data, choosing)


COUNTS = st.integers(0, 200)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_smaller_sets_lie_in_larger_ones_whatever_they_are_for(
    made: int, one: int, other: int, limit: int
) -> None:
    data = data_of(dict.fromkeys(SPLITS, made))
    small, large = sorted((one, other))
    plain = sets(data)
    assert plain.train("ports", small) == plain.train("ports", large)[:small]
    assert plain.train("ports") == [*data["ports"].splits["train"]]
    assert plain.validation("ports") == [*data["ports"].splits["validation"][:VALIDATION_ITEMS]]
    assert plain.measured("ports") == [*data["ports"].splits["eval"][:DIVERGENCE_ITEMS]]
    if limit:
        few = sets(data, limit=limit)
        assert few.scored("ports") == plain.scored("ports")[:limit]
        assert few.measured("ports") == plain.measured("ports")  # a distance is of the same items at any limit


def test_the_study_s_number_of_training_items_bounds_an_adapter_s_own() -> None:
    data = data_of({"train": 50})
    asked = sets(data, training={"train_items": 20})
    assert [len(asked.train("ports", count)) for count in (None, 5, 30)] == [20, 5, 20]
    several = sets(data, training={"train_items": [5, 30]})
    assert [len(several.train("ports", count)) for count in (None, 5, 30)] == [30, 5, 30]


def test_shuffled_labels_are_those_of_the_same_items() -> None:
    splits = {"train": tuple(item("train", n, answer=f"a{n}") for n in range(9)), "validation": (), "eval": ()}
    data = {"ports": TaskData("bundled-v1", splits)}
    own, other = (sets(data, training={"labels": labels}).train("ports") for labels in ("own", "shuffled"))
    assert [one.question for one in own] == [one.question for one in other]
    assert {one.answer for one in own} == {one.answer for one in other}
    assert all(one.answer != theirs.answer for one, theirs in zip(own, other, strict=True))


def test_learning_rates_are_chosen_on_all_validation_items_whatever_is_scored() -> None:
    data = data_of({"validation": 90, "eval": 30})
    for choosing in (False, True):
        made = sets(data, choosing=choosing, limit=7)
        assert [len(made.scored("ports", choosing=tried)) for tried in (False, True)] == [7, 90]
        assert len(made.scored("ports")) == (90 if choosing else 7)
    looked_at = sets(data, scoring={"split": "validation"}, limit=7)
    assert [one.id for one in looked_at.scored("ports")] == [f"validation{n}" for n in range(7)]


@pytest.mark.parametrize(
    "overlap",
    [{"group": "eval 1"}, {"question": "EVAL 1"}],
    ids=["a group of what is scored", "a question of what is scored"],
)
def test_solved_examples_skip_what_is_scored(overlap: dict[str, str]) -> None:
    train = (item("train", 0), item("train", 1, **overlap), item("train", 2))
    scored = tuple(item("eval", n) for n in range(3))
    data = {"ports": TaskData("bundled-v1", {"train": train, "validation": (), "eval": scored})}
    ids = [one.id for one in sets(data, scoring={"num_fewshot": 2}).shots("ports")]
    assert ids == ["train0", "train2"]
    few = sets(data, scoring={"num_fewshot": 2}, limit=1)  # then the item that it overlaps is not scored
    assert [one.id for one in few.shots("ports")] == ["train0", "train1"]


def test_solved_examples_are_as_many_as_asked_for_or_as_there_are() -> None:
    data = data_of({"train": 4, "eval": 2})
    made = sets(data, scoring={"num_fewshot": 3})
    counts = [len(made.shots("ports", count=count)) for count in (None, 0, 1, 9)]
    assert counts == [3, 0, 1, 4]


def test_without_solved_examples_no_item_is_looked_at() -> None:
    assert sets({}).shots("a task that is not there") == []
