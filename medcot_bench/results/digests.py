"""What a record says of itself is checked: its own digest, and that it is the record of the id it lies under."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from math import isclose
from statistics import fmean
from typing import Any

from medcot_bench.results.cells import request_id
from medcot_bench.results.records import EvaluationRecord

KEY = "sha256"
"""Where a record keeps its digest."""


def add_digest(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with the digest of its content as JSON. Raises ValueError for NaN and infinities."""
    return {**record, KEY: _digest(json.loads(json.dumps(record, allow_nan=False)))}


def has_digest(raw: Mapping[str, Any]) -> bool:
    """Whether a record has a digest that can be checked; older ones have none."""
    return KEY in raw


def find_change(raw: Mapping[str, Any]) -> str | None:
    """Say that a record is not what was written, None where it is or has no digest."""
    if has_digest(raw) and raw[KEY] != _digest({key: value for key, value in raw.items() if key != KEY}):
        return "changed since it was written"
    return None


def find_other_owner(raw: Mapping[str, Any], ids: Mapping[str, str]) -> str | None:
    """Say that a record belongs elsewhere; `ids` are what its keys `cell_id` and `score_id` have to be.

    An id is the hash of its request (results/cells.py), so that a changed request shows without a digest, too.
    """
    for key, wanted in ids.items():
        if raw.get(key) != wanted:
            return f"is the record of {json.dumps(raw.get(key)).strip(chr(34))[:40]}, not of {wanted}"
    if "request" in raw and not has_digest(raw):
        own = raw.get("score_id", raw.get("cell_id"))
        if request_id(raw["request"]) != own:
            return f"its request is not that of {own}"
    return None


def find_other_results(record: EvaluationRecord, samples: Sequence[Mapping[str, Any]]) -> str | None:
    """Say which result is not the mean over the samples, None where all are.

    Tasks of lm-eval have scores that are no means, and are left out.
    """
    if record.subtasks:
        return None
    for key, value in record.results.items():
        name, _, filtered = key.partition(",")
        values = [sample["scores"][name] for sample in samples if name in sample["scores"]]
        if filtered == "none" and values and not isclose(fmean(values), value, rel_tol=1e-9, abs_tol=1e-12):
            return f"{name} is {value}, but {fmean(values)} by its samples"
    return None


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
