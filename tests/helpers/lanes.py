"""One test in both lanes: few drawn items in the quick lane, many in the slow one."""

from __future__ import annotations

import pytest
import yaml

FAST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Reads YAML as `yaml.safe_load` does, ten times as fast where PyYAML was built with libyaml."""


def slow(*values: object) -> object:
    """Return values of a parametrised test that are for the slow lane, beside like ones that are quick."""
    return pytest.param(*values, marks=pytest.mark.slow)


def draw(quick: int, slow: int) -> pytest.MarkDecorator:
    """Give a test the argument `count`: how many items it draws."""
    return pytest.mark.parametrize("count", [quick, pytest.param(slow, marks=pytest.mark.slow)])
