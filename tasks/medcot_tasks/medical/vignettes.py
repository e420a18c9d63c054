"""Bundled medical items: a calculator or a scoring table asked about one invented patient."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache, partial

from medcot_bench import Example, Split
from medcot_tasks.bundled import Draw, Family, Level
from medcot_tasks.medical.calculators import CALCULATORS
from medcot_tasks.medical.options import Bounds, beside, usual, window
from medcot_tasks.medical.problem import Problem, Source
from medcot_tasks.medical.tables import TABLES, Table

VERSION = 2
LETTERS = "ABCD"
BASIC = (
    "pulse_pressure",
    "weight_dose",
    "feverpain",
    "tablets",
    "daily_dose",
    "driving_pressure",
    "fluid_balance",
    "saag",
    "pack_years",
    "infusion_hours",
    "child_weight",
    "energy_need",
    "non_hdl",
    "qsofa",
    "carbohydrate_units",
    "stroke_volume",
    "pressure_limit",
    "curb_65",
    "cerebral_perfusion",
    "protein_need",
    "days_of_supply",
    "correction_dose",
    "globulin",
    "urine_per_hour",
    "vldl",
    "maintenance_fluid",
)
"""The calculators and tables of level "basic": a step or two each, but for four, so that few items teach them."""
_CALCULATORS = {source.name: source for source in CALCULATORS}
_TABLES = {table.name: table for table in TABLES}


def entities(level: Level) -> list[str]:
    """Return the names of a level's calculators and tables."""
    sources: tuple[Source | Table, ...] = (*CALCULATORS, *TABLES)
    medium = [source.name for source in sources if source.basic and source.name not in BASIC]
    hard = [source.name for source in sources if not source.basic]
    return [*BASIC, *(medium if level != "basic" else ()), *(hard if level == "hard" else ())]


def examples(split: Split, *, shift: str, level: Level, seed: int) -> Iterator[Example]:
    """Yield the items of a split without end: a note as context, a question, four options, the steps, the answer.

    The right letter is uniform, and the four values do not tell the right one (`options` says how).
    """
    return map(_example, family(level).draws(split, shift=shift, level=level, seed=seed))


def family(level: Level) -> Family:
    """Return the family of a level's items."""
    return Family("medical", VERSION, entities(level), [table.name for table in TABLES if table.one_range])


def _example(draw: Draw) -> Example:
    problem, values = made(draw)
    draw.rng.shuffle(values)
    note, question = phrase(draw.template, problem.facts, problem.asked)
    return Example(
        id=draw.id,
        group=draw.group,
        context=note,
        question=question,
        options=dict(zip(LETTERS, values, strict=True)),
        reasoning="\n".join(step.text for step in problem.steps),
        answer=problem.answer,
        answer_letter=LETTERS[values.index(problem.answer)],
        meta={
            "steps": [asdict(step) for step in problem.steps],
            "exact": problem.exact,
            "decimals": problem.decimals,
        },
    )


def made(draw: Draw) -> tuple[Problem, list[str]]:
    """Return the draw's problem and its four values, the right one among them."""
    if draw.entity in _CALCULATORS:
        make = _CALCULATORS[draw.entity].make
        other = partial(make, draw.rng, draw.unseen_range, draw.level)
        bounds = _bounds(draw.entity, draw.unseen_range, draw.level)
        problem = other()
        return problem, beside(problem, (other, partial(make, draw.rng, False, draw.level)), bounds, draw.rng)
    table = _TABLES[draw.entity]
    total, values = window(table.totals(draw.level), draw.rng)
    return table.problem(draw.rng, total, draw.unseen_range, draw.level), values


@cache
def _bounds(calculator: str, unseen_range: bool, level: Level) -> Bounds:
    rng = random.Random(f"bounds {calculator} {unseen_range} {level}")
    make = _CALCULATORS[calculator].make
    return usual([make(rng, unseen_range, level).answer for _ in range(100)])


def phrase(template: int, facts: Sequence[str], asked: str) -> tuple[str, str]:
    """Return note and question in one of six phrasings; the last two are not seen in training."""
    listed = _capital(", ".join(facts))
    match template:
        case 0:
            return f"{listed}.", f"What is {asked}?"
        case 1:
            return f"Patient: {'; '.join(facts)}.", f"Work out {asked}."
        case 2:
            return f"Findings: {', '.join(facts)}.", f"Calculate {asked}."
        case 3:
            # What has no unit, such as a score, is not much, but high.
            return f"{_capital('; '.join(facts))}.", f"How {'much' if ' in ' in asked else 'high'} is {asked}?"
        case 4:
            return " ".join(f"{_capital(fact)}." for fact in facts), f"A colleague needs {asked}. Please find it."
        case _:
            return f"Chart: {' / '.join(facts)}.", f"Determine {asked}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
