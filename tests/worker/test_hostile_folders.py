"""A model folder that brings code along: the real command ends at once, and the code never runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
MODEL = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model", "AutoTokenizer": ["own.T", None]}


@pytest.mark.parametrize(
    ("file", "fields", "said"),
    [
        ("config.json", {"model_type": "own", "auto_map": MODEL}, "model '{}' needs code of its own"),
        (
            "tokenizer_config.json",
            {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.T", None]}},
            "{}: the tokenizer needs code of its own",
        ),
    ],
)
def test_nobody_is_asked_whether_code_may_run(
    tiny_model: Path,
    tmp_path: Path,
    study_file: Callable[..., Path],
    file: str,
    fields: dict[str, Any],
    said: str,
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    (folder / "own.py").write_text("from pathlib import Path\nPath(__file__).with_name('ran').touch()\n")
    command = [sys.executable, "-m", "medcot_bench", "run", str(study_file(model=str(folder)))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        status = process.wait(timeout=300)  # its standard input is open all the while, as a terminal's is
        [line] = process.stderr.read().splitlines()
    assert status == 2
    assert line.startswith(f"medcot-bench: {said.format(folder)}, which is never run; ")
    assert not (folder / "ran").exists()
    assert not (tmp_path / "out").exists()
