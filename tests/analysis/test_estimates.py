"""Standard errors that know which items belong together."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from medcot_bench.analysis.estimates import Estimate, clustered


def test_a_case_computed_by_hand() -> None:
    values = {"a": 1.0, "b": 0.0, "c": 1.0, "d": 1.0, "e": 0.0, "f": 0.0}
    groups = {"a": "1", "b": "1", "c": "2", "d": "2", "e": "2", "f": "3"}
    found = clustered(values, groups)
    # Mean 0.5; deviations of the groups: 0.5-0.5 = 0, 0.5+0.5-0.5 = 0.5, -0.5; sqrt(3/2 * (0.25+0.25)) / 6.
    assert (found.mean, found.n) == (0.5, 6)
    assert found.stderr == pytest.approx(math.sqrt(0.75) / 6)


def test_with_one_item_a_group_it_is_the_plain_standard_error() -> None:
    numbers = random.Random(1)
    values = {f"item{number}": numbers.gauss(2, 3) for number in range(40)}
    found = clustered(values, {item: item for item in values})
    assert found.mean == pytest.approx(statistics.fmean(values.values()))
    assert found.stderr == pytest.approx(statistics.stdev(values.values()) / math.sqrt(40))


def test_copies_of_an_item_in_its_group_add_no_certainty() -> None:
    once = {"a": 0.0, "b": 1.0, "c": 0.25}
    thrice = {f"{item}{copy}": value for item, value in once.items() for copy in range(3)}
    alone = clustered(once, {item: item for item in once})
    together = clustered(thrice, {item: item[0] for item in thrice})
    apart = clustered(thrice, {item: item for item in thrice})
    assert (together.mean, together.n) == (alone.mean, 9)
    assert together.stderr == pytest.approx(alone.stderr)
    assert apart.stderr is not None
    assert apart.stderr < 0.6 * (together.stderr or 0)


def test_equal_values_have_no_error() -> None:
    assert clustered({"a": 0.25, "b": 0.25}, {"a": "1", "b": "2"}) == Estimate(0.25, 0.0, 2)


@pytest.mark.parametrize("items", ["a", "abc"])
def test_one_group_tells_nothing_about_others(items: str) -> None:
    values = {item: float(number) for number, item in enumerate(items)}
    found = clustered(values, dict.fromkeys(items, "the only one"))
    assert found.stderr is None
    assert found.n == len(items)


def test_groups_of_items_without_a_value_do_not_count() -> None:
    values = {"a": 0.0, "b": 1.0}
    groups = {"a": "1", "b": "2"}
    assert clustered(values, {**groups, "c": "3", "d": "4"}) == clustered(values, groups)
