"""No command writes beyond the 80 columns of a terminal, but for paths, files and lines for scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from medcot_bench.cli import main

RESULTS = Path(__file__).parents[2] / "docs" / "results"
COMMANDS = [
    ("list",),
    ("show", "k8s_qa"),
    ("show", "layer_lora"),
    ("show", "fast"),
    ("verify", str(RESULTS / "quick")),
    ("plan", "--preset", "quick"),
    ("plan", "--preset", "persistence", "--budget", "6h"),
    ("compare", str(RESULTS / "study")),
    ("compare", str(RESULTS / "quick"), "--baseline", "none"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_line_fits_80_columns(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    assert main([*command]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80 and not line.startswith("    | ")] == []


def test_the_end_of_a_run_fits_80_columns(
    study_file: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)  # its path would be too long for a line
    assert main(["run", str(study_file(adapters="none", limit=2, output_dir="out"))]) == 0
    said = capsys.readouterr().out.partition("\n\n")[2]
    assert "Scored on k8s_qa by answer: 2 items" in said
    assert [line for line in said.splitlines() if len(line) > 80] == []
