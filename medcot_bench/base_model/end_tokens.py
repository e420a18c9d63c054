"""The end tokens of a base model that has several: one of the end of a text, one of the end of a turn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medcot_bench.base_model import hub_model
from medcot_bench.base_model.layout import read_json
from medcot_bench.base_model.resolve import Base

_FILES = ("generation_config.json", "config.json")
"""Where they are named; the first file that does counts."""


def list_end_tokens(base: Base) -> tuple[int, ...]:
    """Return the end tokens that a model's files list, in order; empty for a single one. Raises ModelError.

    A GGUF file names one.
    """
    for file in _find_files(base):
        named: Any = read_json(base.name, file).get("eos_token_id")
        if named is not None:
            ends = {token for token in named if type(token) is int} if isinstance(named, list) else set()
            return tuple(sorted(ends)) if len(ends) > 1 else ()
    return ()


def _find_files(base: Base) -> list[Path]:
    if base.kind == "gguf":
        return []
    if base.path is None:
        return hub_model.fetch_files(base.name, base.revision, _FILES)
    return [base.path / name for name in _FILES if (base.path / name).is_file()]
