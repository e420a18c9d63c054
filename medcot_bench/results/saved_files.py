"""The files that a training run saved: described when they are written, compared before they are used."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Read = Literal["nothing", "touched", "all"]
"""Of which files the bytes are compared."""
_LOADED = {".safetensors", ".json"}
"""Suffixes of files that a library may load because they are there, asked for or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFile:
    """What a file was when it was written."""

    size: int
    """Bytes."""
    mtime_ns: int
    """When it was last written: nanoseconds since 1970, UTC."""
    sha256: str


def written_files(folder: Path) -> list[Path]:
    """Return the files that were just written into a folder. Raises ValueError for none, and for links."""
    paths = sorted(folder.rglob("*"))
    if link := next((path for path in paths if path.is_symlink()), None):
        raise ValueError(f"{link.relative_to(folder)} is a link; write the file itself")
    files = [path for path in paths if path.is_file()]
    if not any(path.stat().st_size for path in files):
        raise ValueError("it wrote nothing into the folder that it was given")
    return files


def describe(folder: Path) -> dict[str, SavedFile]:
    """Return path below `folder`, with `/` -> what the file is now; its bytes are read."""
    return {path.relative_to(folder).as_posix(): _describe(path) for path in _files(folder)}


def find_damage(
    folder: Path,
    saved: Mapping[str, SavedFile],
    *,
    read: Read = "touched",
) -> str | None:
    """Return a sentence that begins with the first file that is not as it was saved; None where all are.

    The file is named below the folder's parent, as `adapter/adapter_config.json is missing`.

    A file's size and time are compared. Its bytes are read where the time differs (`touched`: a copied folder has
    other times and is whole), always (`all`) or never (`nothing`, where only what costs no reading is wanted).
    Without `saved`, as in older records, the folder must hold safetensors files of the length that they announce.
    """
    if folder.is_symlink():
        return f"{folder.name} is a symbolic link"
    if link := next((path for path in sorted(folder.rglob("*")) if path.is_symlink()), None):
        return f"{folder.name}/{link.relative_to(folder).as_posix()} is a symbolic link"
    there = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    for name, then in saved.items():
        if found := find_difference(there.get(name), then, read):
            return f"{folder.name}/{name} {found}"
    if saved:
        new = next((name for name, path in there.items() if name not in saved and path.suffix in _LOADED), None)
        return f"{folder.name}/{new} was added since the others were written" if new else None
    if not there:
        return f"{folder.name} is empty"
    cut = (name for name, path in there.items() if path.suffix == ".safetensors" and not _is_whole(path))
    return next((f"{folder.name}/{name} is truncated" for name in cut), None)


def find_difference(path: Path | None, then: SavedFile, read: Read) -> str | None:
    """Return the end of a sentence about one file that is not as it was saved, None where it is."""
    if path is None:
        return "is missing"
    try:
        now = path.stat()
        if now.st_size != then.size:
            return f"has {now.st_size} bytes, and had {then.size} when it was written"
        reading = read == "all" or (read == "touched" and now.st_mtime_ns != then.mtime_ns)
        return "changed since it was written" if reading and _digest(path) != then.sha256 else None
    except OSError as error:
        return f"can't be read: {error.strerror}"


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _describe(path: Path) -> SavedFile:
    status = path.stat()
    return SavedFile(size=status.st_size, mtime_ns=status.st_mtime_ns, sha256=_digest(path))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_whole(path: Path) -> bool:
    """Whether a safetensors file is as long as its header says."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        return bool(path.stat().st_size == 8 + length + max(ends, default=0))
    except (OSError, struct.error, ValueError, OverflowError, MemoryError, TypeError, LookupError, AttributeError):
        return False
