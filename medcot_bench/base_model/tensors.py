"""Whether the tensors of a file are those of a model: all of them, and of its shapes."""

from __future__ import annotations

from collections.abc import Collection

from medcot_bench.errors import ModelError
from medcot_bench.text import counted


def check_tensors(
    what: str,
    *,
    missing: Collection[str] = (),
    unexpected: Collection[str] = (),
    mismatched: Collection[str] = (),
    total: int | None = None,
    hint: str = "get it again, whole",
) -> None:
    """Raise ModelError, one line, if any of these tensors keeps `what` from being used; their names are given.

    `missing` are tensors of the model that no file holds: a library makes them up at random. `unexpected` are in a
    file and fit nothing in the model, `mismatched` have another shape there; `total` is how many the file holds.
    `hint` says what to do.

    >>> check_tensors("model 'm'", missing=["norm.weight", "head.weight"])
    Traceback (most recent call last):
    medcot_bench.errors.ModelError: model 'm': 2 tensors are missing, e.g. head.weight; get it again, whole
    """
    found = [
        f"{_count(names, verbs, of)}, {first} {min(names)}"
        for names, verbs, of, first in (
            (unexpected, ("fits no module", "fit no module"), total, "the first is"),
            (missing, ("is missing", "are missing"), None, "e.g."),
            (
                mismatched,
                ("has another shape than in the model", "have other shapes than in the model"),
                None,
                "e.g.",
            ),
        )
        if names
    ]
    if found:
        raise ModelError(f"{what}: {'; '.join(found)}; {hint}")


def _count(names: Collection[str], verbs: tuple[str, str], total: int | None) -> str:
    if total is None:
        return counted(len(names), "tensor", verbs)
    return f"{len(names)} of {counted(total, 'tensor')} {verbs[len(names) != 1]}"
