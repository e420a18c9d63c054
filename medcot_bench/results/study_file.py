"""study.yaml: the study as a result folder keeps it, under a comment that holds its digest."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from medcot_bench.results.files import RECORD_BYTES, DamagedError, read_file
from medcot_bench.security.regular_files import read_regular

FILE = "study.yaml"
_FIRST_LINE = re.compile(rb"# Written by medcot-bench run\. sha256 of what follows: (.*)\n?")


def written(study: str) -> bytes:
    """Return the file's content."""
    content = study.encode()
    digest = hashlib.sha256(content).hexdigest()
    return f"# Written by medcot-bench run. sha256 of what follows: {digest}\n".encode() + content


def check(folder: Path) -> None:
    """Raise StoreError for a study that was changed since a run wrote it."""
    path = folder / FILE
    content = read_file(folder, path, RECORD_BYTES)
    if content is not None and (not content or _is_changed(content)):
        raise DamagedError(folder, path, "changed since it was written")


def check_typed(path: Path) -> None:
    """Raise StoreError for a study file, wherever it lies, whose first line does not fit the rest of it."""
    try:
        content = read_regular(path, RECORD_BYTES)
    except (OSError, ValueError):
        return  # who reads it says why
    if _is_changed(content):
        remedy = "delete its first line to run it as it is, or give the study that was run"
        raise DamagedError(path.parent, path, "changed since a run wrote it", remedy)


def _is_changed(content: bytes) -> bool:
    first = _FIRST_LINE.match(content)
    return first is not None and hashlib.sha256(content[first.end() :]).hexdigest().encode() != first[1]
