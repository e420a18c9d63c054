"""What is said of files that are not as they were saved."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from medcot_bench.results.saved_files import SavedFile, describe, find_damage, written_files

WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "adapter"
    (made / "inner").mkdir(parents=True)
    save_file({"a": torch.arange(64.0)}, made / WEIGHTS)
    (made / "config.json").write_text('{"lora_alpha": 32}')
    (made / "inner" / "tokenizer.json").write_text("{}")
    return made


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def set_back_the_time(path: Path, saved: dict[str, SavedFile]) -> None:
    os.utime(path, ns=(0, saved[path.name].mtime_ns))


def test_files_are_described_by_their_paths_and_whole_ones_are_whole(folder: Path) -> None:
    saved = describe(folder)
    assert [*saved] == ["config.json", "inner/tokenizer.json", WEIGHTS]
    assert saved["config.json"].size == 18
    assert len(saved[WEIGHTS].sha256) == 64
    for read in ("nothing", "touched", "all"):
        assert find_damage(folder, saved, read=read) is None


def test_a_changed_file_is_named(folder: Path) -> None:
    saved = describe(folder)
    flip_a_bit(folder / WEIGHTS)
    assert find_damage(folder, saved) == f"adapter/{WEIGHTS} changed since it was written"
    assert find_damage(folder, saved, read="nothing") is None  # it looks like a copy
    set_back_the_time(folder / WEIGHTS, saved)
    assert find_damage(folder, saved) is None  # as a disk that forgets would leave it
    assert find_damage(folder, saved, read="all") == f"adapter/{WEIGHTS} changed since it was written"


@pytest.mark.parametrize("name", ["config.json", "inner/tokenizer.json", WEIGHTS])
def test_a_file_of_another_size_and_a_missing_one_are_named_without_reading(folder: Path, name: str) -> None:
    saved = describe(folder)
    size = saved[name].size
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    said = f"adapter/{name} has {size - 1} bytes, and had {size} when it was written"
    assert find_damage(folder, saved, read="nothing") == said
    (folder / name).unlink()
    assert find_damage(folder, saved, read="nothing") == f"adapter/{name} is missing"
    (folder / name).mkdir()
    assert find_damage(folder, saved, read="nothing") == f"adapter/{name} is missing"


def test_a_file_that_can_t_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = describe(folder)

    def fail(path: Path) -> str:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("medcot_bench.results.saved_files._digest", fail)
    assert find_damage(folder, saved) is None
    assert find_damage(folder, saved, read="all") == "adapter/config.json can't be read: Input/output error"


def test_a_copy_with_other_times_is_whole(folder: Path, tmp_path: Path) -> None:
    saved = describe(folder)
    copy = shutil.copytree(folder, tmp_path / "copy", copy_function=shutil.copyfile)
    assert find_damage(copy, saved) is None


def test_what_a_library_would_load_beside_it_counts_and_notes_do_not(folder: Path) -> None:
    saved = describe(folder)
    (folder / "README.md").write_text("Ours.")
    assert find_damage(folder, saved) is None
    (folder / "model.safetensors.index.json").write_text("{}")
    assert find_damage(folder, saved) == (
        "adapter/model.safetensors.index.json was added since the others were written"
    )


@pytest.mark.parametrize("length", [0, 7, 20, -1])
def test_without_a_record_of_them_files_must_be_as_long_as_they_say(folder: Path, length: int) -> None:
    assert find_damage(folder, {}) is None
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:length])
    assert find_damage(folder, {}) == f"adapter/{WEIGHTS} is truncated"
    shutil.rmtree(folder)
    folder.mkdir()
    assert find_damage(folder, {}) == "adapter is empty"


@pytest.mark.parametrize(
    "header", [b"[]", b'{"a": 1}', b'{"a": {}}', b'{"a": {"data_offsets": [0, "x"]}}', b"\xff"]
)
def test_what_only_looks_like_safetensors_is_truncated(folder: Path, header: bytes) -> None:
    (folder / WEIGHTS).write_bytes(len(header).to_bytes(8, "little") + header)
    assert find_damage(folder, {}) == f"adapter/{WEIGHTS} is truncated"


def test_only_files_with_content_were_written(folder: Path, tmp_path: Path) -> None:
    assert written_files(folder) == [folder / name for name in ("config.json", "inner/tokenizer.json", WEIGHTS)]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="it wrote nothing into the folder"):
        written_files(empty)
    (empty / "config.json").touch()
    with pytest.raises(ValueError, match="it wrote nothing into the folder"):
        written_files(empty)
    (empty / "inner").symlink_to(folder)
    with pytest.raises(ValueError, match="inner is a link; write the file itself"):
        written_files(empty)
