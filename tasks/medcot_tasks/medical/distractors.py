"""Findings that a question tells without needing them."""

from __future__ import annotations

import random
from collections.abc import Sequence

_Findings = tuple[tuple[str, str, Sequence[object]], ...]
_FINDINGS: _Findings = (
    # what it is about, how it is told, its values
    ("heart rate", "heart rate {}/min", range(62, 96, 2)),
    ("respiratory rate", "respiratory rate {}/min", range(12, 19)),
    ("temperature", "temperature {} °C", (36.4, 36.6, 36.8, 37.0, 37.1, 37.3)),
    ("oxygen saturation", "oxygen saturation {} %", (96, 97, 98, 99)),
    ("pressure", "blood pressure {} mmHg", ("118/76", "124/80", "128/82", "132/78", "136/84")),
    ("potassium", "potassium {} mEq/L", (3.6, 3.8, 4.0, 4.2, 4.4, 4.7)),
    ("magnesium", "magnesium {} mg/dL", (1.8, 1.9, 2.0, 2.1, 2.3)),
    ("phosphate", "phosphate {} mg/dL", (2.8, 3.1, 3.4, 3.9, 4.2)),
    ("haemoglobin", "haemoglobin {} g/dL", (13.2, 13.6, 14.1, 14.5, 15.0)),
    ("platelet", "platelets {} x10^9/L", range(180, 340, 20)),
    ("uric acid", "uric acid {} mg/dL", (4.2, 4.9, 5.5, 6.1)),
    ("TSH", "TSH {} mIU/L", (1.1, 1.8, 2.4, 3.0)),
    ("ferritin", "ferritin {} ng/mL", range(40, 200, 20)),
    ("pain", "pain score {} of 10", range(1, 7)),
    ("allerg", "no known allergies", ("",)),
    ("smok", "never smoked", ("",)),
    ("knee", "osteoarthritis of the knee", ("",)),
)
_BELONG_TOGETHER = (
    ("temperature", "fever"),
    ("respiratory rate", "breath"),
    ("oxygen saturation", "PaO2"),
    ("oxygen saturation", "SpO2"),
    ("haemoglobin", "bleeding"),
    ("pressure", "hypertension"),
    ("heart rate", "pulse"),
    ("pain", "GCS"),  # nobody in a coma gives one
    ("pain", "coma"),
    ("pain", "encephalopathy"),
)


_CHILD = ("temperature", "oxygen saturation", "potassium", "magnesium", "allerg")
_NEWBORN: _Findings = (
    ("weight", "birth weight {} g", range(2700, 3900, 50)),
    ("weeks", "born after {} weeks", (37, 38, 39, 40, 41)),
    ("length", "length {} cm", (48, 49, 50, 51, 52)),
)


def distractors(rng: random.Random, count: int, avoid: Sequence[str], person: str = "") -> list[str]:
    """Return so many findings, fit for the person, about nothing that the texts to avoid touch."""
    text = " ".join(avoid).lower()
    for topic, other in _BELONG_TOGETHER:
        text += f" {topic}" if other.lower() in text else ""
    findings = _NEWBORN if "newborn" in person else _FINDINGS
    if any(word in person for word in ("child", "boy", "girl")):
        findings = tuple(finding for finding in _FINDINGS if finding[0] in _CHILD)
    free = [finding for finding in findings if finding[0].lower() not in text]
    return [told.format(rng.choice(values)) for _, told, values in rng.sample(free, min(count, len(free)))]


def article(text: str) -> str:
    """Return `a` or `an`, for an age written in digits: an 81-year-old.

    >>> article("81-year-old"), article("18-year-old"), article("47-year-old")
    ('an', 'an', 'a')
    """
    return "an" if text.startswith(("8", "11-", "18-")) else "a"
