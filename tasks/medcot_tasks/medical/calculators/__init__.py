"""Calculators: each formula is written once, as a pure function from its inputs to the steps of the solution."""

from __future__ import annotations

from medcot_tasks.medical.calculators import (
    blood,
    body,
    drugs,
    electrolytes,
    fluids,
    heart_lung,
    kidney,
    liver,
    one_step,
    two_steps,
)
from medcot_tasks.medical.problem import Source

CALCULATORS: tuple[Source, ...] = (
    *body.SOURCES,
    *kidney.SOURCES,
    *electrolytes.SOURCES,
    *blood.SOURCES,
    *liver.SOURCES,
    *heart_lung.SOURCES,
    *fluids.SOURCES,
    *drugs.SOURCES,
    *one_step.SOURCES,
    *two_steps.SOURCES,
)
