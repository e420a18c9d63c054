"""Nothing but the question tells the right option of a bundled item: neither letter, length, rank nor digits.

And the options are worth choosing from: apart from each other, with slips in units among them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations, islice, permutations

import pytest
from lanes import draw

from medcot_bench import Example, Split
from medcot_tasks.bundled import LEVELS, SHIFTS, Level
from medcot_tasks.medical import vignettes

CHANCE = 0.25
SLACK = 0.05
DRAWN = draw(quick=1000, slow=5000)
Guess = Callable[[Sequence[str]], int]


@cache
def items(level: Level, count: int) -> tuple[Example, ...]:
    return tuple(islice(vignettes.examples("train", shift="", level=level, seed=0), count))


def right(example: Example) -> int:
    return list(example.options).index(example.answer_letter or "")


def accuracy(guess: Guess, examples: Sequence[Example]) -> float:
    return sum(guess(list(e.options.values())) == right(e) for e in examples) / len(examples)


def by_rank(rank: int) -> Guess:
    return lambda options: sorted(range(4), key=lambda n: float(options[n]))[rank]


GUESSES: dict[str, Guess] = {
    **{f"letter {letter}": (lambda options, n=n: n) for n, letter in enumerate("ABCD")},  # type: ignore[misc]
    **{f"rank {rank}": by_rank(rank) for rank in range(4)},
    "shortest": lambda options: min(range(4), key=lambda n: len(options[n])),
    "longest": lambda options: max(range(4), key=lambda n: len(options[n])),
    "roundest": lambda options: max(range(4), key=lambda n: len(options[n]) - len(options[n].rstrip("0."))),
    "nearest to the mean": lambda options: min(
        range(4), key=lambda n: abs(float(options[n]) - sum(map(float, options)) / 4)
    ),
}


@pytest.mark.parametrize("level", LEVELS)
@DRAWN
def test_no_rule_of_thumb_finds_the_right_option(level: Level, count: int) -> None:
    found = {name: accuracy(guess, items(level, count)) for name, guess in GUESSES.items()}
    assert max(found.values()) <= CHANCE + SLACK, found


def grams(text: str) -> list[str]:
    """Characters, pairs and triples of an option, with its ends marked."""
    marked = f"^{text}$"
    return [marked[start : start + n] for n in (1, 2, 3) for start in range(len(marked) - n + 1)]


@pytest.mark.parametrize("level", LEVELS)
@DRAWN
def test_a_classifier_of_the_options_n_grams_stays_at_chance(level: Level, count: int) -> None:
    found: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    train = 3 * count // 5
    for example in items(level, count)[:train]:
        for number, text in enumerate(example.options.values()):
            found[number == right(example)].update(grams(text))
    totals = [counts.total() for counts in found]
    known = set(found[0]) | set(found[1])

    def evidence(text: str) -> float:
        """Log of how much likelier a right option has these n-grams than a wrong one (naive Bayes)."""
        return sum(
            math.log((found[1][gram] + 1) / (totals[1] + len(known)))
            - math.log((found[0][gram] + 1) / (totals[0] + len(known)))
            for gram in grams(text)
        )

    def guess(options: Sequence[str]) -> int:
        return max(range(4), key=lambda n: evidence(options[n]))

    assert accuracy(guess, items(level, count)[train:]) == pytest.approx(CHANCE, abs=SLACK)


@pytest.mark.parametrize("level", LEVELS)
@DRAWN
def test_options_are_four_different_values_and_the_right_one_is_the_answer(level: Level, count: int) -> None:
    for example in items(level, count):
        assert list(example.options) == list("ABCD")
        assert len({float(value) for value in example.options.values()}) == 4
        assert example.options[example.answer_letter or ""] == example.answer


@pytest.mark.parametrize("level", LEVELS)
@DRAWN
def test_no_option_is_within_the_tolerance_of_another(level: Level, count: int) -> None:
    """1 %, or half of the last digit, of either: 990 isn't offered beside 1000."""
    for example in items(level, count):
        for one, other in combinations(example.options.values(), 2):
            slack = 0.5 * 10.0 ** -min(len(text.partition(".")[2]) for text in (one, other))
            larger = max(abs(float(one)), abs(float(other)))
            exact = example.meta["exact"]
            assert abs(float(one) - float(other)) > (0 if exact else max(slack, 0.01 * larger)), example


UNIT_FACTOR = 2.2046
"""Pounds in a kilogram: the commonest slip leaves it between two options."""


@pytest.mark.parametrize(("split", "shift"), [("train", ""), ("eval", ""), *(("eval", shift) for shift in SHIFTS)])
@draw(quick=400, slow=1500)
def test_most_patients_told_in_another_unit_are_offered_the_value_without_conversion(
    split: Split, shift: str, count: int
) -> None:
    traps = offered = 0
    for each in islice(vignettes.family("hard").draws(split, shift=shift, level="hard"), count):
        problem, values = vignettes.made(each)
        slips = [problem.wrong.get(reason) for reason in problem.unit_slips if "not converted" in reason]
        if any(slips):
            traps += 1
            offered += any(slip in values for slip in slips)
    assert traps > count / 15
    assert offered > 0.5 * traps


@draw(quick=3000, slow=5000)
def test_of_two_options_with_a_units_factor_between_them_neither_is_right_more_often(count: int) -> None:
    lower = higher = 0
    for example in items("hard", count):
        for one, other in permutations(example.options.values(), 2):
            if 0.99 * UNIT_FACTOR < float(other) / max(float(one), 1e-9) < 1.01 * UNIT_FACTOR:
                lower += one == example.answer
                higher += other == example.answer
    assert lower + higher > count / 25
    assert 0.4 < lower / (lower + higher) < 0.6


def test_every_calculator_and_table_is_asked_about() -> None:
    asked = {example.group.split("/")[1] for example in items("hard", 1000)}
    assert asked | set(vignettes.family("hard").held_out) == set(vignettes.entities("hard"))
