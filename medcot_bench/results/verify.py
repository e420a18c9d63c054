"""Check every file of a result folder against what was written, and set aside what is damaged."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from medcot_bench.errors import ConfigError
from medcot_bench.results import plan_file, study_file
from medcot_bench.results.digests import has_digest
from medcot_bench.results.files import PACKED, DamagedError, is_number, refuse_links
from medcot_bench.results.plan_file import PlanFile
from medcot_bench.results.quarantine import WEIGHTS, move_aside
from medcot_bench.results.records import Attempt, CellRecord, EvaluationRecord
from medcot_bench.results.saved_files import find_damage
from medcot_bench.results.store import Store, find_record, list_records, read_record, read_samples, read_with_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Something that is not what was written."""

    path: Path
    reason: str
    with_it: tuple[Path, ...]
    """What has to be set aside so that the next run makes it again: `path`, or more that leans on it."""


@dataclass(slots=True)
class Verification:
    """What was looked at, and what of it is damaged."""

    cells: int = 0
    evaluations: int = 0
    without_digest: int = 0
    """Records of an older version, which carry no digest of themselves."""
    damages: list[Damage] = field(default_factory=list)
    missing_cells: int = 0
    """Planned training runs of which there is nothing; what is damaged is in `damages`."""
    missing_evaluations: int = 0
    """Planned evaluations likewise."""

    @contextmanager
    def noting(self, path: Path, *with_it: Path) -> Iterator[None]:
        """Note what is found damaged; `with_it` is what has to be set aside, `path` itself if nothing is given."""
        try:
            yield
        except DamagedError as error:
            self.damages.append(Damage(path=error.path, reason=error.reason, with_it=with_it or (path,)))


def verify(root: Path) -> Verification:
    """Read every record, sample and saved weight of a result folder, and compare each with its digest.

    Raises ConfigError where there is no folder, StoreError where files can't be read or are of a newer version.
    """
    if not root.is_dir():
        raise ConfigError(f"{root}: no such folder")
    if not any((root / name).exists() for name in (plan_file.FILE, study_file.FILE, "cells")):
        raise ConfigError(f"{root}: no study was run here")
    found = Verification()
    plan, study, cells = root / plan_file.FILE, root / study_file.FILE, root / "cells"
    planned: PlanFile | None = None
    needed: set[str] | None = None
    with found.noting(plan):
        if plan.exists() or plan.is_symlink():
            planned = plan_file.read(root)
            needed = {one.id for cell in planned.every_cell for one in cell.evaluations}
    with found.noting(study):
        study_file.check(root)
    with found.noting(cells):
        _check_folder(root, cells)
        for folder in sorted(cells.iterdir()) if cells.is_dir() else ():
            with found.noting(folder):
                refuse_links(root, folder)
                _verify_cell(root, folder, needed, found)
    if planned is not None:
        _count_missing(root, planned, found)
    return found


def set_aside(root: Path, damages: Iterable[Damage]) -> None:
    """Move what is damaged into the folder `quarantine`. Raises StoreError."""
    move_aside(root, dict.fromkeys(path for damage in damages for path in damage.with_it))


def _verify_cell(root: Path, folder: Path, needed: Container[str] | None, found: Verification) -> None:
    """Check what lies in one cell's folder. Raises StoreError for its own record, which all else leans on.

    `needed` are the evaluations whose samples are read; None: all. Others were made to choose a learning rate, and
    published folders have no samples of them.
    """
    cell_id = folder.name.rpartition("-")[2]
    before = len(found.damages)
    for name, with_it in (("scores", ["scores"]), ("samples", ["samples", "scores"]), ("attempts", ["attempts"])):
        with found.noting(folder / name, *(folder / one for one in with_it)):
            _check_folder(root, folder / name)
    readable = len(found.damages) == before
    if read := read_with_json(root, folder / "cell.json", CellRecord, cell_id=cell_id):
        record, raw = read
        found.without_digest += not has_digest(raw)
        before = len(found.damages)
        with found.noting(folder / WEIGHTS):
            _verify_weights(root, folder / WEIGHTS, record)
        found.cells += len(found.damages) == before
    elif readable and list_records(folder / "scores"):
        raise DamagedError(root, folder / "cell.json", "is not there, though its evaluations are")
    if not readable:
        return
    for path in list_records(folder / "scores"):
        _verify_evaluation(root, path, cell_id, needed, found)
    for attempt in sorted(path for path in (folder / "attempts").glob("[0-9]*") if is_number(path.name)):
        with found.noting(attempt):
            read_record(root, attempt / "error.json", Attempt, cell_id=cell_id)


def _verify_weights(root: Path, weights: Path, record: CellRecord) -> None:
    """Check the saved weights of a training, where they are kept. An empty folder waits to be filled again."""
    _check_folder(root, weights)
    if weights.is_dir() and any(weights.iterdir()) and (damage := find_damage(weights, record.saved, read="all")):
        raise DamagedError(root, weights.parent, damage)


def _verify_evaluation(
    root: Path, path: Path, cell_id: str, needed: Container[str] | None, found: Verification
) -> None:
    score_id = path.stem.rpartition("-")[2]
    samples = path.parent.parent / "samples"
    beside = [*path.parent.glob(f"*-{score_id}.json*"), *samples.glob(f"*-{score_id}.jsonl*")]
    with found.noting(path, *beside):
        if read := read_with_json(root, path, EvaluationRecord, cell_id=cell_id, score_id=score_id):
            record, raw = read
            found.without_digest += not has_digest(raw)
            if needed is None or score_id in needed or any("jsonl" in place.name for place in beside):
                read_samples(root, samples, score_id, record)
            found.evaluations += 1


def _count_missing(root: Path, planned: PlanFile, found: Verification) -> None:
    """Count what of a plan is not there. What is there and damaged was named before."""
    store, damaged = Store(root, indexed=True), {path for damage in found.damages for path in damage.with_it}
    for cell in planned.every_cell:
        folder = store.cell_folder(cell.key)
        if damaged.isdisjoint({folder.parent, folder}):
            found.missing_cells += not any((folder / f"cell.json{packed}").is_file() for packed in ("", PACKED))
        if damaged.isdisjoint({folder.parent, folder, folder / "scores"}):
            there = [find_record(folder / "scores", one.id, ".json") for one in cell.evaluations]
            found.missing_evaluations += there.count(None)


def _check_folder(root: Path, path: Path) -> None:
    """Raise DamagedError for what should be a folder, and is a link or a file."""
    refuse_links(root, path)
    if path.exists() and not path.is_dir():
        raise DamagedError(root, path, "is no folder")
