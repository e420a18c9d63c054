"""Records and plans of any structure, with a digest that fits or one that does not: a table, or one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from planted import Made, answers, write
from sealed import write_sealed

from medcot_bench.errors import MedcotError, StoreError
from medcot_bench.report.export import export
from medcot_bench.results.digests import KEY

SCORES = {"answer": answers(1, 0, 1, 1), "gold_nll": answers(0.1, 0.2, 0.3, 0.5)}
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 10**400, "", "x", "\ud83d", "\x1b[2J", "../../x", [], {}),
    *([1, 2, 3], {"a": 1}, [[]], "9" * 300, 1e308),
)
Mutation = Callable[[Any], None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = [Made(adapter=name, scores={"k8s_qa": SCORES, "manuals_qa": SCORES}) for name in ("full", "lora")]
    return write(tmp_path_factory.mktemp("fuzz") / "out", *made)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every (container, key) of a JSON value."""
    keys = [*value] if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


def mutate(raw: Any, draws: Random) -> None:
    """Change one to three places: another value, a key more or less, two values swapped."""
    for _ in range(draws.randint(1, 3)):
        found = [*places(raw)]
        if not found:
            return
        container, key = draws.choice(found)
        way = draws.randrange(4)
        if way == 0 and isinstance(container, dict):
            del container[key]
        elif way == 1 and isinstance(container, dict):
            container[draws.choice(["x", "schema", "id", "task", ""])] = json.loads(json.dumps(container[key]))
        elif way == 2:
            other, place = draws.choice(found)
            container[key] = json.loads(json.dumps(other[place]))
        else:
            container[key] = json.loads(json.dumps(draws.choice(ODD)))


@pytest.mark.parametrize("file", ["plan.json", "cells/*full*/cell.json", "cells/*lora*/scores/k8s*.json"])
def test_any_structure_is_a_table_or_a_line(folder: Path, tmp_path: Path, file: str) -> None:
    out = Path(shutil.copytree(folder, tmp_path / "out"))
    (path,) = out.glob(file)
    whole, draws, refused = json.loads(path.read_text()), Random(file), 0
    for _ in range(1500):
        raw = json.loads(json.dumps(whole))
        mutate(raw, draws)
        write_sealed(path, raw)
        try:
            export(out, ["csv", "json", "md"])
        except MedcotError as error:
            refused += 1
            complaint = str(error)
            assert "\n" not in complaint
            assert "\x1b" not in complaint
            assert len(complaint) < 1000
    assert refused > 200


@pytest.mark.parametrize("file", ["plan.json", "cells/*full*/cell.json", "cells/*lora*/scores/k8s*.json"])
def test_with_its_digest_no_other_structure_is_read(folder: Path, tmp_path: Path, file: str) -> None:
    out = Path(shutil.copytree(folder, tmp_path / "out"))
    (path,) = out.glob(file)
    whole, draws = json.loads(path.read_text()), Random(file)
    for _ in range(500):
        raw = json.loads(json.dumps(whole))
        while raw == whole or KEY not in raw:
            raw = json.loads(json.dumps(whole))
            mutate(raw, draws)
        path.write_bytes(json.dumps(raw).encode())
        with pytest.raises(StoreError, match=path.name):
            export(out, ["csv"])
