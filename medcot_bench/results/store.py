"""The result folder: records are written once, whole or not at all, and checked when read."""

from __future__ import annotations

import bz2
import dataclasses
import hashlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from medcot_bench.errors import StoreError
from medcot_bench.results.cells import CellKey, EvaluationKey
from medcot_bench.results.records import SCHEMA, Attempt, CellRecord, EvaluationRecord
from medcot_bench.results.saved_files import SavedFile

R = TypeVar("R", CellRecord, EvaluationRecord, Attempt)


_READERS: dict[type, TypeAdapter[Any]] = {}
"""What checks records of each kind: made once, which takes longer than to read one."""
PACKED = ".bz2"
"""What published records and samples have after their names (benchmarks/publish.py)."""


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
        return _read(self.cell_folder(cell) / "cell.json", CellRecord)

    def evaluation(self, cell: CellKey, evaluation: EvaluationKey) -> EvaluationRecord | None:
        """Return the record of a finished evaluation, or None. Raises StoreError likewise."""
        found = next((self.cell_folder(cell) / "scores").glob(f"*-{evaluation.id}.json*"), None)
        return _read(found.with_name(found.name.removesuffix(PACKED)), EvaluationRecord) if found else None

    def samples(
        self, cell: CellKey, evaluation: EvaluationKey, record: EvaluationRecord | None
    ) -> list[dict[str, Any]]:
        """Return the per-item records that belong to a record. Raises StoreError where they don't fit it."""
        path = next((self.cell_folder(cell) / "samples").glob(f"*-{evaluation.id}.jsonl*"), None)
        content = _content(path.with_name(path.name.removesuffix(PACKED))) if path else None
        if record is None or path is None or content is None:
            raise StoreError(f"{self.cell_folder(cell)}: no samples of {evaluation.name}")
        if hashlib.sha256(content).hexdigest() != record.samples_sha256:
            raise StoreError(f"{path}: changed since it was written; delete it and its score to make it again")
        return [json.loads(line) for line in content.decode().split("\n") if line]

    def attempts(self, cell: CellKey) -> list[Attempt]:
        """Return the failed attempts at a cell, oldest first."""
        folders = sorted((self.cell_folder(cell) / "attempts").glob("[0-9]*"), key=lambda folder: int(folder.name))
        found = [_read(folder / "error.json", Attempt) for folder in folders]
        return [attempt for attempt in found if attempt is not None]

    # --- writing ---

    def commit_weights(self, cell: CellKey, made: Path) -> Path:
        """Move a folder of trained weights to its place; what was there before gives way."""
        place = self.weights_folder(cell)
        place.parent.mkdir(parents=True, exist_ok=True)
        for path in (*made.rglob("*"), made):
            _sync(path)
        _discard(place)
        made.rename(place)
        _sync(place.parent)
        return place

    def temporary_folder(self, cell: CellKey) -> Path:
        """Make an empty folder on the disk of the cell's folder."""
        folder = self.cell_folder(cell)
        folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=folder, prefix=".making-"))

    def commit_cell(self, cell: CellKey, record: CellRecord, log: Iterable[Mapping[str, Any]]) -> None:
        """Write a finished training, its log first. Raises StoreError if it is there or can't be written."""
        folder = self.cell_folder(cell)
        self.replace(folder / "train_log.jsonl", _lines(log))
        self._write_once(folder / "cell.json", _json(dataclasses.asdict(record)))

    def renew_saved(self, cell: CellKey, record: CellRecord, saved: Mapping[str, SavedFile]) -> None:
        """Write the record of a finished training again, with what is saved of it now. Raises StoreError."""
        record = dataclasses.replace(record, saved=saved)
        self.replace(self.cell_folder(cell) / "cell.json", _json(dataclasses.asdict(record)))

    def commit_evaluation(
        self,
        cell: CellKey,
        evaluation: EvaluationKey,
        record: EvaluationRecord,
        samples: Iterable[Mapping[str, Any]],
    ) -> None:
        """Write a finished evaluation, its samples first. Raises StoreError as `commit_cell` does."""
        folder, content = self.cell_folder(cell), _lines(samples)
        record = dataclasses.replace(record, samples_sha256=hashlib.sha256(content).hexdigest())
        self.replace(folder / "samples" / f"{evaluation.name}.jsonl", content)
        self._write_once(folder / "scores" / f"{evaluation.name}.json", _json(dataclasses.asdict(record)))

    def add_attempt(self, cell: CellKey, attempt: Attempt, log: str) -> Path:
        """Write a failure and its log into the next numbered folder. Raises StoreError if it can't be written."""
        folder = _next_numbered(self.cell_folder(cell) / "attempts")
        self.replace(folder / "log", log.encode())
        self._write_once(folder / "error.json", _json(dataclasses.asdict(attempt)))
        return folder

    def drop_weights(self, cell: CellKey) -> None:
        """Delete a cell's weights and half-made folders."""
        _discard(self.weights_folder(cell))
        self.drop_unfinished(cell)

    def drop_unfinished(self, cell: CellKey) -> None:
        """Delete folders that an interrupted attempt left half made."""
        for folder in self.cell_folder(cell).glob(".making-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def replace(self, path: Path, content: bytes) -> None:
        """Write a file that may change, whole or not at all."""
        try:
            temporary = _temporary(path, content)
            temporary.replace(path)
        except OSError as error:
            raise StoreError(f"can't write {path}: {error.strerror}") from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other runs out of this folder. Raises StoreError that names who is in.

        The system frees the lock of a killed process; the name that it leaves behind keeps nobody out.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.root / ".lock")
            owner = self.root / ".lock.owner"
            lock.acquire(timeout=0)
        except Timeout:
            raise StoreError(
                f"{self.root} is in use by {_who(owner)}; wait for it, or choose another -o"
            ) from None
        except OSError as error:
            raise StoreError(f"can't write into {self.root}: {error.strerror}") from error
        try:
            owner.write_text(f"process {os.getpid()} on {socket.gethostname()}")
            yield
        finally:
            owner.unlink(missing_ok=True)
            lock.release()
            if [path.name for path in self.root.iterdir()] == [".lock"]:  # a run that could not begin
                (self.root / ".lock").unlink(missing_ok=True)
                self.root.rmdir()

    def _write_once(self, path: Path, content: bytes) -> None:
        try:
            temporary = _temporary(path, content)
            try:
                os.link(temporary, path)
            finally:
                temporary.unlink()
        except FileExistsError:
            raise StoreError(f"{path} was written by another run in the meantime") from None
        except OSError as error:
            raise StoreError(f"can't write {path}: {error.strerror}") from error


def _next_numbered(parent: Path) -> Path:
    """Make the folder with the next number, or one after it where another process was faster."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        last = max((int(path.name) for path in parent.iterdir() if path.name.isdigit()), default=0)
        for number in count(last + 1):
            with suppress(FileExistsError):
                (parent / str(number)).mkdir()
                break
    except OSError as error:
        raise StoreError(f"can't write into {parent}: {error.strerror}") from error
    return parent / str(number)


def _who(owner: Path) -> str:
    """Return who holds a lock, as that process wrote it just after it got it."""
    try:
        return owner.read_text() or "another process"
    except OSError:
        return "another process"


def _folders_by_id(cells: Path) -> dict[str, Path]:
    """Return the id of a cell -> its folder."""
    found = cells.iterdir() if cells.is_dir() else ()
    return {folder.name.rpartition("-")[2]: folder for folder in found}


def _discard(folder: Path) -> None:
    """Delete a folder if it is there, renamed first: a half-deleted one must not look whole."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder.rename(folder.with_name(f".making-{os.getpid()}-dropped")), ignore_errors=True)


def _sync(path: Path) -> None:
    """Have the system write a file or a folder's entries to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _temporary(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _lines(values: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n" for value in values).encode()


def _content(path: Path) -> bytes | None:
    """Return what a file holds, or its packed form; None where there is neither."""
    packed = path.with_name(path.name + PACKED)
    try:
        return path.read_bytes() if path.exists() or not packed.exists() else bz2.decompress(packed.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError) as error:
        raise StoreError(f"can't read {path}: {getattr(error, 'strerror', None) or error}") from error


def _read(path: Path, kind: type[R]) -> R | None:
    content = _content(path)
    if content is None:
        return None
    try:
        raw = json.loads(content)
        if isinstance(raw, dict) and raw.get("schema", 0) > SCHEMA:
            raise StoreError(f"{path} was written by a newer medcot-bench; update to read it")
        if kind not in _READERS:
            _READERS[kind] = TypeAdapter(kind)
        record: R = _READERS[kind].validate_python(raw)
        return record
    except (ValidationError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise StoreError(f"{path} can't be read ({reason}); delete it to have it made again") from error
