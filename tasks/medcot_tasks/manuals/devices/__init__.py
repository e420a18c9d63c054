"""Excerpts from manuals of invented devices and software, with questions: the bundled items of manuals_qa."""

from __future__ import annotations

from collections.abc import Iterator

from medcot_bench import Example, Split
from medcot_tasks.bundled import Family, Level
from medcot_tasks.manuals.devices.catalogue import BRANDS, DEVICES
from medcot_tasks.manuals.devices.sections import SECTIONS
from medcot_tasks.manuals.devices.unseen import device_of
from medcot_tasks.reading import Document, Values, make_examples

FAMILY = Family("manuals_qa", 1, [*DEVICES])
FRAMES = (
    "{Q}",
    "According to the manual, {q}",
    "A technician on site needs to know this. {Q}",
    "Without reading out the whole page: {q}",
)
"""What the questions are put into; the last two are not seen in training."""


def examples(split: Split, shift: str = "", level: Level = "basic", seed: int = 0) -> Iterator[Example]:
    """Yield questions on invented manuals without end."""
    return make_examples(FAMILY.draws(split, shift=shift, level=level, seed=seed), document, FRAMES)


def document(kind: str, values: Values) -> Document:
    """Return an excerpt of an invented product's manual: two sections, at the hard level all five."""
    product = f"{values.pick(BRANDS)} {values.rng.choice('CDHKMPRTVX')}{values.number(10, 49)}"
    chosen = SECTIONS if values.hard else values.rng.sample(SECTIONS, 2)
    device = device_of(kind, unseen=values.unseen)
    parts = [section(device, product, values) for section in chosen]
    text = "\n\n".join((f"{product} {kind}", *(part.text for part in parts)))
    return Document(text, tuple(question for part in parts for question in part.questions))
