"""Set aside what is damaged or belongs to nothing any more: moved, never deleted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from medcot_bench.results.files import make_folder, refuse_links, writing

QUARANTINE = "quarantine"
"""The folder, inside the result folder, that it is moved to."""
WEIGHTS = "adapter"


def move_aside(root: Path, paths: Iterable[Path]) -> None:
    """Move files and folders that are there into `QUARANTINE`, under names of their own. Raises StoreError."""
    for path in paths:
        if not path.exists() and not path.is_symlink():
            continue  # it went with its folder
        place = root / QUARANTINE / path.relative_to(root)
        number = 1
        while place.exists() or place.is_symlink():
            number += 1
            place = place.with_name(f"{path.name}.{number}")
        make_folder(root, place.parent)
        refuse_links(root, path.parent)
        with writing(place):
            path.rename(place)
            if path.name == WEIGHTS and path.parent.parent.name == "cells":
                path.mkdir()  # to be filled again: without a folder, weights were not kept
