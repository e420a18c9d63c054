"""Engines come by entry point: found, checked when a study is planned, made where a model is scored."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

from medcot_bench import hookimpl
from medcot_bench.cli import main
from medcot_bench.errors import ConfigErrors, PluginError
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.plugins.entries import PluginEntry
from medcot_bench.plugins.manager import Plugins, installed
from medcot_bench.study.schema import Study
from medcot_bench.types import LoadedModel

Fields = dict[str, Any]
LOADED = LoadedModel(model=None, tokenizer=None, max_length=8)


def medcot_make_engine(name: str, loaded: LoadedModel, batch_size: int | None) -> object:
    return types.SimpleNamespace(batch_size=batch_size or 4, likelihoods=list, generations=list, loaded=loaded)


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., PluginEntry]:
    def make(name: str, *functions: Callable[..., Any], distribution: str = "acme") -> PluginEntry:
        module = types.ModuleType(f"_engine_{distribution}_{name}")
        for function in functions:
            setattr(module, function.__name__, hookimpl(function))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return PluginEntry("engine", name, module.__name__, distribution, "1.0")

    return make


Offer = Callable[..., PluginEntry]


def planned(fields: Fields, engine: str, plugins: Plugins | None = None) -> Plan:
    study = Study.model_validate(fields | {"scoring": fields["scoring"] | {"engine": engine}})
    return make_plan(study, plugins=plugins)


def beside_ours(*entries: PluginEntry, blocked: str = "") -> Plugins:
    return Plugins([*installed().entries, *entries], frozenset({blocked} if blocked else ()))


def test_the_built_in_engines_are_listed_as_all_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "engines", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(one["kind"], one["name"], one["distribution"]) for one in listed] == [
        ("engine", "fast", "medcot-bench"),
        ("engine", "hf", "medcot-bench"),
    ]


def test_no_id_depends_on_the_engine(study_fields: Fields, offer: Offer) -> None:
    plugins = beside_ours(offer("own", medcot_make_engine))
    fast, own = (planned(study_fields, name, plugins) for name in ("fast", "own"))
    assert [cell.id for cell in own.cells] == [cell.id for cell in fast.cells]
    assert [score.id for score in own.evaluations] == [score.id for score in fast.evaluations]


def failing_import(offer: Offer) -> Plugins:
    return beside_ours(PluginEntry("engine", "own", "_no_such_module_anywhere", "acme", "1.0"))


def misspelt_hook(offer: Offer) -> Plugins:
    def medcot_make_engin(name: str) -> None: ...

    return beside_ours(offer("own", medcot_make_engin))


@pytest.mark.parametrize(
    ("plugins", "said"),
    [
        (lambda offer: beside_ours(), "no engine 'own'; known: fast, hf"),
        (
            lambda offer: beside_ours(offer("own", medcot_make_engine), blocked="own"),
            "engine 'own' is blocked by MEDCOT_BLOCK",
        ),
        (
            lambda offer: beside_ours(offer("own", medcot_make_engine), blocked="engine:own"),
            "engine 'own' is blocked by MEDCOT_BLOCK",
        ),
        (
            lambda offer: beside_ours(*(offer("own", distribution=owner) for owner in ("acme", "bolt"))),
            "name conflict: engine 'own' is provided by acme 1.0 and bolt 1.0; uninstall one, or block one",
        ),
        (failing_import, "engine 'own' (acme 1.0) can't be imported: ModuleNotFoundError: "),
        (misspelt_hook, "engine 'own' (acme 1.0) implements a wrong hook: unknown hook 'medcot_make_engin'"),
        (
            lambda offer: beside_ours(offer("own")),
            "engine 'own' (acme 1.0) implements no hook; write medcot_make_engine in _engine_acme_own",
        ),
    ],
    ids=["unknown", "blocked", "blocked as a kind", "twice", "failing import", "misspelt hook", "no hook"],
)
def test_an_engine_that_can_not_be_used_is_an_error_of_the_plan(
    plugins: Callable[[Offer], Plugins], said: str, study_fields: Fields, offer: Offer
) -> None:
    with pytest.raises(ConfigErrors) as caught:
        planned(study_fields, "own", plugins(offer))
    (line,) = caught.value.errors
    assert line.startswith(f"scoring.engine: {said}")


def test_a_broken_engine_leaves_the_others_usable(study_fields: Fields, offer: Offer) -> None:
    assert planned(study_fields, "hf", misspelt_hook(offer)).cells


def test_the_hook_gets_the_model_and_the_batch_size_of_the_study(offer: Offer) -> None:
    plugins = Plugins([offer("own", medcot_make_engine)])
    made: Any = plugins.make_engine("own", LOADED, 16)
    assert (made.loaded, made.batch_size) == (LOADED, 16)
    assert plugins.make_engine("own", LOADED).batch_size == 4


def test_what_is_not_a_whole_engine_is_told_what_is_missing(offer: Offer) -> None:
    def medcot_make_engine(name: str) -> object:
        return types.SimpleNamespace(likelihoods=list)

    plugins = Plugins([offer("half", medcot_make_engine)])
    with pytest.raises(PluginError) as caught:
        plugins.make_engine("half", LOADED)
    assert str(caught.value) == (
        "engine 'half' (acme 1.0): medcot_make_engine returned an object of type SimpleNamespace without "
        "batch_size, generations"
    )
