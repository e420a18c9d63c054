"""The store: records whole or not at all, attempts with numbers of their own, one run at a time."""

from __future__ import annotations

import bz2
import dataclasses
import errno
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from filelock import FileLock

from medcot_bench.errors import StoreError
from medcot_bench.results import study_file
from medcot_bench.results.cells import CellKey, EvaluationKey
from medcot_bench.results.files import RECORD_BYTES, write_once
from medcot_bench.results.records import Attempt
from medcot_bench.results.store import Store

CELL = CellKey(id="3f9a1c2e04bd", task="k8s_qa", adapter="lora", seed=0)
ATTEMPT = Attempt(cell_id=CELL.id, status="failed", error="x", started="2026-01-01T00:00:00+00:00")
WRITER = """
import sys
from pathlib import Path
from medcot_bench.results import study_file
from medcot_bench.results.cells import CellKey, EvaluationKey
from medcot_bench.results.records import Attempt
from medcot_bench.results.store import Store

cell = CellKey(id="3f9a1c2e04bd", task="k8s_qa", adapter="lora", seed=0)
attempt = Attempt(cell_id=cell.id, status="failed", error=sys.argv[2], started="2026-01-01T00:00:00+00:00")
print("ready", flush=True)
sys.stdin.readline()
for _ in range(20):
    Store(Path(sys.argv[1])).add_attempt(cell, attempt, "log")
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "out")


def test_a_full_disk_is_an_error_and_leaves_no_half_record(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add_attempt(CELL, ATTEMPT, "log")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device") as caught:
        store.add_attempt(CELL, ATTEMPT, "log")
    assert caught.value.exit_code == 3
    assert not list(store.root.rglob(".writing-*"))
    assert [found.status for found in store.attempts(CELL)] == ["failed"]


def test_a_damaged_record_is_named_with_what_to_do(store: Store) -> None:
    folder = store.add_attempt(CELL, ATTEMPT, "log")
    whole = (folder / "error.json").read_bytes()
    (folder / "error.json").write_bytes(whole[:-20])
    with pytest.raises(
        StoreError, match=r"error\.json: can't be read .*; `medcot-bench verify .*out --repair` sets it aside"
    ):
        store.attempts(CELL)
    (folder / "error.json").write_bytes(whole.replace(b'"schema": 1', b'"schema": 99'))
    with pytest.raises(StoreError, match="written by a newer medcot-bench"):
        store.attempts(CELL)


def test_records_are_written_once(tmp_path: Path) -> None:
    write_once(tmp_path, tmp_path / "record.json", b"first")
    with pytest.raises(StoreError, match="was written by another run in the meantime"):
        write_once(tmp_path, tmp_path / "record.json", b"second")
    assert (tmp_path / "record.json").read_bytes() == b"first"


def test_weights_that_a_killed_run_left_without_a_record_give_way(store: Store) -> None:
    for content in ("left behind", "new"):
        made = store.temporary_folder(CELL)
        (made / "weights").write_text(content)
        place = store.commit_weights(CELL, made)
        assert (place / "weights").read_text() == content
    assert [path.name for path in place.parent.iterdir()] == ["adapter"]
    store.drop_weights(CELL)
    assert list(place.parent.iterdir()) == []


def test_weights_that_are_not_to_be_kept_are_marked_until_they_are_deleted(store: Store) -> None:
    for kept in (True, False):
        made = store.temporary_folder(CELL)
        (made / "weights").write_text("x")
        place = store.commit_weights(CELL, made, kept=kept)
        assert store.has_passing_weights(CELL) is not kept
    store.drop_weights(CELL)
    assert not store.has_passing_weights(CELL)
    assert list(place.parent.iterdir()) == []


def test_not_a_number_is_never_written(store: Store) -> None:
    bad = dataclasses.replace(ATTEMPT, error=float("nan"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Out of range float"):
        store.add_attempt(CELL, bad, "log")


# --- several writers ---


def test_two_attempts_at_once_get_a_number_each(store: Store) -> None:
    writers, rounds = 4, 10
    together = Barrier(writers, timeout=60)

    def add(writer: int) -> set[str]:
        found = set()
        try:
            for _ in range(rounds):
                together.wait()
                found.add(store.add_attempt(CELL, dataclasses.replace(ATTEMPT, error=f"{writer}"), "log").name)
        except StoreError:
            together.abort()
            raise
        return found

    with ThreadPoolExecutor(writers) as pool:
        named = [*pool.map(add, range(writers))]
    assert sorted(int(name) for names in named for name in names) == [*range(1, writers * rounds + 1)]
    errors = [attempt.error for attempt in store.attempts(CELL)]
    assert sorted(errors) == sorted(str(writer) for writer in range(writers) for _ in range(rounds))


def test_two_processes_get_numbers_of_their_own_too(store: Store) -> None:
    def start(name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WRITER, str(store.root), name]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    with start("a") as one, start("b") as other:
        for process in (one, other):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in (one, other):
            process.communicate("go\n", timeout=60)
    assert (one.returncode, other.returncode) == (0, 0)
    assert sorted(attempt.error for attempt in store.attempts(CELL)) == ["a"] * 20 + ["b"] * 20


def test_where_attempts_can_not_be_written_is_said(store: Store) -> None:
    folder = store.cell_folder(CELL)
    folder.mkdir(parents=True)
    (folder / "attempts").write_text("a file")
    with pytest.raises(StoreError, match=r"can't write .*attempts: File exists"):
        store.add_attempt(CELL, ATTEMPT, "log")


# --- the lock ---


def test_a_second_run_is_told_who_is_in(store: Store) -> None:
    with (
        store.lock(),
        pytest.raises(StoreError, match=f"out is in use by process {os.getpid()} on .*; wait for it"),
        Store(store.root).lock(),
    ):
        pass
    with store.lock():
        pass


def test_a_name_that_a_dead_process_left_behind_keeps_nobody_out(store: Store) -> None:
    store.root.mkdir()
    owner = store.root / ".lock.owner"
    owner.write_text("process 4194304 on another-host")
    with store.lock():
        assert owner.read_text().startswith(f"process {os.getpid()} on ")
    assert not owner.exists()


@pytest.mark.parametrize("name", [None, ""])
def test_a_lock_without_a_name_is_kept_too(store: Store, name: str | None) -> None:
    store.root.mkdir()
    if name is not None:
        (store.root / ".lock.owner").write_text(name)
    with (
        FileLock(store.root / ".lock"),
        pytest.raises(StoreError, match="is in use by another process; wait for it"),
        store.lock(),
    ):
        pass


@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "pipe"])
def test_a_lock_that_is_no_regular_file_is_named(store: Store, tmp_path: Path, kind: str) -> None:
    store.root.mkdir()
    lock = store.root / ".lock"
    if kind.endswith("link"):
        lock.symlink_to(tmp_path / "elsewhere")
        if kind == "link":
            (tmp_path / "elsewhere").touch()
    elif kind == "folder":
        lock.mkdir()
    else:
        os.mkfifo(lock)
    with pytest.raises(StoreError, match=f"^{lock} is no regular file, as locks are; remove it"), store.lock():
        pass


def test_an_output_folder_that_is_a_link_to_nothing_is_named(store: Store, tmp_path: Path) -> None:
    store.root.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match=f"^{store.root} is a link to what is not there; remove it"), store.lock():
        pass
    (tmp_path / "elsewhere").mkdir()
    with store.lock():
        assert (tmp_path / "elsewhere" / ".lock").is_file()


def test_a_run_that_could_not_begin_leaves_no_folder(store: Store) -> None:
    with store.lock():
        assert store.root.is_dir()
    assert not store.root.exists()


def test_a_packed_record_is_not_unpacked_beyond_what_a_record_may_have(tmp_path: Path) -> None:
    content = bz2.compress(b" " * (RECORD_BYTES + 1))
    evaluation = EvaluationKey(id="e" * 12, cell=CELL.id, task="k8s_qa")
    store, folder = Store(tmp_path), tmp_path / "cells" / CELL.name
    reads: dict[Path, Callable[[], object]] = {
        folder / "cell.json": lambda: store.cell(CELL),
        folder / "scores" / f"{evaluation.name}.json": lambda: store.evaluation(CELL, evaluation),
        folder / "attempts" / "1" / "error.json": lambda: store.attempts(CELL),
        tmp_path / "study.yaml": lambda: study_file.check(tmp_path),
    }
    tracemalloc.start()
    for path, read in reads.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f"{path.name}.bz2").write_bytes(content)
        said = rf"^{path}: can't be read \(unpacked it has more than 20 MB\)"
        with pytest.raises(StoreError, match=said) as caught:
            read()
        assert caught.value.exit_code == 3
        assert "\n" not in str(caught.value)
    assert tracemalloc.get_traced_memory()[1] < 4 * RECORD_BYTES
    tracemalloc.stop()
