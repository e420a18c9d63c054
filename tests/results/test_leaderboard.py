"""The types that exporters get are public, and imported when they are used."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import medcot_bench
from medcot_bench import CellResult, Leaderboard, Row


def types_in(hint: Any) -> Iterator[type]:
    """Yield our own classes in a type hint."""
    for part in (hint, *typing.get_args(hint)):
        if isinstance(part, type) and part.__module__.startswith("medcot_bench."):
            yield part
        elif part is not hint:
            yield from types_in(part)


def reachable(root: type) -> set[type]:
    """Return the classes that a dataclass is made of, itself among them."""
    found, left = set(), [root]
    while left:
        kind = left.pop()
        if kind not in found:
            found.add(kind)
            hints = typing.get_type_hints(kind) if dataclasses.is_dataclass(kind) else {}
            left += [part for hint in hints.values() for part in types_in(hint)]
    return found


def test_every_type_that_an_exporter_of_one_file_gets_is_public() -> None:
    names = {kind.__name__ for kind in reachable(Leaderboard)}
    assert len(names) > 20
    assert names <= {*medcot_bench.__all__}


@pytest.mark.parametrize("name", ["CellKey", "CellRecord", "EvaluationRecord"])
def test_what_an_exporter_of_files_gets_is_public(name: str) -> None:
    assert name in {kind.__name__ for kind in reachable(CellResult)}
    assert name in medcot_bench.__all__


def test_every_public_name_is_there_and_listed() -> None:
    assert all(getattr(medcot_bench, name) is not None for name in medcot_bench.__all__)
    assert dir(medcot_bench) == sorted(medcot_bench.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        medcot_bench.nothing  # noqa: B018


def test_public_types_are_imported_when_they_are_used() -> None:
    code = "import sys, medcot_bench; print('pydantic' in sys.modules); medcot_bench.Leaderboard"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("kind", [Leaderboard, Row])
def test_the_page_on_exporters_names_every_field(kind: type) -> None:
    page = (Path(__file__).parents[2] / "docs" / "plugins" / "exporter.md").read_text(encoding="utf-8")
    assert [field.name for field in dataclasses.fields(kind) if f"`{field.name}`" not in page] == []
