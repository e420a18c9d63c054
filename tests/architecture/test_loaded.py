"""What commands really load: nothing heavy where they only tell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOT_LOADED = {"torch", "transformers", "peft", "lm_eval", "datasets", "evaluate", "scipy"}

PRINT_LOADED = f"""
import sys
print("loaded:", sorted({{name.partition(".")[0] for name in sys.modules}} & {NOT_LOADED!r}))
"""


def loaded_by(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code + PRINT_LOADED],
        capture_output=True,
        text=True,
        timeout=120,
        env={key: value for key, value in os.environ.items() if not key.startswith("COV")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def main(*arguments: str) -> str:
    return f"""
from medcot_bench.cli import main
try:
    assert main({list(arguments)!r}) == 0
except SystemExit as end:
    assert end.code == 0
"""


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import medcot_bench") == "loaded: []"


def test_a_heavy_import_would_be_seen() -> None:
    assert loaded_by("import scipy") == "loaded: ['scipy']"


@pytest.mark.parametrize(
    "arguments", [("--help",), ("run", "--help"), ("list",), ("show", "lora"), ("show", "fast")]
)
def test_a_command_that_only_tells_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert loaded_by(main(*arguments)) == "loaded: []"


def test_planning_loads_nothing_heavy_but_quantiles(tiny_model: Path, examples: Path, tmp_path: Path) -> None:
    arguments = ["plan", "--tasks", "medqa_cot,k8s_qa", "--eval-tasks", "manuals_qa", "--model", str(tiny_model)]
    arguments += ["--adapters", "none,full,lora,layer_lora:k=1,qlora", "-o", str(tmp_path / "out")]
    for task in ("medqa_cot", "k8s_qa", "manuals_qa"):
        arguments += ["--data", f"{task}=file:{examples / task}.jsonl"]
    # Of scipy its special functions, a fraction of a second; not its statistics.
    no_statistics = main(*arguments) + "import sys\nassert 'scipy.stats' not in sys.modules\n"
    assert loaded_by(no_statistics) == "loaded: ['scipy']"
