"""What a manifest is: its YAML, cut down to what is asked about, its questions, and the field that compares it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from medcot_tasks.reading import Document, Question, Values, ask

HARD_MANIFESTS = 3


@dataclass(frozen=True, slots=True)
class Manifest:
    """One manifest. `amount` is the value of what questions call `field`, `unit` what the YAML writes after it."""

    name: str
    text: str
    questions: tuple[Question, ...]
    field: str
    amount: int
    unit: str = ""


Maker = Callable[[Values], Manifest]


def manifest_document(noun: str, make: Maker, values: Values) -> Document:
    """Return a document of one manifest, or at the hard level of three of the same kind."""
    made = [make(values) for _ in range(HARD_MANIFESTS if values.hard else 1)]
    questions = [question for manifest in made for question in manifest.questions]
    if values.hard:
        questions += _over_all(noun, made)
    return Document("\n---\n".join(manifest.text for manifest in made), tuple(questions))


def _over_all(noun: str, made: list[Manifest]) -> list[Question]:
    field, unit, plural = made[0].field, made[0].unit, _plural(noun)
    questions = [
        ask(
            "steps",
            "sum_over_all",
            f"{sum(manifest.amount for manifest in made)}{unit}",
            f"what do you get when you add up the {field} of all {plural}?",
            f"over all {plural}, what is the {field} in total?",
            f"work out the total {field} of the {plural} together.",
        )
    ]
    ranked = sorted(made, key=lambda manifest: manifest.amount)
    ends = (("least", "lowest", ranked[0], ranked[1]), ("most", "highest", ranked[-1], ranked[-2]))
    for kind, word, first, second in ends:
        if first.amount != second.amount:
            questions.append(
                ask(
                    "compare",
                    f"{kind}_over_all",
                    first.name,
                    f"which {noun} has the {word} {field}?",
                    f"for which {noun} is the {field} the {word}?",
                    f"compare all {plural} and name the one with the {word} {field}.",
                )
            )
    return questions


def _plural(noun: str) -> str:
    if noun.endswith("y"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"
