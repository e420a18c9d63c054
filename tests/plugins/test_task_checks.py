"""What a task gives is checked where it comes in, and named after the plugin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from medcot_bench.data.sources import load
from medcot_bench.errors import PluginError
from medcot_bench.models.tokenization import Encoder
from medcot_bench.models.write_item import write
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import ResolvedTask, resolve_task
from medcot_bench.plugins.task_checks import checked_items, checked_prompt, checked_target
from medcot_bench.study.spec_strings import Spec
from medcot_bench.testing.tiny import make_tiny_tokenizer
from medcot_bench.types import Example, Target

ITEM = Example(id="ftp", group="ftp", question="ftp", answer="21")


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([ITEM, {"id": "ssh"}], "item 2 is of type dict, not Example"),
        ([replace(ITEM, answer=21)], "item 'ftp': answer is of type int, not a string"),
        ([replace(ITEM, group=None)], "item 'ftp': group is of type NoneType, not a string"),
        ([replace(ITEM, reasoning=["first"])], "item 'ftp': reasoning is of type list, not a string"),
        ([replace(ITEM, options={"A": 21})], "item 'ftp': options are not a mapping from letters to strings"),
        ([replace(ITEM, meta={"bounds": {1, 2}})], "item 'ftp': meta can't be written as JSON: "),
        ([ITEM, replace(ITEM, group="other")], "id 'ftp' appears twice in a split"),
    ],
)
def test_a_wrong_item_is_named(items: list[Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        checked_items(items)
    assert str(caught.value).startswith(said)


def test_good_items_pass_as_they_are() -> None:
    assert checked_items(iter([ITEM])) == (ITEM,)
    assert checked_prompt("Port?") == "Port?"
    assert checked_target(Target("21", "It is 21.")) == Target("21", "It is 21.")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("21", "target() returned type str, not Target"),
        (Target(21), "target() returned a Target whose answer is of type int, not a string"),
        (Target("21", 3), "target() returned a Target whose reasoning is of type int, not a string"),
    ],
)
def test_a_wrong_target_is_named(target: Any, said: str) -> None:
    with pytest.raises(TypeError, match="target") as caught:
        checked_target(target)
    assert str(caught.value) == said


@pytest.fixture
def chosen() -> ResolvedTask:
    return resolve_task(Spec("k8s_qa", {}), installed())


class Wrong:
    """A task that gives one wrong thing."""

    def __init__(self, task: Any, name: str, value: Any):
        self._task, self._name, self._value = task, name, value

    def __getattr__(self, name: str) -> Any:
        return (lambda *_: self._value) if name == self._name else getattr(self._task, name)


def test_wrong_items_prompts_and_targets_name_the_plugin(chosen: ResolvedTask) -> None:
    encoder = Encoder(make_tiny_tokenizer())
    for method, value, action, said in (
        (
            "examples",
            [1],
            lambda wrong: load(wrong, {}, 0),
            "item 1 is of type int, not Example",
        ),
        (
            "prompt",
            None,
            lambda wrong: write(wrong, encoder, ITEM),
            "prompt() returned type NoneType, not a string",
        ),
        ("target", "21", lambda wrong: write(wrong, encoder, ITEM), "target() returned type str, not Target"),
    ):
        wrong = replace(chosen, task=Wrong(chosen.task, method, value))
        with pytest.raises(PluginError) as caught:
            action(wrong)
        assert str(caught.value).startswith("task 'k8s_qa' (medcot-bench ")
        assert str(caught.value).endswith(said)
