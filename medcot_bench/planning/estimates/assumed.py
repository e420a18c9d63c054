"""The variances that are assumed without a pilot: those of the published studies (`benchmarks/variances.py`)."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

from medcot_bench.stats.power import Varying
from medcot_bench.stats.variance_components import Components, Variances

FILE = Path(__file__).parent / "published.json"


@cache
def assumed_variances(tokens: int | None) -> Mapping[Varying, Components]:
    """Return effect -> variances, each of the studies whose token budget is nearest; None: of the largest."""
    known = read_published()
    wanted = tokens or max(known)
    nearest = sorted(known, key=lambda budget: abs(math.log(budget / wanted)), reverse=True)
    return {effect: found for budget in nearest for effect, found in known[budget].items()}


def measured_budgets(effects: Collection[Varying]) -> list[int]:
    """Return the tokens of a training at which the published studies have the variances of all these effects."""
    return [tokens for tokens, found in read_published().items() if found.keys() >= {*effects}]


@cache
def read_published() -> Mapping[int, Mapping[Varying, Components]]:
    """Return tokens of a training -> effect -> variances."""
    found: dict[int, dict[Varying, Components]] = {}
    for row in json.loads(FILE.read_text(encoding="utf-8")):
        effect = Varying(row["kind"], row["score"], row["trained"], row["task"])
        sets = tuple(Variances(*values) for values in row["sets"])
        found.setdefault(row["tokens"], {})[effect] = Components(sets, row["seed"], row["noise"], row["df"])
    return found
