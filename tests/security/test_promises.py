"""Each promise of SECURITY.md names tests that exist."""

from __future__ import annotations

import argparse
import ast
import re
from functools import cache
from pathlib import Path

import pytest

from medcot_bench.cli import parser
from medcot_bench.security.foreign_text import LINE, VALUE
from medcot_bench.security.secrets import LEAST
from medcot_bench.security.yaml_files import BYTES, NODES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
PROMISES = re.findall(r"^- (.*(?:\n  .*)*)", TEXT, re.MULTILINE)


@cache
def functions_in(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise[:40])
def test_a_promise_names_tests_that_exist(promise: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", promise)
    assert named
    assert not [f"{path}::{test}" for path, test in named if test not in functions_in(ROOT / path)]
    assert promise.count("tests/") == len(named)


def test_every_line_of_the_lists_is_a_promise() -> None:
    assert len(PROMISES) == len(re.findall(r"^\s*- ", TEXT, re.MULTILINE)) > 20


def test_numbers_are_those_of_the_code() -> None:
    assert (LINE, VALUE, NODES, BYTES, LEAST) == (1000, 200, 100_000, 1_000_000, 8)
    for number in ("1,000 characters", "them 200", "100,000 values", "1 MB", "eight characters"):
        assert number in TEXT


def test_no_flag_takes_a_secret() -> None:
    [commands] = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    flags = [flag for command in commands.choices.values() for flag in command._option_string_actions]
    assert len(flags) > 50
    assert not [flag for flag in flags if re.search("token(?!s)|key|secret|passw|credential", flag)]
