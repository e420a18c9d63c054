"""The names of lm-eval's own tasks, groups and tags, read from its files as text: parsing them takes seconds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePath

_NAMING = re.compile(rb"""^["']?(?:task|group|tag)["']?[ ]*:[ ]*(.*(?:\n[ ]*-[ ].*)*)""", re.MULTILINE)
"""A key that gives a name or a list of names."""
_NAME = re.compile(rb"""[^\s,\[\]"'#-][^\s,\[\]"'#]*""")


@cache
def find_package() -> Path:
    """Return the folder of the installed lm-eval, which is not imported."""
    found = find_spec("lm_eval")
    folders = found.submodule_search_locations if found else None
    return Path(next(iter(folders or ["."])))


@cache
def read_names() -> frozenset[str]:
    """Return the names, with some other words of its files among them."""
    return frozenset(
        name.decode(errors="replace")
        for path in _task_files(str(find_package() / "tasks"))
        for naming in _NAMING.finditer(Path(path).read_bytes())
        for name in _NAME.findall(naming[1])
    )


def _task_files(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _task_files(entry.path) if entry.name != "__pycache__" else ()
            elif PurePath(entry.name).suffix in ("", ".yaml"):  # parts that tasks share have none
                yield entry.path
