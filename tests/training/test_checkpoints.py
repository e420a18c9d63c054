"""Checkpoints for real: what is scored on the way is what a training that ends there gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import medcot_bench

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_workers")]
STEADY = {"batch_size": 2, "schedule": "constant", "warmup": 0.0, "lr": 3e-3}


@pytest.mark.parametrize("adapter", ["full", "qlora"])
def test_a_checkpoint_is_the_model_that_a_training_to_there_gives(
    adapter: str, study_fields: dict[str, Any], tmp_path: Path
) -> None:
    fields = study_fields | {"adapters": adapter, "eval_tasks": "manuals_qa"}
    whole = medcot_bench.run(fields | {"training": {**STEADY, "max_steps": 6, "checkpoints": 2}})
    [cell] = whole.cells
    assert set(cell.checkpoints) == {(name, t) for name in ("1/3", "2/3") for t in ("k8s_qa", "manuals_qa")}
    plain = fields | {"output_dir": str(tmp_path / "plain")}
    [alone] = medcot_bench.run(plain | {"training": {**STEADY, "max_steps": 6}}).cells
    assert alone.cell.id == cell.cell.id  # checkpoints are no part of a training
    for task in ("k8s_qa", "manuals_qa"):
        assert alone.evaluations[task].results == cell.evaluations[task].results
    for name, steps in (("1/3", 2), ("2/3", 4)):
        part = fields | {"output_dir": str(tmp_path / str(steps)), "training": {**STEADY, "max_steps": steps}}
        [ended] = medcot_bench.run(part).cells
        for task in ("k8s_qa", "manuals_qa"):
            found, expected = cell.checkpoints[name, task].results, ended.evaluations[task].results
            assert found["gold_nll,none"] == expected["gold_nll,none"]
            assert {key for key in found if "stderr" not in key} == {"gold_nll,none"}
    assert not [*Path(fields["output_dir"]).glob("cells/*/.making-*")]


def test_checkpoints_asked_for_later_train_again_and_leave_what_is_there(study_fields: dict[str, Any]) -> None:
    fields = study_fields | {"adapters": "none,lora,full", "eval_tasks": "manuals_qa"}
    before = medcot_bench.run(fields)
    times = {path: path.stat().st_mtime_ns for path in before.root.glob("cells/*/scores/*.json")}
    after = medcot_bench.run(fields | {"training": {**fields["training"], "checkpoints": 1}})
    assert {path: path.stat().st_mtime_ns for path in times} == times
    trained = [cell for cell in after.cells if cell.cell.task]
    assert [len(cell.checkpoints) for cell in trained] == [2, 2]
    assert "Under-training or worse generalisation?" in (after.root / "leaderboard.md").read_text()
