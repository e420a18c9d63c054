"""Prompting baselines scored for real, with a tiny model: what is asked, what is read, and what they equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from medcot_bench.errors import ConfigErrors
from medcot_bench.models.load import load_model, load_tokenizer
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import write
from medcot_bench.planning import baseline_evaluations as prompting
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.prompted_task import AFTER, BEFORE, apply_baseline
from medcot_bench.plugins.resolve_task import ResolvedTask, resolve_task
from medcot_bench.scoring import evaluate as evaluating
from medcot_bench.scoring.evaluate import EvaluationResult, evaluate_task
from medcot_bench.study.schema import Study
from medcot_bench.study.spec_strings import Spec
from medcot_bench.types import Example

Fields = dict[str, Any]
ALL = "zero_shot,few_shot=2,cot,no_context"
POD = Example(id="1", group="g", question="Which pod waits?", answer="web-0", context="web-0 is Pending.")
MANY = ("k8s_qa", "manuals_qa", "medcalc_cot", "pubmedqa_cot")


def scored(fields: Fields, **changes: Any) -> tuple[Plan, dict[tuple[str, str], EvaluationResult]]:
    """Return (baseline, task) -> evaluation of the base."""
    plan = make_plan(Study.model_validate(fields | {"adapters": "none"} | changes))
    folder = Path(fields["model"])
    model = load_model(folder, quantisation="none", dtype=torch.float32, device=torch.device("cpu"))
    encoder = Encoder(load_tokenizer(folder), plan.study.chat_template)
    return plan, {(s.baseline, s.task): evaluate_task(model, encoder, plan, s) for s in plan.evaluations}


def task(name: str) -> ResolvedTask:
    return resolve_task(Spec(name, {}), installed())


def test_all_baselines_of_a_task_with_a_context_and_of_one_without(
    study_fields: Fields, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompting, "ROOM", 24)
    plan, found = scored(study_fields, tasks="k8s_qa,medqa_cot", limit=1, baselines=ALL)
    assert set(found) == {
        *(("", name) for name in ("k8s_qa", "medqa_cot")),
        *(("few_shot=2", name) for name in ("k8s_qa", "medqa_cot")),
        *(("cot", name) for name in ("k8s_qa", "medqa_cot")),
        ("no_context", "k8s_qa"),
    }
    hashes = {evaluation.samples[0]["prompt_hash"] for evaluation in found.values()}
    assert len(hashes) == len(found)  # no two prompts are the same
    for (baseline, name), evaluation in found.items():
        assert {f"{s},none" for s in plan.tasks[name].task.spec.scores} >= {"answer,none"}
        assert evaluation.results["answer,none"] >= 0
        assert ("gold_nll,none" in evaluation.results) == (baseline != "cot")
        assert evaluation.counts["items"] == 1
    assert len(found["cot", "k8s_qa"].samples[0]["prediction"]) > 8  # more room than the plain answer's 8 tokens
    assert found["no_context", "k8s_qa"].counts["extractive"] == 0


def test_few_shot_equals_the_score_of_as_many_solved_examples_to_the_last_digit(study_fields: Fields) -> None:
    _, asked = scored(study_fields, limit=2, baselines="few_shot=2")
    _, plain = scored(study_fields, limit=2, scoring=study_fields["scoring"] | {"num_fewshot": 2})
    assert asked["few_shot=2", "k8s_qa"] == plain["", "k8s_qa"]
    assert asked["few_shot=2", "k8s_qa"] != asked["", "k8s_qa"]


@pytest.mark.parametrize("name", MANY)
def test_the_prompt_without_a_context_lacks_it(name: str, tiny_model: Path) -> None:
    chosen = task(name)
    one = Example(
        id="1",
        group="g",
        question="What holds?",
        answer="yes",
        context="Zebras graze.",
        reasoning="So.",
        options={},
    )
    for template in chosen.task.spec.templates:
        bare = apply_baseline(chosen, "no_context").task.prompt(one, template)
        whole = chosen.task.prompt(one, template)
        assert "Zebras" in whole
        assert "Zebras" not in bare
        assert "None" not in bare
        assert whole.endswith(bare[bare.index("What holds?") - 3 :])
    assert apply_baseline(chosen, "no_context").task.spec.form.context == "none"


def test_solved_examples_lose_their_context_too(study_fields: Fields, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts: list[str] = []

    def keep(name: str, questions: Any, *rest: Any) -> Any:
        prompts.extend(question.written.prompt for question in questions)
        return real(name, questions, *rest)

    real = evaluating.build_task
    monkeypatch.setattr(evaluating, "build_task", keep)
    scoring = {"num_fewshot": 1, "scores": ["gold_nll"]}
    plan, _ = scored(study_fields, limit=1, scoring=scoring, baselines="no_context,zero_shot")
    by_prompt = dict(zip((score.baseline for score in plan.evaluations), prompts, strict=True))
    (shot,), (item,) = plan.items.shots("k8s_qa"), plan.items.scored("k8s_qa")
    assert str(shot.context) in by_prompt[""]
    for context in (shot.context, item.context):
        assert str(context) not in by_prompt["no_context"]
    assert shot.question in by_prompt["no_context"]
    assert shot.question not in by_prompt["zero_shot"]


def test_reasoning_is_asked_for_around_the_task_s_own_prompt(tiny_model: Path) -> None:
    chosen, encoder = task("k8s_qa"), Encoder(load_tokenizer(tiny_model))
    own = write(chosen, encoder, POD).prompt
    assert write(apply_baseline(chosen, "cot"), encoder, POD).prompt == f"{BEFORE}{own}{AFTER}"
    assert apply_baseline(chosen, "cot").task.spec.stop == ()
    assert apply_baseline(task("medqa_cot"), "cot").task.spec.stop == task("medqa_cot").task.spec.stop


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        ("The pod web-0 is Pending, so it waits.\nAnswer: web-0", 1.0),
        ("It waits.\n**Answer:** web-0", 1.0),
        ("It waits.\n\nThe answer: none?\nAnswer: **web-0**\nAnswer: web-1", 1.0),
        ("Reasons.\nANSWER:\nweb-0\nand more", 1.0),
        ("Answer: web-0\nQuestion: another", 1.0),
        ("Reasons.\nAnswer: the third of them", 0.0),
        ("web-0", None),
        ("So the answer: web-0", None),
        ("", None),
        ("Reasons.\nAnswer:", None),
    ],
)
def test_the_answer_is_read_after_the_first_mark_that_begins_a_line(completion: str, answer: float | None) -> None:
    assert apply_baseline(task("k8s_qa"), "cot").task.score(POD, completion)["answer"] == answer


def test_a_task_whose_targets_have_the_mark_reads_its_own(examples: Path) -> None:
    chosen = task("medcalc_cot")
    one = next(iter(chosen.task.examples("eval")))
    text = chosen.task.target(one).text.strip()
    assert apply_baseline(chosen, "cot").task.score(one, text) == chosen.task.score(one, text)


def test_the_gates_hold(study_fields: Fields, monkeypatch: pytest.MonkeyPatch) -> None:
    from medcot_tasks.kubernetes.k8s_qa import K8sQA

    own = K8sQA.prompt
    monkeypatch.setattr(K8sQA, "prompt", lambda self, e, t: f"{own(self, e, t)} Hint: {e.answer}.")
    with pytest.raises(ConfigErrors, match="prompts give their own target away"):
        scored(study_fields, baselines="no_context")
