"""What a plugin declares wrongly is one line that says what to write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from medcot_bench.plugins.entries import KINDS
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.spec_checks import SPECS, find_fault
from medcot_bench.types import AdapterSpec, Form, Option, SelectorSpec, TaskSpec

TASK = TaskSpec(name="x", version=1, domain="d", form=Form("none", "text"), licence="CC0-1.0")
ADAPTER = AdapterSpec(name="x", version=1, update="low_rank")
SELECTOR = SelectorSpec(name="x", version=1)


@pytest.mark.parametrize(
    ("spec", "changes", "said"),
    [
        (TASK, {"name": ""}, "spec.name is ''; write the name that is typed"),
        (TASK, {"version": "1"}, "spec.version is '1'; write a whole number from 1 up"),
        (TASK, {"form": "text"}, "spec.form is of type str, not Form"),
        (TASK, {"form": Form("none", "integer")}, "spec.form.answer is 'integer'; choose one of letter"),
        (TASK, {"stop": "\n"}, r"spec.stop is the string '\n'; write a tuple, ('\n',)"),
        (TASK, {"scores": "answer"}, "spec.scores is the string 'answer'; write a tuple, ('answer',)"),
        (TASK, {"scores": ("f1",)}, "'answer' is missing from spec.scores"),
        (TASK, {"scores": ("answer", "parsed")}, "spec.scores has 'parsed', which the core gives to every task"),
        (TASK, {"scores": ("answer", "a,b")}, "spec.scores has 'a,b'; write letters, digits and _"),
        (TASK, {"scores": ("answer", "f1_stderr")}, "spec.scores has 'f1_stderr'; write letters"),
        (TASK, {"templates": ()}, "spec.templates is empty"),
        (TASK, {"required": ("prompt",)}, "spec.required has 'prompt', which is not a field of Example"),
        (TASK, {"pool": {"test": 10}}, "spec.pool has 'test'; splits are train, validation, eval"),
        (ADAPTER, {"update": "lora"}, "spec.update is 'lora'; choose one of full, low_rank, none"),
        (ADAPTER, {"quantisation": "int8"}, "spec.quantisation is 'int8'; choose one of none, nf4"),
        (ADAPTER, {"options": {"r": 16}}, "option 'r' is of type int, not Option"),
        (ADAPTER, {"options": {"r": Option(list, [], "")}}, "option 'r': type is <class 'list'>; choose"),
        (ADAPTER, {"options": {"r": Option(int, "16", "")}}, "option 'r': its default '16' is not an int"),
        (ADAPTER, {"options": {"r": Option(float, 1, "")}}, "option 'r': its default 1 is not a float"),
        (ADAPTER, {"options": {"r": Option(int, True, "")}}, "option 'r': its default True is not an int"),
        (SELECTOR, {"options": {"by": Option(str, "a", "", choices="ab")}}, "option 'by': choices is"),
        (
            SELECTOR,
            {"options": {"by": Option(str, "a", "", choices=("b",))}},
            "option 'by': its default 'a' is not one of its choices, b",
        ),
    ],
)
def test_a_wrong_field_is_named_with_what_to_write(spec: Any, changes: dict[str, Any], said: str) -> None:
    kind = next(kind for kind, wanted in SPECS.items() if isinstance(spec, wanted))
    assert find_fault(spec, kind) == ""
    assert find_fault(replace(spec, **changes), kind).startswith(said)


def test_a_spec_of_another_class_is_named() -> None:
    assert find_fault({"name": "x"}, "task") == "spec is of type dict, not TaskSpec"
    assert find_fault(TASK, "adapter") == "spec is of type TaskSpec, not AdapterSpec"


def test_no_installed_plugin_has_a_fault() -> None:
    for kind in set(KINDS) & set(SPECS):
        for entry in installed().of(kind):
            assert find_fault(getattr(installed(), f"make_{kind}")(entry.name).spec, kind) == ""
