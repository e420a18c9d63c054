"""Exports of the version before hold the same numbers as today's, under the names that the mapping gives."""

from __future__ import annotations

import bz2
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import published
import pytest
from pydantic import TypeAdapter
from renamed_columns import CSV, VALUES, WORDED, path_today

from medcot_bench.plugins.manager import installed
from medcot_bench.results.leaderboard import Leaderboard

HERE = Path(__file__).parent
NAMES = ("golden", "quick", "persistence", "study")


def before(name: str, suffix: str) -> str:
    return bz2.decompress((HERE / "before" / f"{name}.{suffix}.bz2").read_bytes()).decode()


def today(name: str, suffix: str) -> str:
    if name == "golden":
        board = TypeAdapter(Leaderboard).validate_json((HERE / "golden" / "leaderboard.json").read_bytes())
    else:
        _, board = published.read(published.RESULTS / name)
    text: str = installed().make_exporter(suffix).export(board)
    return text


def value_today(value: str) -> str:
    """Return what a verdict, an effect or a reading is called now."""
    said, mark = value.removesuffix(" (exploration)"), " (exploratory)" if "(exploration)" in value else ""
    for old, new in VALUES.items():
        pattern = re.escape(old).replace("LORA", ".+")
        if re.fullmatch(pattern, said) and said != "full generalises better":
            return new + mark
    return said + mark


@pytest.mark.parametrize("name", NAMES)
def test_csv_has_the_same_numbers(name: str) -> None:
    old, new = ([*csv.DictReader(io.StringIO(read(name, "csv")))] for read in (before, today))
    assert len(old) == len(new)
    compared = 0
    for one, other in zip(old, new, strict=True):
        for column, value in one.items():
            end = max((end for end in CSV if column.endswith(end)), key=len, default="")
            found = other[column.removesuffix(end) + CSV.get(end, "")]
            if re.fullmatch(r"-?[\d.]+(e-?\d+)?", value):
                assert float(found) == pytest.approx(float(value), rel=1e-9, abs=1e-12), column
                compared += 1
            elif column != "failures":
                assert found == value_today(value), column
    assert compared > 20


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every number and text with its path."""
    if isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in parts:
            yield from leaves(part, (*path, str(key)))
    else:
        yield path, value


def is_worded(path: tuple[str, ...]) -> bool:
    return any(
        all(p in ("*", part) for p, part in zip(pattern.split("."), path, strict=False)) for pattern in WORDED
    )


@pytest.mark.parametrize("name", NAMES)
def test_json_has_the_same_numbers(name: str) -> None:
    new = dict(leaves(json.loads(today(name, "json"))))
    compared = 0
    for path, value in leaves(json.loads(before(name, "json"))):
        if is_worded(path) or (path[0] == "matched" and new[(*path[:2], "left_out")]):
            continue  # gaps at matched score were those of other seeds, too
        found = new[path_today(path)]
        if isinstance(value, float):
            assert found == pytest.approx(value, rel=1e-9, abs=1e-12), path
        else:
            assert found == (value_today(value) if isinstance(value, str) else value), path
        compared += 1
    assert compared > 50
