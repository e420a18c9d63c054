"""A record changed by hand, with the digest that fits it: as if it had been written so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medcot_bench.results.digests import KEY, add_digest
from medcot_bench.results.files import to_json


def write_sealed(path: Path, raw: Mapping[str, Any]) -> None:
    """Write a record or a plan, with a digest of its own in place of the one that it had."""
    path.write_bytes(to_json(add_digest({key: value for key, value in raw.items() if key != KEY})))
