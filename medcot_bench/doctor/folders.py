"""Can results be written to the output folder, and models to the caches? What does its file system lack?"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock

from medcot_bench.base_model.resolve import find_cache_folder
from medcot_bench.doctor.finding import Finding
from medcot_bench.errors import ConfigError, StoreError
from medcot_bench.results.files import LOCK, check_root
from medcot_bench.results.store import Store
from medcot_bench.study.paths import read_path

LITTLE = 2_000_000_000
"""Free bytes below which the weights of a small model may not fit."""


def check_folders(output: Path) -> Iterator[Finding]:
    """Yield what there is to know of the output folder, of the cache of converted models, and of the hub's."""
    yield from _check_output(output.absolute())
    try:
        yield from _check("cache", find_cache_folder())
        home = os.environ.get("HF_HOME", "~/.cache/huggingface")
        yield from _check("hub's cache", read_path(home, "HF_HOME=").absolute())
    except ConfigError as error:
        yield Finding("fails", "cache", str(error))


def _check_output(output: Path) -> Iterator[Finding]:
    try:
        check_root(output)
    except StoreError as error:
        yield Finding("fails", "output", str(error))
        return
    yield from _check("output", output)
    if (output / LOCK).exists():
        yield _check_lock(output)


def _check(subject: str, folder: Path) -> Iterator[Finding]:
    """Try on the disk of a folder, in one that is deleted again, what a run does there."""
    place = next((one for one in (folder, *folder.parents) if one.exists()), folder)
    try:
        with tempfile.TemporaryDirectory(dir=place, prefix=".doctor-") as made:
            lacking = [name for name, attempt in _ATTEMPTS.items() if not _works(attempt, Path(made))]
    except OSError as error:
        yield Finding("fails", subject, f"{folder}: can't be written: {error.strerror or error}")
        return
    free = shutil.disk_usage(place).free
    text = f"{folder}, {free / 1e9:.1f} GB free"
    yield Finding("note" if free < LITTLE else "ok", subject, text + (": little" if free < LITTLE else ""))
    if "locks" in lacking:
        yield Finding("fails", subject, f"{folder}: its file system has no locks; choose another folder")
    elif lacking:
        yield Finding("note", subject, f"its file system has no {' and no '.join(lacking)}, and works without")


def _check_lock(output: Path) -> Finding:
    try:
        with Store(output).lock():
            return Finding("ok", "output", "no other run is in it")
    except StoreError as error:
        return Finding("fails", "output", str(error))


def _works(attempt: Callable[[Path], None], folder: Path) -> bool:
    try:
        attempt(folder)
    except (OSError, NotImplementedError):
        return False
    return True


def _link(folder: Path) -> None:
    (folder / "file").write_text("text")
    os.link(folder / "file", folder / "link")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _mode(folder: Path) -> None:
    (folder / "mode").write_text("text")
    (folder / "mode").chmod(0o644)


def _lock(folder: Path) -> None:
    with FileLock(folder / "lock", timeout=5):
        pass


_ATTEMPTS = {"hard links": _link, "fsync of folders": _sync, "file modes": _mode, "locks": _lock}
