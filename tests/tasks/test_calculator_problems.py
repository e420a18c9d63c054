"""Calculators' problems as they are drawn: sound, each with wrong values that can be told from the right one.

In the slow lane 100 of each calculator at each of its levels and in both ranges: more than 15,000 together.
"""

import itertools
import random
from collections import Counter
from functools import cache
from typing import get_args

import pytest
from lanes import draw

from medcot_tasks.bundled import Level
from medcot_tasks.medical.calculators import CALCULATORS
from medcot_tasks.medical.calculators.heart_lung import QT_FORMULAS
from medcot_tasks.medical.steps import holds, read
from medcot_tasks.medical.tables import TABLES

DRAWN = draw(quick=40, slow=100)
LEVELS: tuple[Level, ...] = get_args(Level)
BY_NAME = {source.name: source for source in CALCULATORS}


def levels(source):
    return LEVELS if source.basic else ("hard",)


@cache
def problems(source, level, unseen_range, count=40):
    rngs = [random.Random(f"{source.name} {level} {number}") for number in range(count)]
    return [source.make(rng, unseen_range, level) for rng in rngs]


def far(one, other):
    """Whether neither of two written values is within 1 %, or half of the last digit, of the other."""
    slack = 0.5 * 10.0 ** -min(len(text.partition(".")[2]) for text in (one, other))
    return abs(float(one) - float(other)) > max(slack, 0.01 * max(abs(float(one)), abs(float(other))))


def kinds(source):
    return [(level, unseen) for level in levels(source) for unseen in (False, True)]


each_calculator = pytest.mark.parametrize("source", CALCULATORS, ids=lambda source: source.name)


@each_calculator
@DRAWN
def test_problems_are_sound(source, count):
    for problem in itertools.chain(*(problems(source, *kind, count) for kind in kinds(source))):
        steps = problem.steps
        assert all(holds(step) for step in steps), steps
        assert read("\n".join(step.text for step in steps)) == list(steps)
        assert float(problem.answer) > 0, problem
        assert len(set(problem.facts)) == len(problem.facts)
        assert all(fact.strip() == fact and fact for fact in problem.facts)
        assert not problem.exact


@each_calculator
@DRAWN
def test_wrong_values_can_be_told_from_the_right_one(source, count):
    for unseen in (False, True):
        both_sides = []
        for problem in itertools.chain(*(problems(source, level, unseen, count) for level in levels(source))):
            values = [float(value) for value in problem.wrong.values()]
            assert len(values) >= 3, problem
            assert len(set(values)) == len(values), problem
            for written, wrong in zip(problem.wrong.values(), values, strict=True):
                assert far(written, problem.answer), problem
                assert wrong > 0
                assert len(written.partition(".")[2]) <= problem.decimals, problem
            both_sides.append(min(values) < float(problem.answer) < max(values))
        assert sum(both_sides) > 0.95 * len(both_sides)


@DRAWN
def test_no_other_formula_gives_the_right_answer_too(count):
    for source in CALCULATORS:
        for level, unseen in kinds(source):
            for problem in problems(source, level, unseen, count) if level != "basic" else ():
                assert all(far(rival, problem.answer) for rival in problem.rivals), (source.name, problem)


def test_the_formulas_that_are_told_apart():
    """A question that names its formula has those that it could be taken for as rivals."""
    rivals = {"bsa_mosteller": 1, "bsa_dubois": 1, "qtc": 4, "a_a_gradient": 1, "ckd_epi_2021": 2, "mdrd": 2}
    rivals |= {"corrected_sodium": 1, "winter": 1, "free_water_deficit": 2, "meld_na": 1, "phenytoin": 1}
    for name, least in rivals.items():
        assert all(len(each.rivals) >= least for each in problems(BY_NAME[name], "hard", False)), name


def test_every_qt_formula_is_asked_about_alike():
    made = (BY_NAME["qtc"].make(random.Random(number), False, "hard") for number in range(500))
    counts = Counter(problem.asked.split()[-2] for problem in made)
    assert set(counts) == set(QT_FORMULAS)
    assert max(counts.values()) < 1.5 * min(counts.values())


ONE_DECIMAL = {
    *("bsa_mosteller", "bsa_dubois", "fena", "free_water_deficit", "delta_ratio", "fib_4", "homa_ir", "saag"),
    *("phenytoin", "shock_index", "infusion_rate", "dose_volume"),
}
"""Calculators whose answers have one decimal at least."""


def test_wrong_values_are_written_as_right_ones_are():
    """Right values end in a zero after the point only where a decimal is due; then wrong ones do no more."""
    for source in CALCULATORS:
        for problem in itertools.chain(*(problems(source, level, False) for level in levels(source))):
            for written in (problem.answer, *problem.wrong.values()):
                zeros = len(written) - len(written.rstrip("0")) if "." in written else 0
                assert zeros <= (source.name in ONE_DECIMAL), (source.name, problem)


def test_a_unit_is_left_unconverted_or_converted_needlessly_about_equally_often():
    counts = Counter()
    for source in CALCULATORS:
        for problem in problems(source, "hard", False):
            counts.update(slip.partition(" ")[2] for slip in problem.unit_slips)
        if source.basic:
            assert not any(problem.unit_slips for problem in problems(source, "medium", False))
    assert set(counts) == {"not converted", "converted needlessly"}
    assert max(counts.values()) < 1.2 * min(counts.values())


@each_calculator
def test_problems_depend_on_the_random_numbers_alone_and_differ(source):
    first, second = (
        list(itertools.chain(*(make(source, level, False)[:60] for level in levels(source))))
        for make in (problems, problems.__wrapped__)
    )
    assert first == second
    assert len({(problem.facts, problem.asked) for problem in first}) > 0.7 * len(first)


def test_basic_problems_are_short_and_without_conversions():
    for source in CALCULATORS:
        if source.basic:
            for number in range(100):
                problem = source.make(random.Random(number), False, "basic")
                assert len(problem.steps) <= 4
                assert not any(" lb" in fact or "mol/L" in fact for fact in problem.facts)


def test_there_are_enough_of_them_each_named_once():
    names = [source.name for source in (*CALCULATORS, *TABLES)]
    assert len(set(names)) == len(names)
    assert len(CALCULATORS) >= 65
    assert 36 <= sum(source.basic for source in CALCULATORS) <= 42
    assert len(TABLES) >= 13
