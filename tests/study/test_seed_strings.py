"""Seeds as people type them."""

from __future__ import annotations

from typing import Any

import pytest

from medcot_bench.study.loading import load_study


@pytest.mark.parametrize(
    ("typed", "seeds"),
    [
        ("0-4", (0, 1, 2, 3, 4)),
        ("3", (3,)),
        ("0,1,2", (0, 1, 2)),
        ("0 1 2", (0, 1, 2)),
        (" 7, 2-3 ,", (7, 2, 3)),
        ("5-5", (5,)),
        (4, (4,)),
        (["0-1", 9], (0, 1, 9)),
    ],
)
def test_seeds(typed: Any, seeds: tuple[int, ...]) -> None:
    study, errors = load_study(overrides=[("seeds", typed)])
    assert (study.seeds, errors) == (seeds, [])


@pytest.mark.parametrize("typed", ["4-0", "-1", "0-", "1-2-3", "0..4", "three", "0-1000", "0-1,1", "0-9999999999"])
def test_what_is_no_list_of_seeds(typed: str) -> None:
    _, [error] = load_study(overrides=[("seeds", typed)])
    assert error.startswith("seeds: give distinct seeds from 0 up, as 0,1,2 or 0-4")
