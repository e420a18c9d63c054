"""Completion scripts, tried in the shells themselves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from medcot_bench.cli import main


def script(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["completion", shell]) == 0
    path = tmp_path / f"medcot-bench.{shell}"
    path.write_text(capsys.readouterr().out)
    return path


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("comp", {"compare", "completion"}),
        ("run --ada", {"--adapters"}),
        ("run --adapters layer", {"layer_lora"}),
        ("plan --tasks k8s", {"k8s_qa"}),
        ("run --preset qu", {"quick"}),
        ("export out --format model", {"model-card"}),
    ],
)
def test_bash_completes_commands_flags_and_names(
    typed: str, offered: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["medcot-bench", *typed.split()]
    asked = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _shtab_medcot_bench"
    code = f'source "{script("bash", tmp_path, capsys)}"; {asked}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == offered


@pytest.mark.parametrize(("shell", "check"), [("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_scripts_of_other_shells_are_whole(
    shell: str, check: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = script(shell, tmp_path, capsys)
    assert all(name in path.read_text() for name in ("layer_lora", "k8s_qa", "--adapters"))
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here to read its script")
    subprocess.run([shell, *check, str(path)], check=True)
