"""Hub ids as `--model`: a filled cache needs no network, and every failure is one line that says what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub import errors
from safetensors import safe_open

from medcot_bench.base_model import hub_model
from medcot_bench.base_model.resolve import resolve
from medcot_bench.errors import ModelError

REVISION = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """The functions of huggingface_hub that are used, on a cache folder and a remote folder."""

    def __init__(self) -> None:
        self.cache: Path | None = None
        self.remote: Path | None = None
        self.failure: Exception | None = None
        self.asked: list[tuple[str, str | None]] = []

    def snapshot_download(
        self, name: str, *, revision: str | None = None, local_files_only: bool = False, allow_patterns: list[str]
    ) -> str:
        if not local_files_only:
            self._ask(name, revision)
        if self.cache is None:
            raise errors.LocalEntryNotFoundError("not cached")
        return str(self.cache)

    def model_info(self, name: str, *, revision: str | None = None) -> Any:
        self._ask(name, revision)
        return SimpleNamespace(sha=REVISION)

    def hf_hub_download(self, name: str, filename: str, *, revision: str | None = None) -> str:
        self._ask(name, revision)
        assert self.remote is not None
        return str(self.remote / filename)

    def get_safetensors_metadata(self, name: str, *, revision: str | None = None) -> Any:
        self._ask(name, revision)
        assert self.remote is not None
        with safe_open(self.remote / "model.safetensors", "pt") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
        tensors = {name: SimpleNamespace(shape=shape) for name, shape in shapes.items()}
        return SimpleNamespace(files_metadata={"model.safetensors": SimpleNamespace(tensors=tensors)})

    def _ask(self, name: str, revision: str | None) -> None:
        self.asked.append((name, revision))
        if self.failure:
            raise self.failure


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    """An empty cache and a hub without models."""
    fake = FakeHub()
    monkeypatch.setattr("huggingface_hub.snapshot_download", fake.snapshot_download)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", fake.hf_hub_download)
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: fake)
    return fake


@pytest.fixture
def snapshot(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny model as a folder of the hub's cache."""
    return shutil.copytree(tiny_model, tmp_path / "snapshots" / REVISION)


def http_error(kind: Callable[..., Exception]) -> Exception:
    return kind("a long text\nof several lines", response=SimpleNamespace(headers={}, request=None))


def error_of(model: str) -> str:
    with pytest.raises(ModelError) as caught:
        resolve(model)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.exit_code == 2
    return text


@pytest.mark.parametrize("model", ["org/name", "org/name@main", "name"])
def test_a_cached_model_is_found_without_asking_the_hub(
    fake: FakeHub, snapshot: Path, tiny_model: Path, model: str
) -> None:
    fake.cache = snapshot
    base, same = resolve(model), resolve(str(tiny_model))
    assert fake.asked == []
    assert (base.name, base.kind, base.path, base.revision) == (model, "hub", snapshot, REVISION)
    assert base.digest == f"hub:{model.partition('@')[0]}@{REVISION}"
    assert (base.info, base.modules) == (same.info, same.modules)


def test_the_recipe_file_of_a_cached_model_is_read(fake: FakeHub, snapshot: Path) -> None:
    fake.cache = snapshot
    (snapshot / "medcot_recipe.json").write_text(json.dumps({"lora": {"lr": 0.5}}))
    assert resolve("org/name").recipe == {"lora": {"lr": 0.5}}


def test_a_model_of_the_hub_is_measured_from_its_headers_at_the_resolved_revision(
    fake: FakeHub, tiny_model: Path
) -> None:
    fake.remote = tiny_model
    base, same = resolve("org/name@v1"), resolve(str(tiny_model))
    assert fake.asked[0] == ("org/name", "v1")
    assert set(fake.asked[1:]) == {("org/name", REVISION)}
    assert (base.path, base.revision, base.digest) == (None, REVISION, f"hub:org/name@{REVISION}")
    assert base.info == same.info
    assert sorted(base.modules, key=str) == sorted(same.modules, key=str)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_cache_that_lacks_files_is_no_reason_not_to_ask(
    fake: FakeHub, snapshot: Path, tiny_model: Path, missing: str
) -> None:
    fake.cache, fake.remote = snapshot, tiny_model
    (snapshot / missing).unlink()
    assert resolve("org/name").path is None
    assert fake.asked


def test_a_fetched_model_is_the_snapshot_of_its_revision(fake: FakeHub, snapshot: Path) -> None:
    fake.cache = snapshot
    assert hub_model.download("org/name@v1", REVISION) == snapshot
    assert fake.asked == [("org/name", "v1")]  # by the name typed, so that the cache knows it offline


def test_a_branch_that_moved_on_is_not_what_was_planned(fake: FakeHub, snapshot: Path) -> None:
    fake.cache = snapshot
    with pytest.raises(ModelError, match="changed on the hub since the run was planned; run it again"):
        hub_model.download("org/name@main", "f" * 40)


def test_the_recipe_file_of_a_model_that_is_not_fetched_counts_too(fake: FakeHub, snapshot: Path) -> None:
    fake.remote = snapshot
    assert resolve("org/name").recipe == {}
    (snapshot / "medcot_recipe.json").write_text(json.dumps({"lora": {"lr": 0.5}}))
    assert resolve("org/name").recipe == {"lora": {"lr": 0.5}}


FAILURES = [
    (http_error(errors.GatedRepoError), ["is gated: accept its terms", "`hf auth login`", "HF_TOKEN"]),
    (http_error(errors.RepositoryNotFoundError), ["no such folder, and the hub has no such model", "private"]),
    (http_error(errors.RevisionNotFoundError), ["the hub has no such revision"]),
    (errors.NotASafetensorsRepoError("x"), ["has no *.safetensors (other formats can run code)"]),
    (
        ConnectionError("a long text\nof several lines"),
        ["not in the local cache, and the hub can't be reached (ConnectionError)", "HF_HOME", "a GGUF file"],
    ),
    (http_error(errors.HfHubHTTPError), ["the hub can't be reached (HfHubHTTPError)"]),
    (errors.OfflineModeIsEnabled("offline"), ["the hub can't be reached (OfflineModeIsEnabled)"]),
    (TimeoutError(), ["the hub can't be reached (TimeoutError)"]),
]
NAMES = ["gated", "no model", "no revision", "no safetensors", "no network", "server", "offline", "slow"]


@pytest.mark.parametrize(("failure", "parts"), FAILURES, ids=NAMES)
def test_what_the_hub_refuses_is_one_line_with_a_way_out(
    fake: FakeHub, failure: Exception, parts: list[str]
) -> None:
    fake.failure = failure
    texts = [error_of("org/name@v1")]
    with pytest.raises(ModelError) as caught:
        hub_model.download("org/name@v1", REVISION)
    texts.append(str(caught.value))
    for text in texts:
        assert text.startswith("model 'org/name@v1'")
        assert all(part in text for part in parts)


def test_a_config_of_something_else_names_the_model(fake: FakeHub, tiny_model: Path, tmp_path: Path) -> None:
    fake.remote = shutil.copytree(tiny_model, tmp_path / "remote")
    (fake.remote / "config.json").write_text('{"model_type": "clip"}')
    text = error_of("org/name")
    assert text == "model 'org/name': config.json is not a causal language model's: num_hidden_layers is missing"
