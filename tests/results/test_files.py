"""Files written whole or not at all, on file systems that lack something, and never through a link."""

from __future__ import annotations

import bz2
import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from medcot_bench.errors import StoreError
from medcot_bench.results import files
from medcot_bench.results.files import (
    DamagedError,
    make_numbered,
    read_file,
    remove_leftovers,
    replace_file,
    write_once,
)

LACKING = [errno.EPERM, errno.ENOTSUP, errno.ENOSYS]
Failing = Callable[..., None]


def failing(code: int) -> Failing:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


def left_in(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize("code", [*LACKING, errno.EXDEV, errno.EMLINK])
def test_a_file_system_without_hard_links_keeps_records_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(os, "link", failing(code))
    write_once(tmp_path, tmp_path / "a" / "record", b"first")
    with pytest.raises(StoreError, match="was written by another run in the meantime"):
        write_once(tmp_path, tmp_path / "a" / "record", b"second")
    assert (tmp_path / "a" / "record").read_bytes() == b"first"
    assert left_in(tmp_path) == ["a/record"]


@pytest.mark.parametrize(
    ("lacking", "code"), [*(("fsync", code) for code in (*LACKING, errno.EINVAL)), ("chmod", errno.EPERM)]
)
def test_a_file_system_without_fsync_or_modes_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str, code: int
) -> None:
    monkeypatch.setattr(os, lacking, failing(code))
    write_once(tmp_path, tmp_path / "once", b"1")
    replace_file(tmp_path, tmp_path / "often", b"2")
    assert left_in(tmp_path) == ["often", "once"]


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize(
    ("write", "call"),
    [
        *((write, call) for write in (write_once, replace_file) for call in ("fsync", "mkdir", "open")),
        (write_once, "link"),
        (replace_file, "replace"),
    ],
)
def test_a_disk_that_fails_is_one_line_and_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    write: Callable[[Path, Path, bytes], None],
    call: str,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(code))
        with pytest.raises(StoreError, match=os.strerror(code)) as caught:
            write(tmp_path, tmp_path / "new" / "record", b"1")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3
    assert left_in(tmp_path) == []


def test_a_read_only_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "mkdir", failing(errno.EACCES))
    with pytest.raises(StoreError, match=r"can't write .*attempts: Permission denied"):
        make_numbered(tmp_path, tmp_path / "attempts")


@pytest.mark.parametrize("link", ["cells", "cells/one", "cells/one/scores", "cells/one/scores/a.json"])
def test_nothing_is_read_or_written_through_a_link(tmp_path: Path, link: str) -> None:
    root, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    (elsewhere / "one" / "scores").mkdir(parents=True)
    (elsewhere / "scores").mkdir()
    for place in (elsewhere, elsewhere / "scores", elsewhere / "one" / "scores"):
        (place / "a.json").write_text("of somebody else")
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(elsewhere / "a.json" if link.endswith("json") else elsewhere)
    before = left_in(elsewhere)
    path = root / "cells/one/scores/a.json"
    with pytest.raises(DamagedError, match=f"{link}: is a symbolic link, which is never followed"):
        read_file(root, path)
    write: Callable[[Path, Path, bytes], None]
    for write in (write_once, replace_file):
        if link.endswith("json") and write is replace_file:
            write(root, path, b"new")  # the link itself gives way
            assert not path.is_symlink()
        else:
            with pytest.raises(StoreError):
                write(root, path, b"new")
    assert left_in(elsewhere) == before
    assert (elsewhere / "a.json").read_text() == "of somebody else"


def test_a_packed_file_has_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "record.bz2").write_bytes(bz2.compress(b"0" * 1000) + bz2.compress(b"1" * 1000))
    assert read_file(tmp_path, tmp_path / "record") == b"0" * 1000 + b"1" * 1000
    monkeypatch.setattr(files, "PACKED_BYTES", 1500)
    with pytest.raises(DamagedError, match="unpacked it has more than 0 MB"):
        read_file(tmp_path, tmp_path / "record")


def test_the_folder_itself_may_be_reached_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "large disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "large disk")
    write_once(tmp_path / "out", tmp_path / "out" / "record", b"1")
    assert read_file(tmp_path / "out", tmp_path / "out" / "record") == b"1"


def test_leftovers_of_killed_processes_go(tmp_path: Path) -> None:
    cell = tmp_path / "cells" / "one"
    (cell / ".making-x" / "deep").mkdir(parents=True)
    (cell / "attempts" / "1").mkdir(parents=True)
    (cell / "attempts" / "2").mkdir()
    for path in (cell / "scores" / ".writing-a", cell / "attempts" / "2" / "log", cell / "cell.json"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("text")
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    alive = f".writing-{os.getpid()}-x"
    for name in (alive, f".writing-{dead.stdout.strip()}-x"):
        (tmp_path / name).write_text("of an export")
    remove_leftovers(tmp_path)
    assert left_in(tmp_path) == [alive, "cells/one/attempts/2/log", "cells/one/cell.json"]
    assert not (cell / "attempts" / "1").exists()
    remove_leftovers(tmp_path / "nothing there")
