"""Inputs that failed once, kept outside of this repository: `MEDCOT_TEST_CASES` names their folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = os.environ.get("MEDCOT_TEST_CASES", "")


def find_case(name: str) -> Path:
    """Return the folder of a case; skip the test where it is absent."""
    folder = Path(FOLDER, name)
    if not FOLDER or not folder.is_dir():
        pytest.skip(f"case {name} not found; set MEDCOT_TEST_CASES to the folder of such inputs")
    return folder
