"""Each check of `medcot-bench doctor`, with what is fine and with what is broken."""

from __future__ import annotations

import errno
import os
import signal
import sys
import types
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from lanes import slow
from scripted import Script, ScriptedExecutor

from medcot_bench.cli import main
from medcot_bench.doctor import packages
from medcot_bench.doctor.devices import check_devices
from medcot_bench.doctor.finding import Finding
from medcot_bench.doctor.folders import check_folders
from medcot_bench.doctor.hub import check_hub
from medcot_bench.doctor.packages import check_packages
from medcot_bench.doctor.plugins import check_plugins, find_fault
from medcot_bench.errors import StoreError
from medcot_bench.plugins.entries import PluginEntry
from medcot_bench.plugins.manager import Plugins, installed
from medcot_bench.results.store import Store
from medcot_bench.runner.events import DeviceReport, Examined

SECRET = "hf_this_is_shown_nowhere"


def failing(findings: Iterator[Finding]) -> list[str]:
    return [f"{one.subject}: {one.text}" for one in findings if one.state == "fails"]


def noted(findings: Iterator[Finding]) -> list[str]:
    return [f"{one.subject}: {one.text}" for one in findings if one.state == "note"]


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDCOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    return tmp_path


def test_the_installed_packages_fit() -> None:
    assert failing(check_packages()) == []


def test_a_package_that_is_missing_or_of_another_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "psutil":
            raise PackageNotFoundError
        return {"peft": "0.20.0"}.get(name, "99999") if name != "transformers" else "5.20"

    monkeypatch.setattr(packages, "version", version)
    found = failing(check_packages())
    assert "peft: 0.20.0; pip install 'peft<0.22,>=0.21'" in found
    assert "psutil: not installed; pip install 'psutil>=6'" in found
    assert not any("pytest" in one or "transformers" in one for one in found)  # of an extra; it fits


def test_all_own_plugins_work_and_a_broken_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = installed()
    assert [find_fault(plugins, entry) for entry in plugins.entries if find_fault(plugins, entry)] == []
    monkeypatch.setitem(sys.modules, "without_hooks", types.ModuleType("without_hooks"))
    entries = [
        PluginEntry("task", "gone", "no_such_module", "other", "1.0"),
        PluginEntry("exporter", "empty", "without_hooks", "other", "1.0"),
    ]
    gone, empty = (find_fault(Plugins(entries), entry) for entry in entries)
    assert str(gone).startswith("task 'gone' (other 1.0) can't be imported: ModuleNotFoundError")
    assert "exporter 'empty' (other 1.0) implements no hook" in str(empty)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise ValueError('not here')", "can't be imported: ValueError: not here"),
        ("import os; os._exit(0)", "the process that tries plugins ended with status 0"),
        slow("import time; time.sleep(600)", "does not come to an end within 5 s"),
    ],
)
def test_a_plugin_that_ends_or_hangs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, told: str
) -> None:
    metadata = tmp_path / "medcot_odd-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: medcot-odd\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[medcot_bench.adapters]\naodd = medcot_odd\n")
    (tmp_path / "medcot_odd.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("medcot_bench.doctor.plugins.installed", Plugins.discover)
    (found,) = failing(check_plugins(5.0))
    assert "adapter 'aodd' (medcot-odd 1.0)" in found
    assert told in found


def test_a_good_folder_is_left_as_it_was(caches: Path) -> None:
    findings = [*check_folders(caches / "out")]
    assert {one.state for one in findings} == {"ok"}
    assert [one.subject for one in findings] == ["output", "cache", "hub's cache"]
    assert list(caches.iterdir()) == []


def test_what_a_file_system_lacks_is_noted(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", lacking)
    findings = [*check_folders(caches / "out")]
    assert failing(iter(findings)) == []
    assert "output: its file system has no hard links, and works without" in noted(iter(findings))


def test_a_folder_that_can_not_be_written_fails(caches: Path) -> None:
    (caches / "file").write_text("text")
    (found,) = failing(check_folders(caches / "file" / "out"))
    assert found.startswith(f"output: {caches / 'file' / 'out'}: can't be written: ")


def test_a_folder_in_use_fails(caches: Path) -> None:
    (caches / "out").mkdir()
    with Store(caches / "out").lock():
        (found,) = failing(check_folders(caches / "out"))
    assert f"out is in use by process {os.getpid()}" in found


@pytest.mark.parametrize("fault", ["link to nothing", "lock"])
def test_a_folder_in_which_no_run_can_begin_fails_with_what_a_run_says(caches: Path, fault: str) -> None:
    out = caches / "out"
    if fault == "lock":
        (out / ".lock").mkdir(parents=True)
    else:
        out.symlink_to(caches / "nothing")
    with pytest.raises(StoreError) as caught, Store(out).lock():
        pass
    assert failing(check_folders(out)) == [f"output: {caught.value}"]


@pytest.mark.parametrize("variable", ["MEDCOT_CACHE", "HF_HOME"])
def test_a_cache_that_can_not_be_fails(caches: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "x" * 300)
    (found,) = failing(check_folders(caches / "out"))
    assert found.startswith(f"cache: {variable}='xxx")
    assert found.endswith("File name too long")


def test_the_hub_offline_is_a_note_and_a_token_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    found = check_hub()
    assert found.state == "note"
    assert SECRET not in found.text


def test_a_hub_that_does_not_answer_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def no_session() -> None:
        raise ConnectionError

    monkeypatch.setattr(huggingface_hub.constants, "is_offline_mode", lambda: False)
    monkeypatch.setattr(huggingface_hub, "get_session", no_session)
    found = check_hub()
    assert found.state == "note"
    assert found.text.startswith("no answer: ConnectionError")


def test_devices_are_what_a_worker_says() -> None:
    reports = (
        DeviceReport(
            name="cpu (2 threads)", works=("float32", "4 bits (qlora)"), fails={"bfloat16": "RuntimeError: x"}
        ),
        DeviceReport(name="cuda:0 (old)", works=(), fails={"float32": "no kernel image"}),
    )
    executor = ScriptedExecutor([Script([Examined(devices=reports)])])
    findings = [*check_devices(executor)]
    assert failing(iter(findings)) == ["device: cuda:0 (old): nothing works"]
    assert "device: cpu (2 threads): bfloat16 fails: RuntimeError: x" in noted(iter(findings))


@pytest.mark.parametrize(("status", "told"), [(-signal.SIGKILL, "SIGKILL"), (1, "ImportError: no torch")])
def test_a_worker_that_can_not_start_fails(status: int, told: str) -> None:
    executor = ScriptedExecutor([Script([], status=status, log=["Traceback", "ImportError: no torch"])])
    (found,) = failing(check_devices(executor))
    assert found.startswith("device: a worker can't start: ")
    assert told in found


@pytest.mark.slow
def test_a_real_worker_can_train_in_float32_and_in_4_bits_here(
    caches: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["doctor", "-o", str(caches / "out")]) == 0
    said = capsys.readouterr().out
    assert "device       cpu (" in said
    assert "float32" in said
    assert "4 bits (qlora)" in said
    assert all(len(line) <= 80 for line in said.splitlines())
    assert len(said.splitlines()) <= 24
    assert said.endswith("Nothing will fail.\n")
    assert main(["doctor", "-o", "/proc/out"]) == 1
    assert "fails output" in capsys.readouterr().out
