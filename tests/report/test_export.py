"""Exporters of one file and of many: what is written, and what an exporter plugin does wrong is said by name."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from planted import Made, answers, write

from medcot_bench import FilesExporter, hookimpl
from medcot_bench.cli import main
from medcot_bench.errors import PluginError, StoreError
from medcot_bench.plugins.entries import PluginEntry
from medcot_bench.plugins.manager import Plugins
from medcot_bench.report import export as module
from medcot_bench.report.export import export
from medcot_bench.results.folder import Results
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.results.store import Store

MADE = Made(adapter="full", scores={"k8s_qa": {"answer": answers(1.0, 0.0, 1.0, 0.0)}})
Use = Callable[[Any], None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Let an object be the exporter `own` of a package `acme`, the only one installed."""

    def make(exporter: Any) -> None:
        plugin = types.ModuleType("_own_exporter")
        plugin.medcot_make_exporter = hookimpl(lambda name: exporter)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, plugin.__name__, plugin)
        plugins = Plugins([PluginEntry("exporter", "own", plugin.__name__, "acme", "1.0")])
        monkeypatch.setattr(module, "installed", lambda: plugins)

    return make


class One:
    suffix = ".txt"

    def __init__(self, text: Any) -> None:
        self.text = text

    def export(self, leaderboard: Leaderboard) -> Any:
        return self.text


class Many:
    folder = "own"

    def __init__(self, texts: Mapping[str, Any]) -> None:
        self.texts = texts

    def files(self, results: Results) -> Mapping[str, Any]:
        return self.texts


def test_an_exporter_of_files_fills_a_folder_of_its_own(tmp_path: Path, use: Use) -> None:
    use(Many({"a.txt": "1", "part/b.txt": "2"}))
    assert isinstance(Many({}), FilesExporter)
    write(tmp_path, MADE)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "c.txt").write_text("3")
    assert export(tmp_path, ["own"]) == [tmp_path / "own" / "a.txt", tmp_path / "own" / "part" / "b.txt"]
    found = {path.name: path.read_text() for path in (tmp_path / "own").rglob("*.txt")}
    assert found == {"a.txt": "1", "b.txt": "2", "c.txt": "3"}


@pytest.mark.parametrize("name", ["../plan.json", "part/../../plan.json", "/plan.json", ""])
def test_an_exporter_of_files_stays_in_its_folder(name: str, tmp_path: Path, use: Use) -> None:
    use(Many({name: "{}"}))
    write(tmp_path, MADE)
    with pytest.raises(PluginError) as caught:
        export(tmp_path, ["own"])
    assert str(caught.value) == f"exporter 'own' (acme 1.0): the path '{name}' is not within the folder 'own'"


def test_files_are_made_of_the_records_alone(tmp_path: Path, use: Use) -> None:
    use(Many({"a.txt": "1"}))
    write(tmp_path, MADE)
    for samples in (tmp_path / "cells").glob("*/samples"):
        samples.rename(tmp_path / "elsewhere")
    assert export(tmp_path, ["own"])


@pytest.mark.parametrize(("exporter", "where"), [(One(None), "export"), (Many({"a": None}), "files")])
def test_an_exporter_that_gives_no_text_is_named(exporter: Any, where: str, tmp_path: Path, use: Use) -> None:
    use(exporter)
    write(tmp_path, MADE)
    with pytest.raises(
        PluginError,
        match=rf"^exporter 'own' \(acme 1.0\) failed in {where}: TypeError: it returned type NoneType, not",
    ):
        export(tmp_path, ["own"])


def test_half_an_exporter_of_files_is_told_what_it_lacks(use: Use) -> None:
    use(types.SimpleNamespace(folder="own"))
    with pytest.raises(PluginError, match=r"returned an object of type SimpleNamespace without files$"):
        export(Path("nowhere"), ["own"])


def test_half_a_surrogate_pair_is_written_as_an_escape(tmp_path: Path, use: Use) -> None:
    use(One('"\ud800"'))
    (path,) = export(write(tmp_path, MADE), ["own"])
    assert path.read_bytes() == b'"\\ud800"'


@pytest.mark.parametrize(
    ("name", "said"),
    [("model-card", "  writes leaderboard.card.md"), ("lm-eval", "  writes files into lm_eval/")],
)
def test_show_says_what_an_exporter_writes(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", f"exporter:{name}"]) == 0
    assert said in capsys.readouterr().out.splitlines()


def test_the_command_prints_every_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, MADE)
    assert main(["export", str(tmp_path), "--format", "model-card,lm-eval"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(tmp_path / "leaderboard.card.md")
    assert len(lines) == 2
    assert all(Path(line).is_file() for line in lines)


def test_another_folder_may_take_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write(tmp_path / "out", MADE)
    before = sorted(root.rglob("*"))
    there = tmp_path / "made" / "there"
    assert main(["export", str(root), "--format", "md,lm-eval", "-o", str(there)]) == 0
    lines = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert all(line.is_file() and line.is_relative_to(there) for line in lines)
    assert sorted(root.rglob("*")) == before
    assert (there / "leaderboard.md").read_bytes() == export(root, ["md"])[0].read_bytes()


def test_a_result_folder_that_can_not_be_written_is_exported_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write(tmp_path / "out", MADE)
    replace = Store.replace

    def refuse(store: Store, path: Path, content: bytes) -> None:
        if path.is_relative_to(root):
            raise StoreError(f"can't write {path}: Read-only file system")
        replace(store, path, content)

    monkeypatch.setattr(Store, "replace", refuse)
    assert main(["export", str(root)]) == 3
    assert main(["export", str(root), "-o", str(tmp_path / "there")]) == 0
    printed = capsys.readouterr()
    assert printed.err == f"medcot-bench: can't write {root / 'leaderboard.md'}: Read-only file system\n"
    assert (tmp_path / "there" / "leaderboard.csv").is_file()
