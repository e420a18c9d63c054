"""Main effects and interaction: against the four means, and only where a study takes the factors apart."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from planted import Made, write
from sealed import write_sealed

from medcot_bench.analysis.factors import EFFECTS, estimate_factor_effects
from medcot_bench.results.comparisons import FactorEffect
from medcot_bench.results.folder import load
from medcot_bench.stats.p_values import difference, holm

TOP = {"name": "top", "targets": "all"}
MEANS = {"full": 0.9, "full:select=top": 0.7, "lora": 0.8, "lora:select=top": 0.5}


def plant(
    root: Path,
    means: Mapping[str, float],
    score: str = "answer",
    request: Callable[[str], Mapping[str, Any] | None] = lambda adapter: {},
    tasks: Sequence[str] = ("k8s_qa",),
) -> Path:
    """Write rows around those means; `request` gives what an adapter's cells ask for beside it."""
    made = []
    for adapter, mean in means.items():
        for seed in range(5):
            rng = random.Random(f"{adapter} {seed}")
            scores = {task: {score: {str(n): mean + rng.gauss(0, 0.05) for n in range(30)}} for task in tasks}
            part = Made(adapter=adapter, seed=seed, scores=scores, request=request(adapter) or {})
            made.append(replace(part, selector=TOP) if "top" in adapter else part)
    return write(root, *made)


def effects(root: Path) -> dict[str, FactorEffect]:
    return {found.effect: found for found in estimate_factor_effects(load(root))}


def means_of(root: Path) -> dict[str, float]:
    results = load(root)
    found: dict[str, list[float]] = {}
    for cell in results.cells:
        samples = results.samples(cell, "k8s_qa")
        found.setdefault(cell.cell.adapter, []).extend(v for s in samples for v in s["scores"].values())
    return {adapter: sum(values) / len(values) for adapter, values in found.items()}


@pytest.mark.parametrize(("score", "sign"), [("answer", 1), ("gold_nll", -1)])
def test_effects_are_those_of_the_four_means(tmp_path: Path, score: str, sign: int) -> None:
    root = plant(tmp_path, MEANS, score)
    found, mean = effects(root), means_of(root)
    full, full_top, lora, lora_top = (mean[adapter] for adapter in MEANS)
    assert set(found) == {"scope", "rank", "scope x rank"}
    assert found["scope"].found.value == pytest.approx(sign * ((full + lora) - (full_top + lora_top)) / 2)
    assert found["rank"].found.value == pytest.approx(sign * ((full + full_top) - (lora + lora_top)) / 2)
    assert found["scope x rank"].found.value == pytest.approx(sign * ((full - full_top) - (lora - lora_top)))
    assert all((effect.p_value or 0) < 0.01 for effect in found.values())
    assert found["scope x rank"].adapters == tuple(MEANS)


def test_rows_of_other_items_or_steps_are_no_part_of_a_design(tmp_path: Path) -> None:
    alone = effects(plant(tmp_path / "alone", MEANS))
    recipe = {"lr": 1e-3, "train_tokens": 1000, "accumulation": 1}
    rows: dict[str, tuple[str, dict[str, Any]]] = {
        "full": ("all", recipe | {"lr": 1e-5}),
        "full:select=top": ("all", recipe | {"lr": 1e-5, "accumulation": 2}),
        "lora:train_items=100": ("the first 100", recipe),
        "lora:epochs=3": ("all", recipe | {"train_tokens": 3000}),
        "lora": ("all", recipe),
        "lora:select=top": ("all", recipe),
    }

    def request(adapter: str) -> dict[str, Any]:
        train, own = rows[adapter]
        return {"train": train, "recipe": own}

    means = {adapter: MEANS.get(adapter, 0.3) for adapter in rows}
    found = effects(plant(tmp_path / "among", means, request=request))
    assert found == alone
    assert found["scope x rank"].adapters == tuple(MEANS)
    less = {adapter: mean for adapter, mean in means.items() if adapter != "lora"}
    assert effects(plant(tmp_path / "without", less, request=request)) == {}


def test_every_number_of_training_items_has_its_effects_in_one_family(tmp_path: Path) -> None:
    sized = {
        f"{adapter}{',' if ':' in adapter else ':'}train_items={n}": (adapter, n)
        for adapter in MEANS
        for n in (9, 99)
    }
    means = {
        label: MEANS[adapter] + (n == 99) * 0.1 * ("full" in adapter) for label, (adapter, n) in sized.items()
    }
    root = plant(tmp_path, means, request=lambda label: {"train": str(sized[label][1])})
    found = estimate_factor_effects(load(root))
    assert [(effect.effect, {sized[label][1] for label in effect.adapters}) for effect in found] == [
        (effect, {size}) for size in (9, 99) for effect in [*EFFECTS][:3]
    ]
    mean = means_of(root)
    for effect in found:
        weights = EFFECTS[effect.effect].values()
        by_hand = sum(weight * mean[label] for weight, label in zip(weights, effect.adapters, strict=True))
        assert effect.found.value == pytest.approx(by_hand)
    raw = [difference(effect.found) for effect in found]
    assert [effect.p_value for effect in found] == holm(raw)


def test_the_effects_on_all_tasks_by_one_score_are_one_family(tmp_path: Path) -> None:
    means = {"full": 0.8, "full:select=top": 0.79, "lora": 0.8, "lora:select=top": 0.8}
    found = estimate_factor_effects(load(plant(tmp_path, means, tasks=("k8s_qa", "manuals_qa"))))
    assert [effect.task for effect in found] == ["k8s_qa"] * 3 + ["manuals_qa"] * 3
    assert [effect.p_value for effect in found] == holm([difference(effect.found) for effect in found])
    assert len({effect.p_value for effect in found}) > 1


def test_bits_are_compared_on_the_same_items_alone(tmp_path: Path) -> None:
    base = {"base": {"quantisation": "nf4"}}
    asked = {
        "lora": {"train": "all"},
        "qlora:train_items=100": {"train": "the first 100", **base},
        "qlora": {"train": "all", **base},
    }
    found = effects(plant(tmp_path, {"lora": 0.8, "qlora:train_items=100": 0.3, "qlora": 0.7}, request=asked.get))
    assert found["bits"].adapters == ("lora", "qlora")


def test_three_of_the_four_take_nothing_apart(tmp_path: Path) -> None:
    assert (
        effects(plant(tmp_path, {name: mean for name, mean in MEANS.items() if name != "full:select=top"})) == {}
    )


def test_other_layers_for_the_two_updates_are_no_factor(tmp_path: Path) -> None:
    root = plant(tmp_path, MEANS)
    for path in root.glob("cells/*lora.top*/cell.json"):
        write_sealed(path, json.loads(path.read_text().replace('"name": "top"', '"name": "bottom"')))
    assert effects(root) == {}


def test_the_bits_of_the_base_are_a_factor_of_lora_everywhere(tmp_path: Path) -> None:
    root = plant(tmp_path, {"lora": 0.8, "qlora": 0.7})
    assert effects(root) == {}
    for path in root.glob("cells/*qlora*/cell.json"):
        write_sealed(
            path,
            json.loads(path.read_text().replace('"request": {', '"request": {"base": {"quantisation": "nf4"}, ')),
        )
    (found,) = effects(root).values()
    mean = means_of(root)
    assert (found.effect, found.adapters) == ("bits", ("lora", "qlora"))
    assert found.found.value == pytest.approx(mean["lora"] - mean["qlora"])


def test_a_row_without_scores_yet_hides_its_effects_alone(tmp_path: Path) -> None:
    root = plant(tmp_path, {**MEANS, "qlora": 0.7})
    for path in root.glob("cells/*qlora*/cell.json"):
        write_sealed(
            path,
            json.loads(path.read_text().replace('"request": {', '"request": {"base": {"quantisation": "nf4"}, ')),
        )
    for path in root.glob("cells/k8s_qa__full__*/scores/*.json"):
        path.unlink()
    assert set(effects(root)) == {"bits"}


def test_the_pair_of_equal_layers_is_found_among_others(tmp_path: Path) -> None:
    root = plant(tmp_path, {"lora:select=random": 0.5, **MEANS})
    for path in root.glob("cells/*lora.random*/cell.json"):
        record = json.loads(path.read_text())
        record["request"]["adapter"]["selector"]["name"] = "random"
        del record["placement"]["layers.1.w"]
        write_sealed(path, record)
    assert effects(root)["scope x rank"].adapters == ("full", "full:select=top", "lora", "lora:select=top")


def test_some_modules_are_not_some_layers(tmp_path: Path) -> None:
    root = plant(tmp_path, MEANS)
    for path in root.glob("cells/*top*/cell.json"):
        changed = path.read_text().replace('"name": "top"', '"name": "all"')
        write_sealed(path, json.loads(changed.replace('"targets": "all"', '"targets": "mlp"')))
    assert effects(root) == {}
