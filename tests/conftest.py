"""Fixtures: a tiny model, little data files, and the real data where they are."""

from __future__ import annotations

import json
import os
import subprocess
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import troubled
from hypothesis import settings
from warm_workers import WarmServer

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: the cores are the other workers'
settings.register_profile("no wall times", deadline=None)
settings.load_profile("no wall times")  # a busy machine is no failure
ROOT = Path(__file__).parent.parent
Install = Callable[..., Path]
Write = Callable[[str, Iterable[Mapping[str, Any]]], Path]


@pytest.fixture(scope="session", autouse=True)
def _own_environment() -> Iterator[None]:
    """No MEDCOT_ setting of the caller reaches a test, and nothing asks a hub."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MEDCOT_")]:
            patch.delenv(name)
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random Llama of 4 blocks."""
    from medcot_bench.testing.tiny import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "llama")


@pytest.fixture(scope="session")
def _warm_server() -> Iterator[WarmServer]:
    server = WarmServer()
    yield server
    server.end()


@pytest.fixture
def warm_workers(_warm_server: WarmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have workers be forks of a process that has imported everything, for tests of what they do once they run."""
    known = types.SimpleNamespace(**{**vars(subprocess), "Popen": _warm_server.popen})
    monkeypatch.setattr("medcot_bench.runner.child_process.subprocess", known)


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder of this project's own example rows."""
    return ROOT / "examples"


_TEST_DATA = Path(os.environ.get("MEDCOT_TEST_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real public data; skips where it is not there."""
    if not (_TEST_DATA / "medical" / "medqa_cot.jsonl").is_file():
        pytest.skip(f"real data not found in {_TEST_DATA}; set MEDCOT_TEST_DATA to the folder")
    return _TEST_DATA


@pytest.fixture
def write_rows(tmp_path: Path) -> Write:
    """Write rows into a JSONL file of the test's own folder."""

    def write(name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def study_fields(tiny_model: Path, examples: Path, tmp_path: Path) -> dict[str, Any]:
    """Fields of a little study on the example rows with the tiny model."""
    return {
        "model": str(tiny_model),
        "tasks": "k8s_qa",
        "adapters": "none,lora",
        "base": False,
        "data": {name: f"file:{examples / name}.jsonl" for name in ("medqa_cot", "k8s_qa", "manuals_qa")},
        "training": {"max_steps": 2, "batch_size": 2},
        "scoring": {"max_new_tokens": 8},
        "limit": 3,
        "threads": 2,
        "output_dir": str(tmp_path / "out"),
    }


@pytest.fixture
def study_file(study_fields: dict[str, Any], tmp_path: Path) -> Callable[..., Path]:
    """Write the little study, with changes, as a study file."""

    def write(**changes: Any) -> Path:
        path = tmp_path / "study.yaml"
        path.write_text(json.dumps(study_fields | changes))  # JSON is YAML
        return path

    return write


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install the package acme (helpers/troubled.py) for this process and those that it starts.

    At the end nothing is left of what was started with it.
    """
    from medcot_bench.plugins.manager import installed

    folder = tmp_path / "acme"

    def install(**code: str) -> Path:
        troubled.install(folder, **code)
        monkeypatch.setenv("PYTHONPATH", str(folder))
        monkeypatch.syspath_prepend(folder)
        installed.cache_clear()
        return folder

    yield install
    troubled.end_strays(folder)
    installed.cache_clear()
