"""Files of a result folder: written whole or not at all, kept on the disk, and never reached through a link."""

from __future__ import annotations

import bz2
import errno
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psutil

from medcot_bench.errors import StoreError
from medcot_bench.security.regular_files import read_regular

PACKED = ".bz2"
"""What published records and samples have after their names (benchmarks/publish.py)."""
PACKED_BYTES = 200_000_000
"""Most bytes that a packed file may hold."""
LOCK = ".lock"
"""The file by which a run keeps others out of its result folder."""
RECORD_BYTES = 20_000_000
"""Most bytes of a record; that of a model with 50,000 modules has some 5 MB."""
WRITING, MAKING = ".writing-", ".making-"
"""How the names of half-written files and half-made folders begin."""
_CAN_NOT = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM}
"""How a file system says that it does not have an operation, as opposed to that it failed."""
_NO_LINKS = {*_CAN_NOT, errno.EXDEV, errno.EMLINK}


class DamagedError(StoreError):
    """A file of a result folder is not what was written there."""

    def __init__(self, root: Path, path: Path, reason: str, remedy: str = ""):
        self.path, self.reason = path, reason
        repair = f"`medcot-bench verify {root} --repair` sets it aside, and the next run makes it again"
        super().__init__(f"{path}: {reason}; {remedy or repair}")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the path where the system can't write it. Raises StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"can't write {path}: {error.strerror or error}") from error


def refuse_links(root: Path, path: Path) -> None:
    """Raise StoreError where `path`, or a folder between it and `root`, is a symbolic link.

    Somebody else's result folder must not lead to files outside it. `root` itself may be reached through one.
    """
    place = root
    for part in path.relative_to(root).parts:
        place = place / part
        if place.is_symlink():
            raise DamagedError(root, place, "is a symbolic link, which is never followed")


def check_root(root: Path) -> None:
    """Raise StoreError where no run can begin in a result folder, although it may be there or can be made."""
    lock = root / LOCK
    with writing(root):
        if root.is_symlink() and not root.exists():
            raise StoreError(f"{root} is a link to what is not there; remove it, or choose another -o")
        if lock.is_symlink() or (lock.exists() and not lock.is_file()):
            raise StoreError(f"{lock} is no regular file, as locks are; remove it, or choose another -o")


def read_file(root: Path, path: Path, most: int | None = None) -> bytes | None:
    """Return what a file of at most `most` bytes holds, or its packed form; None where there is neither.

    Raises StoreError, also for what is no regular file.
    """
    packed = path.with_name(path.name + PACKED)
    try:
        for place in (path, packed):
            refuse_links(root, place)
        if path.exists() or not packed.exists():
            return read_regular(path, most)
        most = most or PACKED_BYTES
        return _unpack(read_regular(packed, most), most)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise StoreError(f"can't read {path}: {error.strerror}") from error
    except (OSError, EOFError, ValueError) as error:
        raise DamagedError(root, path, f"can't be read ({getattr(error, 'strerror', None) or error})") from error


def _unpack(content: bytes, most: int) -> bytes:
    with bz2.open(io.BytesIO(content)) as file:
        unpacked = file.read(most + 1)
    if len(unpacked) > most:
        raise ValueError(f"unpacked it has more than {most / 1e6:.0f} MB")
    return unpacked


def make_folder(root: Path, path: Path) -> None:
    """Make a folder and those above it. Raises StoreError."""
    refuse_links(root, path)
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def replace_file(root: Path, path: Path, content: bytes) -> None:
    """Write a file that may change, whole or not at all; a link of its name gives way. Raises StoreError."""
    make_folder(root, path.parent)
    with writing(path):
        temporary = _temporary(path, content)
        try:
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync(path.parent)


def write_once(root: Path, path: Path, content: bytes) -> None:
    """Write a file that never changes. Raises StoreError where it is there, or can't be written."""
    make_folder(root, path.parent)
    with writing(path):
        temporary = _temporary(path, content)
        try:
            _link(temporary, path)
        except FileExistsError:
            raise StoreError(f"{path} was written by another run in the meantime") from None
        finally:
            temporary.unlink(missing_ok=True)
        sync(path.parent)


def make_numbered(root: Path, parent: Path) -> Path:
    """Make the folder with the next number, or one after it where another was faster. Raises StoreError."""
    make_folder(root, parent)
    with writing(parent):
        last = max((int(path.name) for path in parent.iterdir() if is_number(path.name)), default=0)
        for number in count(last + 1):
            with suppress(FileExistsError):
                (parent / str(number)).mkdir()
                return parent / str(number)
    raise AssertionError("the numbers have no end")


def is_number(name: str) -> bool:
    """Whether a name is a number as these folders have them: `1 (copy)` and other scripts' digits are not."""
    return name.isascii() and name.isdecimal()


def discard(folder: Path) -> None:
    """Delete a folder if it is there, renamed first: a half-deleted one must not look whole."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder.rename(folder.with_name(f"{MAKING}{os.getpid()}-dropped")), ignore_errors=True)


def remove_leftovers(root: Path) -> None:
    """Delete what killed processes left half written, for the one who holds the folder's lock.

    Exports are written without the lock: a file beside the cells is left alone while who writes it is alive.
    """
    left = [path for path in root.glob(f"{WRITING}*") if not _is_written(path)]
    for folder in _real_folders(root / "cells"):
        for place in (folder, *_real_folders(folder)):
            left += [*place.glob(f"{WRITING}*"), *place.glob(f"{MAKING}*")]
        for attempt in _real_folders(folder / "attempts"):
            left += attempt.glob(f"{WRITING}*")
    for path in left:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
    for folder in _real_folders(root / "cells"):
        for attempt in _real_folders(folder / "attempts"):
            with suppress(OSError):  # it holds something
                attempt.rmdir()


def _real_folders(parent: Path) -> list[Path]:
    """Return the folders in a folder, without what is reached through a link."""
    if parent.is_symlink() or not parent.is_dir():
        return []
    return [path for path in parent.iterdir() if path.is_dir() and not path.is_symlink()]


def sync(path: Path) -> None:
    """Have the system write a file or a folder's entries to the disk, where the file system can."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CAN_NOT:
            raise
    finally:
        os.close(handle)


def to_json(value: Any) -> bytes:
    """Return strict JSON with a line for every key. Raises ValueError for NaN and infinities."""
    return _encoded(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def to_lines(values: Iterable[Mapping[str, Any]]) -> bytes:
    """Return strict JSON, a line for every value. Raises ValueError for NaN and infinities."""
    return _encoded("".join(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n" for value in values))


def _encoded(text: str) -> bytes:
    # Half of a surrogate pair, which UTF-8 has no bytes for, is written as the escape that JSON has for it.
    return text.encode(errors="backslashreplace")


def _link(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # exFAT, many network and FUSE file systems. Who holds the folder's lock is alone in it.
        if path.exists():
            raise FileExistsError from None
        temporary.replace(path)


def _temporary(path: Path, content: bytes) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{WRITING}{os.getpid()}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        sync(Path(name))
        with suppress(PermissionError):  # a file system that has one mode for all
            Path(name).chmod(0o644)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _is_written(path: Path) -> bool:
    """Whether the process that a half-written file is named after is there."""
    number = path.name.removeprefix(WRITING).partition("-")[0]
    return is_number(number) and len(number) < 12 and psutil.pid_exists(int(number))
