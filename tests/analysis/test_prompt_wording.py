"""The prompt's own effect: paired by item and seed, for rows trained on the task whose items are asked again."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from planted import Made, write
from sealed import write_sealed

from medcot_bench.analysis.prompt_wording import estimate_prompt_effects
from medcot_bench.results.comparisons import Factor
from medcot_bench.results.folder import load

OTHER = "manuals_qa"  # stands for the same items in another prompt
LOSS = {"full": 0.3, "lora": 0.0}


def plant(root: Path, items_of: str | None, sign: int = 1) -> Path:
    made = [Made(adapter="none", seed=None, task=None, scores=values("none", 0, 0.0, sign))]
    made += [
        Made(adapter=a, seed=s, scores=values(a, s, loss, sign)) for a, loss in LOSS.items() for s in range(3)
    ]
    folder = write(root, *made)
    plan = json.loads((folder / "plan.json").read_text())
    plan["tasks"][OTHER]["items_of"] = items_of
    write_sealed(folder / "plan.json", plan)
    return folder


def values(adapter: str, seed: int, loss: float, sign: int) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    numbers = random.Random(f"{adapter} {seed}")
    own = {str(n): 0.6 + numbers.gauss(0, 0.1) for n in range(30)}
    other = {item: value - sign * loss + numbers.gauss(0, 0.02) for item, value in own.items()}
    score = "answer" if sign > 0 else "gold_nll"
    return {"k8s_qa": {score: own}, OTHER: {score: other}}


@pytest.mark.parametrize(("score", "sign"), [("answer", 1), ("gold_nll", -1)])
def test_what_another_prompt_costs(tmp_path: Path, score: str, sign: int) -> None:
    found = {effect.adapters: effect for effect in estimate_prompt_effects(load(plant(tmp_path, "k8s_qa", sign)))}
    assert set(found) == {("full",), ("lora",)}
    full, lora = found["full",], found["lora",]
    assert (full.trained, full.task, full.score, full.effect) == ("k8s_qa", OTHER, score, Factor.PROMPT)
    assert full.found.value == pytest.approx(0.3, abs=0.02)
    assert full.p_value is not None
    assert lora.p_value is not None
    assert full.p_value < 0.001 < lora.p_value


def test_a_task_of_its_own_items_is_no_other_prompt(tmp_path: Path) -> None:
    assert estimate_prompt_effects(load(plant(tmp_path, None))) == ()
