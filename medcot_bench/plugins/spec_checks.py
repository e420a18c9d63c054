"""What is wrong with what a plugin declares about itself, in one line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from medcot_bench.plugins.options import TYPE_NAMES
from medcot_bench.results.metrics import CORE_METRICS
from medcot_bench.types import SPLITS, AdapterSpec, Example, Form, Option, SelectorSpec, TaskSpec

SPECS: Mapping[str, type] = {"task": TaskSpec, "adapter": AdapterSpec, "selector": SelectorSpec}
"""Kind of plugin -> the class of its `spec`."""
_FIELDS = {field.name for field in dataclasses.fields(Example)}


def find_fault(spec: Any, kind: str) -> str:
    """Return the first thing that is wrong with the `spec` of a task, adapter or selector, empty if nothing is."""
    wanted = SPECS[kind]
    if not isinstance(spec, wanted):
        return f"spec is of type {type(spec).__name__}, not {wanted.__name__}"
    return next(_faults(spec), "")


def _faults(spec: Any) -> Iterator[str]:
    if not isinstance(spec.name, str) or not spec.name:
        yield f"spec.name is {spec.name!r}; write the name that is typed"
    if type(spec.version) is not int or spec.version < 1:
        yield f"spec.version is {spec.version!r}; write a whole number from 1 up"
    yield from _wrong_words("spec", spec)
    for name, option in spec.options.items():
        yield from _wrong_option(name, option)
    if isinstance(spec, TaskSpec):
        yield from _wrong_task(spec)


def _wrong_words(where: str, record: Any) -> Iterator[str]:
    """Look for fields that take one of several words and have another."""
    for name, hint in get_type_hints(type(record)).items():
        value = getattr(record, name)
        if get_origin(hint) is Literal and value not in get_args(hint):
            yield f"{where}.{name} is {value!r}; choose one of {', '.join(get_args(hint))}"


def _wrong_option(name: str, option: Any) -> Iterator[str]:
    where = f"option '{name}'"
    if not isinstance(option, Option):
        yield f"{where} is of type {type(option).__name__}, not Option"
    elif option.type not in TYPE_NAMES:
        yield f"{where}: type is {option.type!r}; choose one of str, int, float, bool"
    elif option.default is not None and type(option.default) is not option.type:
        # 1 and 1.0 are two ids of one thing.
        yield f"{where}: its default {option.default!r} is not {TYPE_NAMES[option.type]}"
    elif isinstance(option.choices, str) or not all(isinstance(choice, str) for choice in option.choices):
        yield f"{where}: choices is {option.choices!r}; write a tuple of strings"
    elif option.choices and option.default is not None and str(option.default) not in option.choices:
        yield f"{where}: its default {option.default!r} is not one of its choices, {', '.join(option.choices)}"


def _wrong_task(spec: TaskSpec) -> Iterator[str]:
    for name in ("shifts", "templates", "required", "usable_with", "trainable_with", "scores", "stop"):
        value = getattr(spec, name)
        if isinstance(value, str):
            yield f"spec.{name} is the string {value!r}; write a tuple, ({value!r},)"
    if not isinstance(spec.form, Form):
        yield f"spec.form is of type {type(spec.form).__name__}, not Form"
    else:
        yield from _wrong_words("spec.form", spec.form)
    if not spec.templates:
        yield "spec.templates is empty"
    for name in ("required", "usable_with", "trainable_with"):
        if unknown := [field for field in getattr(spec, name) if field not in _FIELDS]:
            yield f"spec.{name} has '{unknown[0]}', which is not a field of Example"
    if unknown_splits := [split for split in spec.pool if split not in SPLITS]:
        yield f"spec.pool has '{unknown_splits[0]}'; splits are {', '.join(SPLITS)}"
    if "answer" not in spec.scores:
        yield "'answer' is missing from spec.scores"
    for score in spec.scores:
        if score in CORE_METRICS and score != "answer":
            yield f"spec.scores has '{score}', which the core gives to every task; choose another name"
        if not score.isidentifier() or score.endswith("_stderr"):
            yield f"spec.scores has {score!r}; write letters, digits and _ (not ending in _stderr)"
