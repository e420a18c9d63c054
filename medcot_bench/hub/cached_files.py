"""What lies in the hub's cache is what was downloaded: content is compared with the digest that it is named by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path

from medcot_bench.errors import ModelError

_SHA256, _SHA1 = 64, 40
"""Hex digits of the name of a large file, and of a small one, which git names."""


def check_cached_files(what: str, folder: Path, patterns: Sequence[str]) -> None:
    """Raise ModelError for the first file of a snapshot that changed since it was downloaded.

    Only files that match the patterns count. A snapshot's files are links to `blobs/DIGEST`; what is no such link,
    as on file systems without links, has nothing to be compared with.
    """
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not any(fnmatch(name, pattern) for pattern in patterns) or not path.is_symlink():
            continue
        blob = path.resolve()
        if blob.parent.name != "blobs" or not blob.is_file():
            continue
        try:
            found = blob.stat()
            same = _digest(blob, found.st_size, found.st_mtime_ns) in (blob.name, None)
        except OSError as error:
            raise ModelError(f"{what}: can't read {blob}: {error.strerror}") from None
        if not same:
            raise ModelError(
                f"{what}: {name} in the hub's cache changed since it was downloaded; "
                f"delete {blob}, and the next run downloads it again"
            )


@lru_cache(maxsize=10_000)
def _digest(blob: Path, size: int, mtime_ns: int) -> str | None:
    """Return the digest of a file by the kind that its name is of; an unchanged file is read once a process.

    None for names that are no digest.
    """
    if not set(blob.name) <= set("0123456789abcdef") or len(blob.name) not in (_SHA256, _SHA1):
        return None
    with blob.open("rb") as file:
        if len(blob.name) == _SHA256:
            return hashlib.file_digest(file, "sha256").hexdigest()
        found = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        while chunk := file.read(1 << 24):
            found.update(chunk)
        return found.hexdigest()
