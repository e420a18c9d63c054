"""One test in both lanes: few drawn items in the quick lane, many in the slow one."""

from __future__ import annotations

import pytest
import yaml

FAST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Reads YAML as `yaml.safe_load` does, ten times as fast where PyYAML was built with libyaml."""


def draw(quick: int, slow: int) -> pytest.MarkDecorator:
    """Give a test the argument `count`: how many items it draws."""
    return pytest.mark.parametrize("count", [quick, pytest.param(slow, marks=pytest.mark.slow)])
