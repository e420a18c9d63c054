"""Means with standard errors that know which items belong together."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over items with its standard error (None below two groups)."""

    mean: float
    stderr: float | None
    n: int


def clustered(values: Mapping[str, float], groups: Mapping[str, str]) -> Estimate:
    """Return the mean of item -> value with a standard error clustered by item -> group.

    CR1 of the mean: sqrt(G / (G - 1) * sum over groups of (sum of deviations)^2) / n, as in Miller 2024
    (arXiv 2411.00640, section 2.2). With one item a group it is the usual s / sqrt(n).

    >>> clustered({"a": 0.0, "b": 1.0, "c": 1.0, "d": 0.0}, {"a": "1", "b": "2", "c": "2", "d": "1"})
    Estimate(mean=0.5, stderr=0.5, n=4)
    """
    n = len(values)
    mean = math.fsum(values.values()) / n
    sums: defaultdict[str, float] = defaultdict(float)
    for item, value in values.items():
        sums[groups[item]] += value - mean
    if len(sums) < 2:
        return Estimate(mean, None, n)
    correction = len(sums) / (len(sums) - 1)
    return Estimate(mean, math.sqrt(correction * math.fsum(s * s for s in sums.values())) / n, n)
