"""The speed of this machine's CPU, by which times are guessed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from medcot_bench.planning.build import make_plan
from medcot_bench.planning.estimates import speed
from medcot_bench.study.schema import Study


def test_the_speed_is_measured_once_and_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    speed.measure_flops.cache_clear()
    assert speed.measure_flops() > 1e8
    monkeypatch.setattr(time, "perf_counter", lambda: pytest.fail("it is measured again"))
    assert speed.measure_flops() > 1e8


def test_a_token_costs_two_operations_a_parameter(
    study_fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "measure_flops", lambda: 1e9)
    plan = make_plan(Study.model_validate(study_fields | {"threads": 1}))
    assert speed.seconds_a_token(plan) == pytest.approx(2 * plan.base.info.parameters / 0.78e9)


def test_a_gpu_is_not_guessed_by_the_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(speed, "NVIDIA", tmp_path / "version")
    assert [speed.is_on_cpu(device) for device in ("auto", "cpu", "cuda", "cuda:1")] == [True, True, False, False]
    (tmp_path / "version").touch()
    assert [speed.is_on_cpu(device) for device in ("auto", "cpu")] == [False, True]
