"""What is measured of the before base is measured once for the cells that start from it in one form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from medcot_bench.models.tokenization import Encoder
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.estimates.duration import measuring_work
from medcot_bench.study.schema import Study
from medcot_bench.training import drift as distance
from medcot_bench.training.drift import Distances


def test_the_base_is_measured_once_for_each_task_and_form(
    study_fields: dict[str, Any], tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counted(name: str, measure: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            asked.append(name)
            return measure(*given)

        return call

    for name in ("next_token_logprobs", "general_nll"):
        monkeypatch.setattr(distance, name, counted(name, getattr(distance, name)))
    plan = make_plan(Study.model_validate(study_fields | {"tasks": "k8s_qa,medqa_cot"}))
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    distances = Distances(plan, Encoder(AutoTokenizer.from_pretrained(tiny_model)), torch.float32)
    assert distances.measure_base(base, "none", None).items == ()
    first = distances.measure_base(base, "none", "k8s_qa")
    assert asked == ["general_nll", "next_token_logprobs"]
    assert distances.measure_base(base, "none", "k8s_qa") == first
    other = distances.measure_base(base, "none", "medqa_cot")
    assert asked == ["general_nll", "next_token_logprobs", "next_token_logprobs"]
    assert other.general == first.general
    assert other.items != first.items
    distances.measure_base(base, "nf4", "k8s_qa")
    assert asked[3:] == ["general_nll", "next_token_logprobs"]


def test_nothing_is_measured_where_a_study_asks_for_no_drift(
    study_fields: dict[str, Any], tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("next_token_logprobs", "general_nll"):
        monkeypatch.delattr(distance, name)
    plan = make_plan(Study.model_validate(study_fields | {"drift": False}))
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    distances = Distances(plan, Encoder(AutoTokenizer.from_pretrained(tiny_model)), torch.float32)
    for task in (None, "k8s_qa"):
        before = distances.measure_base(base, "none", task)
        assert distances.measure(before, base) == (None, None)
    assert measuring_work(plan, "k8s_qa") == 0
    measured = make_plan(Study.model_validate(study_fields))
    assert measuring_work(measured, "k8s_qa") > 0
    assert [cell.id for cell in plan.cells] == [cell.id for cell in measured.cells]


def test_a_model_is_measured_against_what_its_base_was(study_fields: dict[str, Any], tiny_model: Path) -> None:
    plan = make_plan(Study.model_validate(study_fields))
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    distances = Distances(plan, Encoder(AutoTokenizer.from_pretrained(tiny_model)), torch.float32)
    before = distances.measure_base(model, "none", "k8s_qa")
    found, lost = distances.measure(before, model)
    assert found is not None
    assert lost is not None
    assert (found.kl, lost.nll) == (0.0, lost.base)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.2)
    found, lost = distances.measure(before, model)  # the base itself, as full fine-tuning changes it
    assert found is not None
    assert lost is not None
    assert found.kl > 0
    assert lost.base == before.general != lost.nll
