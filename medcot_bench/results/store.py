"""The result folder: records are written once, whole or not at all, and checked when read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from pydantic import TypeAdapter

from medcot_bench.errors import StoreError
from medcot_bench.results.cells import CellKey, EvaluationKey
from medcot_bench.results.digests import add_digest, find_change, find_other_owner, find_other_results
from medcot_bench.results.files import (
    LOCK,
    MAKING,
    PACKED,
    RECORD_BYTES,
    DamagedError,
    check_root,
    discard,
    is_number,
    make_folder,
    make_numbered,
    read_file,
    remove_leftovers,
    replace_file,
    sync,
    to_json,
    to_lines,
    write_once,
    writing,
)
from medcot_bench.results.quarantine import move_aside
from medcot_bench.results.records import SCHEMA, Attempt, CellRecord, EvaluationRecord
from medcot_bench.results.saved_files import SavedFile

PASSING = "weights_not_kept"
"""The file in a cell's folder that says that its weights are deleted once it is scored."""
R = TypeVar("R", CellRecord, EvaluationRecord, Attempt)


_READERS: dict[type, TypeAdapter[Any]] = {}
"""What checks records of each kind: made once, which takes longer than to read one."""


class Store:
    """One result folder. Nothing is created before something is written.

    One run at a time holds its `lock`. A record is written once: whoever comes second is told by a StoreError.
    What lies beside it (samples, logs, weights) is replaced, so that one process at a time may work on a cell.
    Attempts may be added by several at once: each gets a number of its own.

    `indexed` looks up the folders of cells once, for reading many: those made later are not found.
    """

    def __init__(self, root: Path, *, indexed: bool = False):
        self.root = root
        self._folders = _folders_by_id(root / "cells") if indexed else None

    # --- where things lie ---

    def cell_folder(self, cell: CellKey) -> Path:
        """Return the cell's folder, found by its id whatever its readable part."""
        if self._folders is None:
            found = next((self.root / "cells").glob(f"*-{cell.id}"), None)
        else:
            found = self._folders.get(cell.id)
        return found or self.root / "cells" / cell.name

    def weights_folder(self, cell: CellKey) -> Path:
        """Return where a cell's trained weights lie while they are kept."""
        return self.cell_folder(cell) / "adapter"

    # --- reading ---

    def cell(self, cell: CellKey) -> CellRecord | None:
        """Return the record of a finished training, or None. Raises StoreError for one that can't be read."""
        return read_record(self.root, self.cell_folder(cell) / "cell.json", CellRecord, cell_id=cell.id)

    def evaluation(self, cell: CellKey, evaluation: EvaluationKey) -> EvaluationRecord | None:
        """Return the record of a finished evaluation, or None. Raises StoreError likewise."""
        found = find_record(self.cell_folder(cell) / "scores", evaluation.id, ".json")
        if found is None:
            return None
        return read_record(self.root, found, EvaluationRecord, cell_id=cell.id, score_id=evaluation.id)

    def has_passing_weights(self, cell: CellKey) -> bool:
        """Whether weights lie here that were not to be kept once the cell is scored."""
        return (self.cell_folder(cell) / PASSING).is_file()

    def has_evaluations(self, cell: CellKey) -> bool:
        """Whether evaluations of a cell are here, of this plan or another one."""
        return bool(list_records(self.cell_folder(cell) / "scores"))

    def has_samples(self, cell: CellKey, evaluation: EvaluationKey) -> bool:
        """Whether the per-item records of an evaluation are here: those of trials may not be published."""
        return find_record(self.cell_folder(cell) / "samples", evaluation.id, ".jsonl") is not None

    def samples(
        self, cell: CellKey, evaluation: EvaluationKey, record: EvaluationRecord | None
    ) -> list[dict[str, Any]]:
        """Return the per-item records that belong to a record. Raises StoreError where they don't fit it."""
        if record is None:
            raise StoreError(f"{self.cell_folder(cell)}: no evaluation {evaluation.name}")
        return read_samples(self.root, self.cell_folder(cell) / "samples", evaluation.id, record)

    def attempts(self, cell: CellKey) -> list[Attempt]:
        """Return the failed attempts at a cell, oldest first."""
        parent = self.cell_folder(cell) / "attempts"
        named = [folder for folder in parent.glob("[0-9]*") if is_number(folder.name)]
        folders = sorted(named, key=lambda folder: int(folder.name))
        found = [read_record(self.root, folder / "error.json", Attempt, cell_id=cell.id) for folder in folders]
        return [attempt for attempt in found if attempt is not None]

    # --- writing ---

    def commit_weights(self, cell: CellKey, made: Path, *, kept: bool = True) -> Path:
        """Move a folder of trained weights to its place; what was there before gives way.

        Weights that are not to be kept are marked, so that the next run deletes what a stopped one left.
        """
        place = self.weights_folder(cell)
        make_folder(self.root, place.parent)
        if not kept:
            self.replace(place.parent / PASSING, b"")
        with writing(place):
            for path in (*made.rglob("*"), made):
                sync(path)
            discard(place)
            made.rename(place)
            sync(place.parent)
        return place

    def temporary_folder(self, cell: CellKey) -> Path:
        """Make an empty folder on the disk of the cell's folder."""
        folder = self.cell_folder(cell)
        make_folder(self.root, folder)
        with writing(folder):
            return Path(tempfile.mkdtemp(dir=folder, prefix=MAKING))

    def commit_cell(self, cell: CellKey, record: CellRecord, log: Iterable[Mapping[str, Any]]) -> None:
        """Write a finished training, its log first. Raises StoreError if it is there or can't be written."""
        folder = self.cell_folder(cell)
        self.replace(folder / "train_log.jsonl", to_lines(log))
        write_once(self.root, folder / "cell.json", _sealed(record))

    def renew_saved(self, cell: CellKey, record: CellRecord, saved: Mapping[str, SavedFile]) -> None:
        """Write the record of a finished training again, with what is saved of it now. Raises StoreError."""
        record = dataclasses.replace(record, saved=saved)
        self.replace(self.cell_folder(cell) / "cell.json", _sealed(record))

    def commit_evaluation(
        self,
        cell: CellKey,
        evaluation: EvaluationKey,
        record: EvaluationRecord,
        samples: Iterable[Mapping[str, Any]],
    ) -> None:
        """Write a finished evaluation, its samples first. Raises StoreError as `commit_cell` does."""
        folder, content = self.cell_folder(cell), to_lines(samples)
        record = dataclasses.replace(record, samples_sha256=hashlib.sha256(content).hexdigest())
        self.replace(folder / "samples" / f"{evaluation.name}.jsonl", content)
        write_once(self.root, folder / "scores" / f"{evaluation.name}.json", _sealed(record))

    def set_aside_evaluations(self, cell: CellKey) -> None:
        """Move all evaluations of a cell, with their samples, out of the way. Raises StoreError."""
        move_aside(self.root, (self.cell_folder(cell) / name for name in ("scores", "samples")))

    def add_attempt(self, cell: CellKey, attempt: Attempt, log: str) -> Path:
        """Write a failure and its log into the next numbered folder. Raises StoreError if it can't be written."""
        folder = make_numbered(self.root, self.cell_folder(cell) / "attempts")
        self.replace(folder / "log", log.encode(errors="backslashreplace"))
        write_once(self.root, folder / "error.json", _sealed(attempt))
        return folder

    def drop_weights(self, cell: CellKey) -> None:
        """Delete a cell's weights and half-made folders."""
        discard(self.weights_folder(cell))
        (self.cell_folder(cell) / PASSING).unlink(missing_ok=True)
        self.drop_unfinished(cell)

    def drop_unfinished(self, cell: CellKey) -> None:
        """Delete folders that an interrupted attempt left half made."""
        if self.cell_folder(cell).is_symlink():
            return
        for folder in self.cell_folder(cell).glob(f"{MAKING}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def replace(self, path: Path, content: bytes) -> None:
        """Write a file that may change, whole or not at all."""
        replace_file(self.root, path, content)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other runs out of this folder. Raises StoreError that names who is in.

        The system frees the lock of a killed process; the name that it leaves behind keeps nobody out.
        """
        try:
            check_root(self.root)
            self.root.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.root / LOCK)
            owner = self.root / ".lock.owner"
            lock.acquire(timeout=0)
        except Timeout:
            who = _who(self.root, owner)
            raise StoreError(f"{self.root} is in use by {who}; wait for it, or choose another -o") from None
        except OSError as error:
            raise StoreError(f"can't write into {self.root}: {error.strerror}") from error
        try:
            replace_file(self.root, owner, f"process {os.getpid()} on {socket.gethostname()}".encode())
            remove_leftovers(self.root)
            yield
        finally:
            with suppress(OSError):
                owner.unlink(missing_ok=True)
            lock.release()
            with suppress(OSError):
                if [path.name for path in self.root.iterdir()] == [LOCK]:  # a run that could not begin
                    (self.root / LOCK).unlink(missing_ok=True)
                    self.root.rmdir()


def _who(root: Path, owner: Path) -> str:
    """Return who holds a lock, as that process wrote it just after it got it."""
    try:
        return (read_file(root, owner, RECORD_BYTES) or b"").decode() or "another process"
    except (StoreError, ValueError):
        return "another process"


def _folders_by_id(cells: Path) -> dict[str, Path]:
    """Return the id of a cell -> its folder."""
    found = cells.iterdir() if cells.is_dir() else ()
    return {folder.name.rpartition("-")[2]: folder for folder in found}


def find_record(folder: Path, score_id: str, ending: str) -> Path | None:
    """Return the file of an evaluation by the name that it has unpacked, None where there is none."""
    with suppress(OSError):
        names = sorted(path.name for path in folder.iterdir())
        for packed in ("", PACKED):
            if found := next((name for name in names if name.endswith(f"-{score_id}{ending}{packed}")), None):
                return folder / found.removesuffix(packed)
    return None


def list_records(folder: Path) -> list[Path]:
    """Return the records of evaluations in a folder, packed ones by the names that they have unpacked."""
    paths = (path.with_name(path.name.removesuffix(PACKED)) for path in folder.glob("*.json*"))
    return sorted({path for path in paths if path.suffix == ".json" and not path.name.startswith(".")})


def read_record(root: Path, path: Path, kind: type[R], **ids: str) -> R | None:
    """Return a record, or None where there is none; `ids` are those of the place where it lies.

    Raises StoreError for one that can't be read, was changed, or belongs elsewhere.
    """
    found = read_with_json(root, path, kind, **ids)
    return None if found is None else found[0]


def read_with_json(root: Path, path: Path, kind: type[R], **ids: str) -> tuple[R, dict[str, Any]] | None:
    """Return a record as `read_record` does, and the JSON object that it was made of."""
    content = read_file(root, path, RECORD_BYTES)
    if content is None:
        return None
    try:
        raw = json.loads(content, parse_int=_bounded)
        if not isinstance(raw, dict):
            raise ValueError(f"not an object, but {type(raw).__name__}")
        schema = raw.get("schema", 0)
        if isinstance(schema, int) and schema > SCHEMA:
            raise StoreError(f"{path} was written by a newer medcot-bench; update to read it")
        if kind not in _READERS:
            _READERS[kind] = TypeAdapter(kind)
        record: R = _READERS[kind].validate_python(raw)
        found = find_change(raw) or find_other_owner(raw, ids)
    except (ValueError, TypeError, RecursionError) as error:  # pydantic's is a ValueError
        raise DamagedError(root, path, f"can't be read ({str(error).split(chr(10))[0]})") from error
    if found:
        raise DamagedError(root, path, found)
    return record, raw


def read_samples(root: Path, folder: Path, score_id: str, record: EvaluationRecord) -> list[dict[str, Any]]:
    """Return the samples of an evaluation. Raises StoreError where they, or its results, don't fit each other."""
    path = find_record(folder, score_id, ".jsonl") or folder / f"{score_id}.jsonl"
    content = read_file(root, path)
    if content is None:
        raise DamagedError(root, path, "is not there, though its evaluation is")
    if hashlib.sha256(content).hexdigest() != record.samples_sha256:
        raise DamagedError(root, path, "changed since it was written")
    samples = [json.loads(line) for line in content.decode().split("\n") if line]
    if found := find_other_results(record, samples):
        raise DamagedError(root, folder.parent / "scores" / path.with_suffix(".json").name, found)
    return samples


def _bounded(text: str) -> int:
    number = int(text)
    if abs(number) >= 1 << 63:
        raise ValueError("a number has too many digits")
    return number


def _sealed(record: CellRecord | EvaluationRecord | Attempt) -> bytes:
    return to_json(add_digest(dataclasses.asdict(record)))
