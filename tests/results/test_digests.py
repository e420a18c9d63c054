"""Records are what was written, and lie where they belong."""

from __future__ import annotations

import bz2
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from lanes import draw
from planted import Made, answers, failed, write
from sealed import write_sealed

from medcot_bench.errors import MedcotError, StoreError
from medcot_bench.results.cells import CellKey
from medcot_bench.results.digests import KEY
from medcot_bench.results.folder import Results, load
from medcot_bench.results.store import Store

PERSISTENCE = Path("docs/results/persistence")
"""Made before records had digests."""
SCORES = {"answer": answers(1, 0, 1, 1), "gold_nll": answers(0.1, 0.2, 0.3, 0.5)}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    made = [Made(adapter=name, scores={"k8s_qa": SCORES, "manuals_qa": SCORES}) for name in ("full", "lora")]
    return write(tmp_path / "out", *made)


def everything(root: Path) -> str:
    """What tables are made of: every record, and every sample."""
    results: Results = load(root)
    samples = [results.samples(cell, task) for cell in results.cells for task in cell.evaluations]
    return repr((results.plan, results.cells, samples))


def complaint(root: Path) -> str:
    try:
        everything(root)
    except StoreError as error:
        return str(error)
    return ""


def records(root: Path) -> list[Path]:
    return sorted([*root.glob("cells/*/cell.json"), *root.glob("cells/*/scores/*.json"), root / "plan.json"])


@pytest.mark.parametrize("kind", ["cell.json", "scores", "samples", "plan.json"])
@draw(60, 2000)
def test_no_flipped_bit_makes_another_table(out: Path, kind: str, count: int) -> None:
    path = next(path for path in sorted(out.rglob("*")) if path.is_file() and kind in str(path.relative_to(out)))
    before, whole, draws = everything(out), path.read_bytes(), Random(0)
    for _ in range(count):
        place, bit = draws.randrange(len(whole)), draws.randrange(8)
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        # White space between two keys changes nothing, nor does the name of the digest's own key.
        said = complaint(out) or (f"{path}: " if everything(out) == before else "another table")
        assert said.startswith(str(path))
        assert "\n" not in said


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -2])
def test_a_shortened_record_is_named(out: Path, cut: int) -> None:
    for path in records(out):
        whole = path.read_bytes()
        if whole[:cut].strip() == whole.strip():
            continue
        path.write_bytes(whole[:cut])
        with pytest.raises(MedcotError, match=path.name) as caught:
            everything(out)
        assert caught.value.exit_code == 3
        path.write_bytes(whole)


@pytest.mark.parametrize("what", ["cell.json", "scores/*.json", "samples/*.jsonl"])
def test_files_that_changed_places_are_named(out: Path, what: str) -> None:
    ones, others = ([*folder.glob(what)] for folder in sorted(out.glob("cells/*")))
    for one, other in zip(sorted(ones), sorted(others), strict=True):
        shutil.move(one, out / "aside")
        shutil.move(other, one)
        shutil.move(out / "aside", other)
    if what.startswith("samples"):
        everything(out)  # both models answered alike: the same file
    else:
        with pytest.raises(MedcotError, match=r"is the record of 0\w+, not of 0\w+; `medcot-bench verify"):
            everything(out)


def rounded(record: dict[str, object]) -> None:
    record["results"] = {"answer,none": 0.5}


def mean_of_0_75(record: dict[str, object]) -> None:
    record["results"] = {"answer,none": 0.75, "answer_stderr,none": 0.1, "other,none": 7.0}


@pytest.mark.parametrize(
    ("change", "told"), [(rounded, "answer is 0.5, but 0.75 by its samples"), (mean_of_0_75, "")]
)
def test_results_are_the_means_of_their_samples(
    out: Path, change: Callable[[dict[str, object]], None], told: str
) -> None:
    for path in out.glob("cells/*/scores/*.json"):
        record = json.loads(path.read_text())
        change(record)
        write_sealed(path, record)
    if told:
        with pytest.raises(MedcotError, match=told):
            everything(out)
    else:
        everything(out)


def test_a_request_is_checked_in_records_without_a_digest(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PERSISTENCE, tmp_path / "persistence"))
    before = everything(folder)
    path = next(folder.glob("cells/*/scores/k8s*.json.bz2"))
    record = json.loads(bz2.decompress(path.read_bytes()))
    assert KEY not in record
    record["request"]["max_new_tokens"] += 1
    path.write_bytes(bz2.compress(json.dumps(record).encode()))
    with pytest.raises(MedcotError, match="its request is not that of"):
        everything(folder)
    record["request"]["max_new_tokens"] -= 1
    path.write_bytes(bz2.compress(json.dumps(record).encode()))
    assert everything(folder) == before


def test_half_a_surrogate_pair_comes_back_as_it_was(tmp_path: Path) -> None:
    store, cell = Store(tmp_path), CellKey(id="3f", task=None, adapter="none", seed=None)
    attempt = replace(failed("failed", "half \ud83d of it, and ü"), cell_id="3f")
    store.add_attempt(cell, attempt, "a log with \ud83d")
    assert store.attempts(cell) == [attempt]
