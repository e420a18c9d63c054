"""An adapter that was not applied is an error of its cell, and no row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from peft import LoraConfig, get_peft_model
from planted import Made, cell_record, evaluation_record
from transformers import AutoModelForCausalLM

import medcot_bench
from medcot_bench.errors import GateError
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.status import cell_statuses, run_order
from medcot_bench.results.cells import Cell
from medcot_bench.results.folder import load
from medcot_bench.results.store import Store
from medcot_bench.study.schema import Study
from medcot_bench.worker.check_applied import refuse_unapplied

SAYS = {"k8s_qa": {"prediction": "80", "gold_loglikelihood": -2.5}, "manuals_qa": {"gold_loglikelihood": -3.0}}


class Scored:
    """A study of which cells are scored by hand."""

    def __init__(self, fields: dict[str, Any]):
        self.plan = make_plan(Study.model_validate(fields))
        self.store = Store(Path(fields["output_dir"]))

    def cell(self, adapter: str) -> Cell:
        return next(cell for cell in self.plan.cells if cell.adapter == adapter)

    def score(self, adapter: str, steps: int = 2, **says: Any) -> None:
        cell, made = self.cell(adapter), Made(adapter=adapter)
        assert made.train
        record = cell_record(cell, cell.request, made, made.train)
        object.__setattr__(record.training, "steps", steps)
        self.store.commit_cell(cell, record, [])
        for key in self.plan.evaluations_of(cell):
            said = [
                {"id": item, "group": item, "scores": {}, **SAYS[key.task], **says.get(key.task, {})}
                for item in ("a", "b")
            ]
            self.store.commit_evaluation(cell, key, evaluation_record(key, made), said)

    def refuses(self, adapter: str) -> bool:
        cell = self.cell(adapter)
        error = None
        try:
            refuse_unapplied(self.plan, self.store, cell)
        except GateError as raised:
            error = str(raised)
        assert self.store.has_evaluations(cell) is (error is None)
        same = "every answer and likelihood equals the base model's, on k8s_qa and manuals_qa: "
        assert error is None or error.startswith(f"{same}the adapter was not applied")
        return error is not None


@pytest.fixture
def scored(study_fields: dict[str, Any]) -> Scored:
    return Scored(study_fields | {"adapters": "lora,none,lora:max_steps=0", "eval_tasks": "manuals_qa"})


def test_the_same_answers_and_likelihoods_on_every_task_are_refused_and_set_aside(scored: Scored) -> None:
    scored.score("none", steps=0)
    scored.score("lora")
    assert scored.refuses("lora")
    assert not scored.refuses("none")


@pytest.mark.parametrize(
    "says", [{"k8s_qa": {"prediction": "8"}}, {"manuals_qa": {"gold_loglikelihood": -3.0000000001}}]
)
def test_one_other_answer_or_likelihood_is_enough(scored: Scored, says: dict[str, Any]) -> None:
    scored.score("none", steps=0)
    scored.score("lora", **says)
    assert not scored.refuses("lora")


def test_nothing_is_said_without_steps_or_before_the_base_model_is_scored(scored: Scored) -> None:
    scored.score("lora:max_steps=0", steps=0)
    scored.score("lora")
    assert not scored.refuses("lora")
    scored.score("none", steps=0)
    assert not scored.refuses("lora:max_steps=0")
    assert scored.refuses("lora")


def test_an_evaluation_without_answers_or_likelihoods_can_not_tell(scored: Scored) -> None:
    for adapter in ("none", "lora"):
        scored.score(adapter, manuals_qa={"gold_loglikelihood": None})
    assert not scored.refuses("lora")


def test_the_base_model_is_scored_first_wherever_it_is_typed(scored: Scored) -> None:
    order = run_order(cell_statuses(scored.plan, scored.store), scored.plan)
    assert [status.cell.adapter for status in order] == ["none", "lora", "lora:max_steps=0"]


@pytest.mark.slow
def test_an_external_adapter_that_changes_nothing_fails_and_one_that_does_is_a_row(
    study_fields: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    model = get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    model.save_pretrained(tmp_path / "zero")  # B is zero: nothing is added to any weight
    fields = study_fields | {"adapters": f"peft:path={tmp_path / 'zero'},none,lora:lr=0.01"}
    results = medcot_bench.run(fields)
    said = {cell.cell.adapter: cell for cell in results.cells}
    zero = said.pop(f"peft:path={tmp_path / 'zero'}")
    assert not zero.evaluations
    assert zero.failure
    assert zero.failure.status == "failed"
    assert "the adapter was not applied" in zero.failure.error
    assert all(cell.evaluations and cell.whole for cell in said.values())
    assert load(results.root).cells == results.cells
