"""Bundled items of level `basic` fit the default model's budget in tokens, at every shift."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from lanes import draw

from medcot_bench.base_model.resolve import resolve
from medcot_bench.errors import MedcotError
from medcot_bench.models.load import load_tokenizer, weights_folder
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import resolve_task
from medcot_bench.study.schema import DEFAULT_MODEL
from medcot_bench.study.spec_strings import parse_specs
from medcot_tasks.bundled import SHIFTS

LIMITS = {
    "medqa_cot": (150, 90),
    "medcalc_cot": (150, 90),
    "k8s_qa": (200, 90),
    "kubectl": (40, 90),
    "manuals_qa": (200, 90),
}
"""Task -> tokens of prompt and of target that 99 of 100 items keep to."""


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    try:
        return load_tokenizer(weights_folder(resolve(DEFAULT_MODEL)))
    except MedcotError as error:
        pytest.skip(str(error))


def most(lengths: list[int]) -> int:
    return sorted(lengths)[int(0.99 * len(lengths)) - 1]


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("shift", ["", *SHIFTS])
@draw(quick=200, slow=500)
def test_prompts_and_targets_of_basic_items_are_short(name: str, shift: str, tokenizer: Any, count: int) -> None:
    task = resolve_task(parse_specs(f"{name}@{shift}" if shift else name)[0], installed()).task
    items = list(islice(task.examples("eval"), count))
    prompts = tokenizer([task.prompt(example, "default") for example in items])["input_ids"]
    targets = tokenizer([task.target(example).text for example in items])["input_ids"]
    prompt, target = LIMITS[name]
    assert most([len(ids) for ids in prompts]) <= prompt
    assert most([len(ids) for ids in targets]) <= target


@pytest.mark.parametrize("name", LIMITS)
def test_hard_items_are_longer(name: str, tokenizer: Any) -> None:
    def tokens(level: str) -> int:
        task = resolve_task(parse_specs(f"{name}:level={level}")[0], installed()).task
        items = islice(task.examples("eval"), 100)
        texts = [task.prompt(example, "default") + task.target(example).text for example in items]
        return sum(len(ids) for ids in tokenizer(texts)["input_ids"])

    assert tokens("hard") > 1.3 * tokens("basic")
