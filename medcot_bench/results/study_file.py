"""study.yaml: the study as a result folder keeps it, under a comment that holds its digest."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from medcot_bench.results.files import DamagedError, read_file

FILE = "study.yaml"
_FIRST_LINE = re.compile(rb"# Written by medcot-bench run\. sha256 of what follows: (.*)\n?")


def written(study: str) -> bytes:
    """Return the file's content."""
    content = study.encode()
    digest = hashlib.sha256(content).hexdigest()
    return f"# Written by medcot-bench run. sha256 of what follows: {digest}\n".encode() + content


def check(folder: Path) -> None:
    """Raise StoreError for a study that was changed since a run wrote it.

    An edited copy of it can be run, but what the folder holds was made by the study as it was.
    """
    path = folder / FILE
    content = read_file(folder, path)
    if content is None:
        return
    first = _FIRST_LINE.match(content)
    if not content or (first and hashlib.sha256(content[first.end() :]).hexdigest().encode() != first[1]):
        raise DamagedError(folder, path, "changed since it was written")
