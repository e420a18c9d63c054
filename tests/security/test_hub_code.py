"""No library gets code from a hub, or asks the hub for anything, by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

STUB = """
import os
def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    def called(*arguments, **options):
        with open(os.environ["CALLS"], "a") as calls:
            calls.write(name + "\\n")
        raise RuntimeError("fetched " + name)
    return called
"""
WORKER = """
from medcot_bench.runner.protocol import Job, RunCells
from medcot_bench.worker.environment import set_environment

set_environment(Job(work=RunCells(study={}, output_dir="out", cells=()), threads=1, offline=OFFLINE))
"""
COMMAND = """
import sys
import medcot_bench.cli as cli

cli.main = lambda: 0  # what a command does is not the subject
try:
    cli.console_main()
except SystemExit:
    pass
"""
BITSANDBYTES = """
import bitsandbytes.functional

bitsandbytes.functional.has_avx512bf16 = lambda: True  # as on a CPU with bf16 units
import bitsandbytes.backends.cpu.ops as ops
import importlib
try:
    importlib.reload(ops)
except Exception as error:
    print(type(error).__name__)  # operators are registered once
"""
TRANSFORMERS = """
from transformers.utils import is_kernels_available
print("kernels", is_kernels_available())
"""


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    """A folder with a package `kernels`, as pip would have installed it, that notes what is asked of it."""
    (tmp_path / "site" / "kernels").mkdir(parents=True)
    (tmp_path / "site" / "kernels" / "__init__.py").write_text(STUB)
    metadata = tmp_path / "site" / "kernels-0.13.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: kernels\nVersion: 0.13.0\n")
    return tmp_path


def run(folder: Path, code: str, **variables: str) -> tuple[str, str]:
    """Run code with the stub installed; return what it printed, and what was asked of the stub."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "USE_HUB"))}
    environment |= {"PYTHONPATH": str(folder / "site"), "CALLS": str(folder / "calls"), **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    calls = folder / "calls"
    return done.stdout, calls.read_text() if calls.exists() else ""


@pytest.mark.parametrize(
    "code",
    [pytest.param(WORKER.replace("OFFLINE", "False") + BITSANDBYTES, marks=pytest.mark.slow), COMMAND],
    ids=["worker", "command"],
)
def test_native_code_of_the_hub_is_never_asked_for(stub: Path, code: str) -> None:
    printed, calls = run(stub, code + TRANSFORMERS)
    assert calls == ""
    assert "kernels False" in printed


@pytest.mark.slow
def test_without_the_guard_it_is(stub: Path) -> None:
    _, calls = run(stub, BITSANDBYTES)
    assert "get_kernel" in calls


# --- questions to the hub ---


@pytest.fixture
def hub() -> Iterator[tuple[str, list[str]]]:
    """The address of a hub that has nothing, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()
    thread.join()


ASK = """
def ask(what):
    import huggingface_hub
    try:
        huggingface_hub.hf_hub_download("acme/thing", what)
    except Exception as error:
        print(what, type(error).__name__)

ask("implicit.json")
from medcot_bench.hub.client import asking, fetch_dataset
import datasets
with asking():
    ask("explicit.json")
    print("datasets offline:", datasets.config.HF_HUB_OFFLINE)
ask("implicit.json")
print("datasets offline:", datasets.config.HF_HUB_OFFLINE)
try:
    fetch_dataset("acme/rows", "x")
except Exception as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize(
    ("offline", "variables", "explicit"),
    [("False", {}, True), ("True", {}, False), ("False", {"HF_HUB_OFFLINE": "1"}, False)],
)
def test_a_worker_asks_only_for_what_the_user_named(
    stub: Path, hub: tuple[str, list[str]], offline: str, variables: dict[str, str], explicit: bool
) -> None:
    address, asked = hub
    printed, _ = run(
        stub,
        WORKER.replace("OFFLINE", offline) + ASK,
        HF_ENDPOINT=address,
        HF_HOME=str(stub / "home"),
        **variables,
    )
    assert not [path for path in asked if "implicit" in path]
    assert bool([path for path in asked if "explicit" in path]) == explicit
    assert bool([path for path in asked if "rows" in path]) == explicit
    shown = [line for line in printed.splitlines() if line.startswith("datasets offline")]
    assert shown == [f"datasets offline: {not explicit}", "datasets offline: True"]
