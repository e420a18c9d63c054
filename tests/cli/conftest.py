"""A run whose weights were all kept, for the commands that use what was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import medcot_bench
from medcot_bench import Results


@pytest.fixture(scope="session")
def kept_fields(tiny_model: Path, examples: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return {
        "model": str(tiny_model),
        "tasks": "k8s_qa",
        "eval_tasks": "medqa_cot",
        "adapters": "none,full,lora,lora:pissa=true,qlora",
        "data": {name: f"file:{examples / name}.jsonl" for name in ("medqa_cot", "k8s_qa")},
        "training": {"max_steps": 20, "batch_size": 4, "lr": 1e-2},
        "scoring": {"max_new_tokens": 8},
        "limit": 3,
        "keep_weights": "all",
        "threads": 1,
        "output_dir": str(tmp_path_factory.mktemp("kept") / "out"),
    }


@pytest.fixture(scope="session")
def kept(kept_fields: dict[str, Any]) -> Results:
    return medcot_bench.run(kept_fields)
