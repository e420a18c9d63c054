"""The closing sentence: three planted studies, and those that have nothing to say."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from planted import Made, write

from medcot_bench.report.headline import summarise
from medcot_bench.results.folder import load

TOP = {"name": "top", "targets": "all"}


def plant(root: Path, chances: Mapping[str, tuple[float, float]], seeds: int, **changes: Any) -> Path:
    """Write a study in which adapter -> chances of a right answer on k8s_qa and manuals_qa, 60 items each."""
    made = []
    for adapter, both in chances.items():
        for seed in range(seeds):
            rng = random.Random(f"{adapter} {seed}")
            scores = {
                task: {"answer": {f"{task} {n}": float(rng.random() < chance) for n in range(60)}}
                for task, chance in zip(("k8s_qa", "manuals_qa"), both, strict=True)
            }
            part = Made(adapter=adapter, seed=seed, scores=scores, **changes)
            made.append(replace(part, selector=TOP) if adapter.startswith("layer_lora") else part)
    return write(root, *made)


GOLDEN: dict[str, tuple[Mapping[str, tuple[float, float]], int, str]] = {
    "smaller under shift": (
        {"full": (0.9, 0.3), "lora": (0.8, 0.3), "layer_lora:k=8": (0.4, 0.3)},
        3,
        "Trained on k8s_qa[file:k8s_qa.jsonl], scored by answer: full is ahead of layer_lora:k=8 by 0.45 "
        "(95 % interval 0.36 to 0.54) on that task, and full and layer_lora:k=8 are not told apart "
        "(layer_lora:k=8 ahead by 0.06, -0.04 to 0.16) on manuals_qa[file:manuals_qa.jsonl]; under shift the gap "
        "moves towards layer_lora:k=8, by 0.51 (0.36 to 0.67); adjusted for all that is compared, the verdict is: "
        "undetermined; 3 seeds at untuned learning rates can't show whether this holds for other rates, models or "
        "data.",
    ),
    "open": (
        {"full": (0.8, 0.6), "layer_lora": (0.4, 0.3)},
        3,
        "Trained on k8s_qa[file:k8s_qa.jsonl], scored by answer: full is ahead of layer_lora by 0.36 (95 "
        "% interval 0.11 to 0.61) on that task, and full is ahead of layer_lora by 0.25 (95 % interval "
        "0.16 to 0.34) on manuals_qa[file:manuals_qa.jsonl]; whether the gap is another one under shift "
        "stays open (it differs by -0.11, -0.24 to 0.02); adjusted for all that is compared, the verdict is: "
        "undetermined; 3 seeds at untuned learning rates can't show whether this holds for other rates, models or "
        "data.",
    ),
    "one seed": (
        {"lora": (0.5, 0.5), "full": (0.5, 0.5)},
        1,
        "Trained on k8s_qa[file:k8s_qa.jsonl], scored by answer: full and lora are not told apart (lora "
        "ahead by 0.07, -0.12 to 0.25) on that task, and full and lora are not told apart (full ahead by 0.05, "
        "-0.12 to 0.22) on manuals_qa[file:manuals_qa.jsonl]; whether the gap is another one under shift stays "
        "open (it differs by +0.12, -0.13 to 0.37); one seed at untuned learning rates describes two models and "
        "can't show how their methods differ.",
    ),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_planted_studies_give_the_golden_sentences(case: str, tmp_path: Path) -> None:
    chances, seeds, sentence = GOLDEN[case]
    assert summarise(load(plant(tmp_path, chances, seeds))) == sentence


@pytest.mark.parametrize(
    ("full", "other", "said"),
    [
        ((0.6, 0.9), (0.5, 0.2), "is larger, by 0."),
        ((0.9, 0.6), (0.2, 0.5), "is smaller, by 0."),
        ((0.2, 0.5), (0.9, 0.6), "is smaller, by 0."),
        ((0.5, 0.2), (0.6, 0.9), "is larger, by 0."),
        ((0.2, 0.8), (0.6, 0.4), "moves towards full, by 0."),
        ((0.8, 0.2), (0.4, 0.6), "moves towards layer_lora, by 0."),
    ],
)
def test_how_a_gap_changes_is_told_from_its_sides(
    full: tuple[float, float], other: tuple[float, float], said: str, tmp_path: Path
) -> None:
    sentence = summarise(load(plant(tmp_path, {"full": full, "layer_lora": other}, 3)))
    assert f"under shift the gap {said}" in sentence


def test_an_interval_that_the_adjusted_test_does_not_bear_out_is_said(tmp_path: Path) -> None:
    chances = {
        "full": (0.75, 0.75),
        **{f"lora:r={r}": (0.75, 0.75) for r in range(1, 9)},
        "layer_lora": (0.42, 0.75),
    }
    sentence = summarise(load(plant(tmp_path, chances, 3)))
    assert "not told from zero once adjusted)" in sentence


def test_what_has_no_pair_says_so(tmp_path: Path) -> None:
    alone = summarise(load(plant(tmp_path / "a", {"full": (0.5, 0.5), "none": (0.5, 0.5)}, 1, task=None)))
    assert alone.startswith("Full fine-tuning and another adapter trained on the same task are not both there")
    unscored = Made(adapter="lora")
    full = Made(adapter="full")
    assert summarise(load(write(tmp_path / "b", full, unscored))) == (
        "full and lora share no score on k8s_qa[file:k8s_qa.jsonl] yet, so no gap is shown."
    )


def test_without_full_fine_tuning_the_gain_over_the_base_is_told(tmp_path: Path) -> None:
    rng = random.Random(0)
    answers = [{f"k8s_qa {n}": float(rng.random() < chance) for n in range(60)} for chance in (0.8, 0.8, 0.8, 0.3)]
    *trained, untouched = ({"k8s_qa": {"answer": values}} for values in answers)
    cells = [Made(adapter="lora", seed=seed, scores=scores) for seed, scores in enumerate(trained)]
    base = Made(adapter="none", task=None, seed=None, scores=untouched)
    gain = sum(sum(answers[seed].values()) for seed in range(3)) / 180 - sum(answers[3].values()) / 60
    sentence = summarise(load(write(tmp_path, base, *cells)))
    assert sentence.startswith(
        "Trained on k8s_qa[file:k8s_qa.jsonl], scored by answer: "
        f"lora is ahead of none by {gain:.2f} (95 % interval 0."
    )
    assert sentence.endswith(
        " on that task; 3 seeds at untuned learning rates can't show whether this holds for other rates, models "
        "or data; "
        "full fine-tuning and another adapter trained on the same task are not both there, so no gap is shown."
    )


def by_both(answer: Mapping[str, float], nll: Mapping[str, float], **changes: Any) -> list[Made]:
    """Return cells of three seeds in which adapter -> mean of each score on both tasks."""
    made = []
    for adapter in answer:
        for seed in range(3):
            rng = random.Random(f"{adapter} {seed}")
            values = {
                name: {f"{n}": means[adapter] + rng.gauss(0, 0.01) for n in range(30)}
                for name, means in (("answer", answer), ("gold_nll", nll))
            }
            made.append(
                Made(adapter=adapter, seed=seed, scores=dict.fromkeys(("k8s_qa", "manuals_qa"), values), **changes)
            )
    return made


def ask_for(root: Path, primary: str) -> Path:
    plan = json.loads((root / "plan.json").read_text())
    (root / "plan.json").write_text(json.dumps({**plan, "analysis": {"primary": primary}}))
    return root


@pytest.mark.parametrize(
    ("primary", "score", "ahead"),
    [("answer", "answer", "full"), ("gold_nll", "gold_nll", "lora"), ("choice", "answer", "full")],
)
def test_the_primary_score_is_told_first_and_a_usual_one_where_it_is_lacking(
    primary: str, score: str, ahead: str, tmp_path: Path
) -> None:
    made = by_both({"full": 0.8, "lora": 0.5}, {"full": 1.5, "lora": 1.0})
    other = "lora" if ahead == "full" else "full"
    sentence = summarise(load(ask_for(write(tmp_path, *made), primary)))
    assert f"scored by {score}: {ahead} is ahead of {other} by" in sentence


def test_the_gain_over_the_base_is_told_by_the_primary_score_too(tmp_path: Path) -> None:
    made = by_both({"lora": 0.5}, {"lora": 1.0})
    base = replace(by_both({"none": 0.5}, {"none": 1.5})[0], task=None, seed=None)
    sentence = summarise(load(ask_for(write(tmp_path, base, *made), "gold_nll")))
    assert "scored by gold_nll: lora is ahead of none by 0.50" in sentence


def test_models_that_never_differ_are_alike_without_an_interval(tmp_path: Path) -> None:
    sentence = summarise(load(plant(tmp_path, {"full": (0.0, 0.0), "layer_lora": (0.0, 0.0)}, 3)))
    assert (
        "full and layer_lora are alike (too few groups of items differ for an interval) on that task" in sentence
    )


def test_a_shift_of_the_same_form_comes_first(tmp_path: Path) -> None:
    """Scores of other forms can't be compared, so a task of another form says less, wherever it stands."""
    root = plant(tmp_path, {"full": (0.8, 0.6), "layer_lora": (0.4, 0.3)}, 3)
    plan = json.loads((root / "plan.json").read_text())
    plan["tasks"] = {"kubectl": plan["tasks"]["manuals_qa"], **plan["tasks"]}
    for cell in plan["cells"]:
        (own,) = [one for one in cell["evaluations"] if one["task"] == "manuals_qa"]
        (path,) = root.glob(f"cells/*{cell['key']['id']}/scores/*{own['id']}.json")
        record = json.loads(path.read_text())
        (samples,) = root.glob(f"cells/*{cell['key']['id']}/samples/*{own['id']}.jsonl")
        other = "f" * 12
        record |= {"score_id": other, "task": "kubectl", "form": {"context": "none", "answer": "command"}}
        path.with_name(f"kubectl-{other}.json").write_text(json.dumps(record))
        samples.with_name(f"kubectl-{other}.jsonl").write_text(samples.read_text())
        cell["evaluations"].append({**own, "id": other, "task": "kubectl"})
    (root / "plan.json").write_text(json.dumps(plan))
    assert "manuals_qa" in summarise(load(root))
