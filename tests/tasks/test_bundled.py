"""Draws: groups lie in one split, shifts hold out what they say, and an item depends on its number alone."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench import Split
from medcot_tasks.bundled import LEVELS, SEEN_TEMPLATES, SHIFTS, TEMPLATES, Draw, Family
from medcot_tasks.kubernetes.kubectl import FAMILIES
from medcot_tasks.medical import vignettes

FAMILY = Family("ports", 1, [f"entity {n}" for n in range(20)], one_range=["entity 3"])
PARTS: list[tuple[Split, str]] = [
    ("train", ""),
    ("validation", ""),
    ("eval", ""),
    *(("eval", shift) for shift in SHIFTS),
]


def draws(count: int, split: Split, shift: str = "", seed: int = 0, family: Family = FAMILY) -> list[Draw]:
    return list(islice(family.draws(split, shift=shift, seed=seed), count))


def groups(split: Split, shift: str = "", seed: int = 0) -> set[tuple[str, int]]:
    return {(draw.entity, draw.template) for draw in draws(100, split, shift, seed)}


@given(st.integers(0, 1000))
def test_no_group_of_training_is_evaluated_and_every_seen_entity_is_in_every_split(seed: int) -> None:
    train, validation, evaluation = (groups(split, seed=seed) for split in ("train", "validation", "eval"))
    assert not train & validation
    assert not train & evaluation
    assert not validation & evaluation
    seen = set(FAMILY.entities) - set(FAMILY.held_out)
    assert train | validation | evaluation == {(entity, n) for entity in seen for n in range(SEEN_TEMPLATES)}
    assert Counter(entity for entity, _ in train) == dict.fromkeys(seen, 2)
    for shift in SHIFTS:
        assert not groups("eval", shift, seed) & train
        assert groups("train", shift, seed) == train


def test_each_shift_holds_out_one_thing() -> None:
    seen = set(FAMILY.entities) - set(FAMILY.held_out)
    templates = groups("eval", "unseen_template")
    assert templates == {(entity, n) for entity in seen for n in range(SEEN_TEMPLATES, TEMPLATES)}
    entities = groups("eval", "unseen_entity")
    assert entities == {(entity, n) for entity in FAMILY.held_out for n in range(SEEN_TEMPLATES)}
    ranges = groups("eval", "unseen_range")
    assert ranges == {(entity, n) for entity, n in groups("eval") if entity != "entity 3"}
    assert all(
        draw.unseen_range == (shift == "unseen_range") for _, shift in PARTS for draw in draws(9, "eval", shift)
    )


def test_every_level_holds_out_a_sixth_of_its_entities_and_those_of_easier_levels() -> None:
    assert FAMILY.held_out == ["entity 5", "entity 11", "entity 17"]
    for family in (vignettes.family, FAMILIES.__getitem__):
        basic, medium, hard = ([*family(level).held_out] for level in LEVELS)
        assert basic
        assert basic == medium[: len(basic)] == hard[: len(basic)]
        assert medium == hard[: len(medium)]


@pytest.mark.parametrize(("split", "shift"), PARTS)
def test_any_number_of_draws_is_balanced_over_the_groups(split: Split, shift: str) -> None:
    counts = Counter(draw.group for draw in draws(100, split, shift))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_draw_depends_on_its_number_and_not_on_those_before() -> None:
    first = [draw.rng.random() for draw in draws(30, "train")]
    for draw in (other := draws(30, "train")):
        draw.rng.random()
    assert [draw.id for draw in other] == [draw.id for draw in draws(40, "train")][:30]
    assert [draw.rng.random() for draw in draws(30, "train")] == first
    assert len(set(first)) == 30


def test_name_version_seed_and_split_make_other_draws() -> None:
    families = [FAMILY, Family("other", 1, FAMILY.entities), Family("ports", 2, FAMILY.entities)]
    firsts = [draws(1, "train", family=family)[0].rng.random() for family in families]
    firsts += [draws(1, "train", seed=1)[0].rng.random(), draws(1, "eval")[0].rng.random()]
    assert len(set(firsts)) == len(firsts)
