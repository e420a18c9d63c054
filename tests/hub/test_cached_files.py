"""Files of the hub's cache are compared with the digests that they are named by before they are used."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from medcot_bench.base_model import hub_model
from medcot_bench.base_model.resolve import resolve
from medcot_bench.cli import main
from medcot_bench.errors import ModelError
from medcot_bench.hub import cached_files
from medcot_bench.hub.cached_files import check_cached_files
from medcot_bench.hub.client import adapter_folder, fetch_dataset

REVISION = "0123456789abcdef0123456789abcdef01234567"
HELLO = b"hello\n"
BY_GIT = "ce013625030ba8dba906f756967f9e9ca394464a"  # printf 'hello\n' | git hash-object --stdin
BY_SHA256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"  # ... | sha256sum


class Cache:
    """A cache folder of the hub, as a download lays it out."""

    def __init__(self, root: Path):
        self.root = root
        self.snapshot = root

    def put(self, repository: str, files: dict[str, bytes]) -> Path:
        """Lay out a repository; weights are large files, all others small ones. Return the snapshot."""
        home = self.root / repository
        self.snapshot = home / "snapshots" / REVISION
        for folder in (self.snapshot, home / "refs", home / "blobs"):
            folder.mkdir(parents=True)
        (home / "refs" / "main").write_text(REVISION)
        for name, content in files.items():
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            large = name.endswith((".safetensors", ".parquet"))
            self.link(name, hashlib.sha256(content).hexdigest() if large else git, content)
        return self.snapshot

    def link(self, name: str, blob: str, content: bytes) -> Path:
        place = self.snapshot.parents[1] / "blobs" / blob
        place.write_bytes(content)
        os.utime(place, ns=(10**18, 10**18))
        (self.snapshot / name).parent.mkdir(exist_ok=True)
        (self.snapshot / name).symlink_to(os.path.relpath(place, (self.snapshot / name).parent))
        return place


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return Cache(tmp_path / "hub")


@pytest.fixture
def model(cache: Cache, tiny_model: Path) -> Path:
    """The snapshot of `org/tiny`."""
    return cache.put("models--org--tiny", {path.name: path.read_bytes() for path in tiny_model.iterdir()})


def flip_a_bit(path: Path, place: int = -1) -> None:
    """Change a file as a disk does: its size and time stay."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    cached_files._digest.cache_clear()  # another process


def error_of(what: str, snapshot: Path, name: str) -> str:
    return (
        f"{what}: {name} in the hub's cache changed since it was downloaded; "
        f"delete {(snapshot / name).resolve()}, and the next run downloads it again"
    )


def test_whole_files_are_used_and_each_is_read_once(model: Path, tiny_model: Path) -> None:
    cached_files._digest.cache_clear()
    for _ in range(3):
        base = resolve("org/tiny")
        assert (base.path, base.revision) == (model, REVISION)
    assert base.info == resolve(str(tiny_model)).info
    assert hub_model.download("org/tiny", REVISION) == model
    assert cached_files._digest.cache_info().misses == len([*model.iterdir()])


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_flipped_bit_is_named_before_the_model_is_used(model: Path, name: str) -> None:
    assert resolve("org/tiny").path == model
    flip_a_bit((model / name).resolve())
    for use in (lambda: resolve("org/tiny"), lambda: hub_model.download("org/tiny@main", REVISION)):
        with pytest.raises(ModelError, match="changed since it was downloaded") as caught:
            use()
        assert str(caught.value).endswith(error_of("", model, name))
        assert caught.value.exit_code == 2


def test_the_program_says_it_in_one_line(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip_a_bit((model / "model.safetensors").resolve())
    assert (
        main(
            ["plan", "--model", "org/tiny", "--adapters", "lora", "--tasks", "k8s_qa", "-o", str(tmp_path / "out")]
        )
        == 2
    )
    error = capsys.readouterr().err
    said = error_of("model 'org/tiny'", model, "model.safetensors")
    assert error == f"medcot-bench: {said}\n"


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_file_that_was_deleted_is_asked_of_the_hub(model: Path, name: str) -> None:
    (model / name).resolve().unlink()
    with pytest.raises(ModelError, match="not in the local cache, and the hub can't be reached"):
        resolve("org/tiny")


def test_a_file_that_is_never_read_may_be_deleted(model: Path, cache: Cache) -> None:
    cache.link("pytorch_model.bin", BY_SHA256, b"a pickle").unlink()
    assert resolve("org/tiny").path == model


def test_adapters_and_data_sets_are_checked_too(cache: Cache) -> None:
    files = {"adapter_config.json": b"{}", "adapter_model.safetensors": b"weights"}
    adapter = cache.put("models--org--tuned", files)
    assert adapter_folder("org/tuned") == adapter
    flip_a_bit((adapter / "adapter_model.safetensors").resolve())
    with pytest.raises(ModelError) as caught:
        adapter_folder("org/tuned")
    assert str(caught.value) == error_of("adapter 'org/tuned'", adapter, "adapter_model.safetensors")

    rows = cache.put("datasets--org--rows", {"data/train.parquet": b"rows", "README.md": b"# Rows"})
    assert fetch_dataset("org/rows", "use a file") == rows
    flip_a_bit((rows / "data/train.parquet").resolve())
    with pytest.raises(ModelError) as caught:
        fetch_dataset("org/rows", "use a file")
    assert str(caught.value) == error_of("data set 'org/rows'", rows, "data/train.parquet")


def test_names_are_git_s_for_small_files_and_sha256_for_large_ones(cache: Cache) -> None:
    snapshot = cache.put("models--org--tiny", {})
    for blob in (BY_GIT, BY_SHA256):
        place = cache.link(f"{blob}.json", blob, HELLO)
        check_cached_files("model", snapshot, ["*.json"])
        flip_a_bit(place)
        with pytest.raises(ModelError, match=f"delete {place}, "):
            check_cached_files("model", snapshot, ["*.json"])
        (snapshot / f"{blob}.json").unlink()


def test_what_has_no_digest_or_is_never_read_is_left_alone(cache: Cache, tmp_path: Path) -> None:
    snapshot = cache.put("models--org--tiny", {})
    cache.link("pytorch_model.bin", BY_SHA256, b"a pickle")
    cache.link("odd.json", "W-an-old-tag", HELLO)
    (snapshot / "plain.json").write_bytes(HELLO)
    elsewhere = tmp_path / BY_SHA256
    elsewhere.write_bytes(b"of somebody else")
    (snapshot / "led_away.json").symlink_to(elsewhere)
    check_cached_files("model", snapshot, ["*.json"])


def test_a_file_that_can_t_be_read_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(blob: Path, size: int, mtime_ns: int) -> str:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(cached_files, "_digest", fail)
    with pytest.raises(ModelError, match=r"^model 'org/tiny': can't read .*/blobs/\w+: Input/output error$"):
        resolve("org/tiny")


def test_a_copied_cache_is_whole(
    model: Path, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(cache.root, tmp_path / "copy", symlinks=True, copy_function=shutil.copyfile)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "copy"))
    assert resolve("org/tiny").digest == f"hub:org/tiny@{REVISION}"
