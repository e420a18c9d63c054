"""YAML of users is read within bounds, and says what it says only once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.security.yaml_files import (
    BYTES,
    YAML_ERRORS,
    BoundedLoader,
    OutOfBounds,
    explain_yaml,
    load_yaml,
    read_yaml,
)
from medcot_bench.study.loading import load_study

LEVELS = [f"a{n}: &a{n} [{', '.join(f'*a{n - 1}' for _ in range(9))}]" for n in range(1, 12)]
BOMB = "\n".join(["a0: &a0 [lol, lol]", *LEVELS, "system_prompt: *a11"])
"""Less than a kilobyte that stands for 9^11 values."""

DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(0, 99), inner),
    max_leaves=20,
)


@given(DATA)
def test_what_safe_load_reads_is_read_alike(data: object) -> None:
    text = yaml.safe_dump(data)
    assert load_yaml(text) == load_yaml(text, BoundedLoader) == yaml.safe_load(text) == data


def test_anchors_and_merges_are_read_as_ever() -> None:
    text = """
base: &base {lr: 1, steps: [1, 2]}
one: {<<: *base, lr: 2}
two: &two {<<: *base, steps: 3}
three: {<<: [*two, *base], other: *base}
"""
    assert load_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (BOMB, "line 6: more than 100,000 values, those of anchors included"),
        ("a: &a [1, *a]", "line 1: the anchor 'a' refers to itself"),
        ("a: &a\n  b: {c: *a}", "line 2: the anchor 'a' refers to itself"),
        ("seeds: [0]\nlimit: 3\nseeds: [1]", "line 3: the key 'seeds' is given twice"),
        ("training:\n  lr: 1\n  'lr': 2", "line 3: the key 'lr' is given twice"),
        (f"seeds: [1,\n {2**63}]", "line 2: a whole number of more than 64 bits"),
        (f"seeds: [-{10**400}]", "line 1: a whole number of more than 64 bits"),
        (f"a: 1\nb: {'1:' * 100_000}1", "line 2: a whole number of more than 64 bits"),
        (f"a: {'1:' * 100_000}1.5", "line 1: a number of more than 100 characters"),
        ('a: 1\nb: "\\ud83d"', "line 2: half a surrogate pair, which is not a character"),
        ("[" * 5000, "it is nested too deeply"),
    ],
)
def test_what_is_out_of_bounds_is_named_with_its_line(text: str, error: str) -> None:
    with pytest.raises(YAML_ERRORS) as caught:
        load_yaml(text)
    assert explain_yaml(caught.value) == error


@pytest.mark.timeout(60)  # without the bound it takes minutes, and gigabytes
def test_a_bomb_in_a_study_file_is_one_short_line_at_once(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(BOMB)
    [error] = load_study(tmp_path / "study.yaml")[1]
    assert error.endswith("line 6: more than 100,000 values, those of anchors included")


def test_a_bomb_in_an_option_is_one_short_line() -> None:
    bomb = "{" + BOMB.replace("\n", ", ") + "}"
    [error] = load_study(None, [("limit", bomb)])[1]
    assert "more than 100,000 values" in error
    assert len(error) < 400


@pytest.mark.slow
def test_a_long_value_is_cut_in_its_message(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(f"a: &a {'x' * 100_000}\nlimit: [{', '.join(['*a'] * 1000)}]")
    errors = load_study(tmp_path / "study.yaml")[1]
    assert all(len(error) < 1000 for error in errors)
    assert any("…" in error for error in errors)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    with path.open("wb") as file:
        file.truncate(BYTES + 1)
    with pytest.raises(OSError, match=r"\[Errno 0\] 1 MB is too large; such a file has at most 1 MB"):
        read_yaml(path)
    [error] = load_study(path)[1]
    assert error == f"{path}: 1 MB is too large; such a file has at most 1 MB"


def test_lm_evals_files_may_have_a_key_twice_as_lm_eval_lets_them() -> None:
    assert load_yaml("a: 1\na: 2", BoundedLoader) == {"a": 2}
    with pytest.raises(OutOfBounds):
        load_yaml("a: &a [*a]", BoundedLoader)


def test_json_is_yaml_with_its_escapes_too() -> None:
    said = {"emoji \U0001f600": "\U0001f600 and \u00e9", "list": ["\U0001d4b3"]}
    assert load_yaml(json.dumps(said)) == said
