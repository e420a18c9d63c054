"""One line on each plugin, read without importing it."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

from medcot_bench.cli import main
from medcot_bench.plugins.descriptions import describe
from medcot_bench.plugins.entries import PluginEntry
from medcot_bench.plugins.manager import installed
from medcot_bench.report import terminal


def described(module: str) -> str:
    return describe(PluginEntry("task", "planted", module, "acme", "1.0"))


@pytest.mark.parametrize("entry", installed().entries, ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_built_in_plugins_say_what_their_modules_do(entry: PluginEntry) -> None:
    said = importlib.import_module(entry.module).__doc__ or ""
    assert describe(entry) == " ".join(said.strip().split("\n\n")[0].split()) != ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('# -*- coding: utf-8 -*-\n\n"""\n  Two\n  lines.\n\nMore.\n"""\nraise SystemExit\n', "Two lines."),
        ("r'Slashes \\\\n.'\n", "Slashes \\\\n."),
        ("x = 1\n'late'\n", ""),
        ("b'bytes'\n", ""),
        ("'open\n", ""),
        ("", ""),
    ],
)
def test_the_first_paragraph_is_read_and_nothing_runs(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "planted_pack" / "deep").mkdir(parents=True)  # a namespace package
    (tmp_path / "planted_alone.py").write_text(text)
    (tmp_path / "planted_pack" / "deep" / "one.py").write_text(text)
    (tmp_path / "planted_pack" / "__init__.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("planted_alone", "planted_pack", "planted_pack.deep.one"):
        assert described(module) == said
        assert module not in sys.modules


@pytest.mark.parametrize(
    "module", ["no_such_module", "no_such.module", "sys", "json.nothing", "acme:Ports", "a\0b", ""]
)
def test_what_has_no_file_has_no_description(module: str) -> None:
    assert described(module) == ""


def test_list_has_descriptions(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["list", "--json"]) == 0
    listed = {(one["kind"], one["name"]): one for one in json.loads(capsys.readouterr().out)}
    assert listed["selector", "top"]["description"] == "The last k blocks, those next to the output."
    assert all(one["description"] for one in listed.values())
    monkeypatch.setattr(terminal, "terminal_width", lambda: 80)
    assert main(["list", "selectors"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("from medcot-bench ")
    assert "selector  top     The last k blocks, those next to the output." in lines
    assert max(map(len, lines)) <= 80
