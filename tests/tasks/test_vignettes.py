"""Bundled medical items as tasks: always the same, worked in steps that are checked, right where they say so.

After a change that is meant, make the golden file again and raise the version of the items:
UPDATE_GOLDEN=1 python -m pytest tests/tasks/test_vignettes.py
"""

from __future__ import annotations

import json
import os
import random
import re
from dataclasses import asdict, replace
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lanes import draw

from medcot_bench import Example, Split
from medcot_tasks.bundled import LEVELS, SHIFTS, Level
from medcot_tasks.medical import vignettes
from medcot_tasks.medical.calculators import CALCULATORS
from medcot_tasks.medical.medcalc_cot import MedCalcCot
from medcot_tasks.medical.medqa_cot import MedQACot
from medcot_tasks.medical.steps import Step
from medcot_tasks.medical.tables import TABLES

GOLDEN = Path(__file__).parent / "golden" / "medical.jsonl"


def first(count: int, split: Split = "eval", shift: str = "", level: Level = "basic") -> list[Example]:
    return list(islice(vignettes.examples(split, shift=shift, level=level, seed=0), count))


@cache
def trained(count: int) -> list[Example]:
    """Training items of level basic."""
    return first(count, "train")


@cache
def worked(level: Level) -> list[tuple[Example, str]]:
    """Items of medqa_cot with their targets."""
    task = MedQACot(level=level)
    return [(example, task.target(example).text.strip()) for example in islice(task.examples("eval"), 300)]


def test_items_are_those_of_the_golden_file() -> None:
    items = [*first(12, "train"), *first(6)]
    items += [example for shift in SHIFTS for example in first(4, shift=shift)]
    items += first(4, level="hard")
    assert not any(example.turns for example in items)
    fields = ({k: v for k, v in asdict(example).items() if k != "turns"} for example in items)
    made = [json.dumps(one, ensure_ascii=False) for one in fields]
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text("\n".join(made) + "\n", encoding="utf-8")
    assert made == GOLDEN.read_text(encoding="utf-8").splitlines()


def test_there_are_enough_calculators_and_tables() -> None:
    assert len(CALCULATORS) >= 20
    assert len(TABLES) >= 12
    names = vignettes.entities("hard")
    assert len(set(names)) == len(names) == len(CALCULATORS) + len(TABLES)


@draw(quick=2000, slow=10_000)
def test_many_items_are_made_and_of_a_thousand_hardly_any_twice(count: int) -> None:
    items = [(example.context, example.question) for example in trained(count)]
    assert len(set(items[:1000])) > 930
    assert len(set(items)) > 0.8 * count


def test_an_item_depends_on_its_number_and_not_on_those_before() -> None:
    assert first(50) == first(50)
    assert first(50)[:20] == first(20)
    other = list(islice(vignettes.examples("eval", shift="", level="basic", seed=1), 20))
    assert other != first(20)


def test_both_tasks_ask_about_the_same_patients() -> None:
    options, free = (list(islice(task.examples("train"), 30)) for task in (MedQACot(), MedCalcCot()))
    assert [e.question for e in options] == [f"{e.context} {e.question}" for e in free]
    assert [e.answer for e in options] == [e.answer for e in free]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("shift", ["", *SHIFTS])
@draw(quick=100, slow=300)
def test_every_gold_target_scores_one_on_every_score(level: Level, shift: str, count: int) -> None:
    for task in (MedQACot(shift, level), MedCalcCot(shift, level)):
        for example in islice(task.examples("eval"), count):
            scores = task.score(example, task.target(example).text.strip())
            assert set(scores) == set(task.spec.scores)
            assert set(scores.values()) == {1.0}, example.id


@pytest.mark.parametrize("level", LEVELS)
def test_every_planted_wrong_step_is_found(level: Level) -> None:
    rng = random.Random(0)
    task = MedQACot()
    for example, _ in worked(level):
        steps = [Step(**step) for step in example.meta["steps"]]
        place = rng.randrange(len(steps))
        off = rng.choice((-3, -2, 2, 3)) / 10 ** len(steps[place].value.partition(".")[2])
        wrong = f"{float(steps[place].value) + off:.{len(steps[place].value.partition('.')[2])}f}"
        steps[place] = replace(steps[place], value=wrong)
        scores = task.score(example, "\n".join(step.text for step in steps))
        assert scores["first_error"] == pytest.approx(place / len(steps)), example.id
        assert scores["step_f1"] == pytest.approx((len(steps) - 1) / len(steps))
        assert scores["arithmetic"] == pytest.approx((len(steps) - 1) / len(steps))


def test_value_letter_and_their_fit_are_scored_apart() -> None:
    task = MedQACot()
    for example, target in worked("basic")[:50]:
        right = example.answer_letter or ""
        wrong = next(letter for letter in example.options if letter != right)
        steps = target.rpartition("\n")[0]

        def parts(answer: str, steps: str = steps, example: Example = example) -> tuple[float | None, ...]:
            scores = task.score(example, f"{steps}\nAnswer: {answer}")
            return scores["value"], scores["answer"], scores["letter_fits"]

        assert parts(f"{example.answer} ({right})") == (1, 1, 1)
        assert parts(f"{example.answer} ({wrong})") == (1, 0, 0)
        assert parts(f"{example.options[wrong]} ({wrong})") == (0, 0, 1)
        assert parts(f"{example.options[wrong]} ({right})") == (0, 1, 0)
        assert parts(right) == (0, 1, None)
        assert parts(example.answer) == (1, None, 0)
        assert parts("unknown") == (0, None, None)
        for written in (f"{example.answer} mL/h ({right})", f"{example.answer}, {right}"):
            assert parts(written) == (1, 1, 1)


def test_a_letter_fits_no_other_option_than_that_of_its_value() -> None:
    task = MedQACot()
    for example, _ in worked("hard"):
        for letter, value in example.options.items():
            for other in example.options:
                fits = task.score(example, f"Answer: {value} ({other})")["letter_fits"]
                assert fits == float(other == letter), example.id


@pytest.mark.parametrize("shift", ["", "unseen_range"])
@draw(quick=1000, slow=3000)
def test_options_of_meld_scores_are_scores(shift: str, count: int) -> None:
    draws = islice(vignettes.family("hard").draws("eval", shift=shift, level="hard"), count)
    values = [vignettes.made(each)[1] for each in draws if each.entity.startswith("meld")]
    assert len(values) > count / 40
    assert all(6 <= float(value) <= 40 for four in values for value in four)


@given(st.sampled_from(range(300)), st.floats(1.001, 100), st.sampled_from((-1, 1)))
def test_no_number_outside_the_tolerance_is_accepted(number: int, factor: float, sign: int) -> None:
    example, _ = worked("hard")[number]
    answer = float(example.answer)
    slack = max(0.01 * abs(answer), 0.5 * 10.0 ** -len(example.answer.partition(".")[2]))
    written = f"{answer + sign * slack * factor:.9f}"
    assert MedCalcCot().score(example, f"Answer: {written}")["answer"] == 0
    assert MedQACot().score(example, f"Answer: {written}")["value"] == 0


@given(st.text(max_size=300) | st.text(alphabet="Answer: ABCD().*0123456789-–\n", max_size=80))
def test_no_text_breaks_the_scores(text: str) -> None:
    example, _ = worked("basic")[0]
    for task in (MedQACot(), MedCalcCot()):
        for score in task.score(example, text).values():
            assert score is None or 0 <= score <= 1


def test_dates_of_rows_are_compared_as_text() -> None:
    example = Example(id="x", group="x", question="When?", answer="08/22/2012", context="c")
    scores = [
        MedCalcCot().score(example, f"Answer: {text}")["answer"] for text in ("08/22/2012", "08/23/2012", "")
    ]
    assert scores == [1, 0, None]


def test_questions_do_not_repeat_themselves_nor_ask_how_much_a_score_is() -> None:
    family = vignettes.family("hard")
    draws = islice(family.draws("eval", level="hard"), len(family.entities))
    asked = {vignettes.made(draw)[0].asked for draw in draws}
    questions = "\n".join(vignettes.phrase(number, ["a fact"], each)[1] for number in range(6) for each in asked)
    assert "How high is the number of" in questions
    assert "How much is the anion gap in" in questions
    assert not re.search(r"alculate the calculated|much is [^?]*\b(number of|score)\b", questions)


@draw(quick=1000, slow=3000)
def test_values_of_the_unseen_range_are_not_those_of_training(count: int) -> None:
    """The facts that training tells of an entity and those of the shift hardly overlap."""

    def facts(items: list[Example]) -> set[tuple[str, str]]:
        return {
            (example.group.split("/")[1], step["expression"])
            for example in items
            for step in example.meta["steps"][:1]
            if example.group.split("/")[1] in calculators
        }

    calculators = {source.name for source in CALCULATORS}
    seen, unseen = facts(trained(count)), facts(first(count, shift="unseen_range"))
    assert len(seen & unseen) < 0.2 * len(unseen)


def test_held_out_entities_are_in_no_training_item() -> None:
    held_out = set(vignettes.family("basic").held_out)
    assert {example.group.split("/")[1] for example in first(300, shift="unseen_entity")} == held_out
    assert not held_out & {example.group.split("/")[1] for example in trained(1000)}
